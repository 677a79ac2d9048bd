"""Files of a data directory: readable by their owner alone, and on disk when they are said to be."""

from __future__ import annotations

import os
import stat
from io import BufferedRandom
from pathlib import Path

UMASK = 0o077
"""What every process of rooflog keeps from others in the files that it makes."""

SHOWN = 3
"""Files that are too open, of which the names are told."""

TOLD = "ROOFLOG_UP"
"""Set in the environment of the processes that `rooflog up` starts: it has told of open files already."""


def create(path: Path) -> BufferedRandom:
    """Begin a new file that only its owner may read."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    return os.fdopen(descriptor, "w+b")


def write_private(path: Path, content: bytes) -> None:
    """Replace a file in one step, synced to disk, readable by its owner only."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, 0o600)
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    temporary.replace(path)


def sync(path: Path) -> None:
    """Sync a file, or a directory so that renames in it survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_writable(folder: Path) -> bool:
    """Whether this user may make, read and remove files in a folder."""
    return os.access(folder, os.R_OK | os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids)


def too_open(folder: Path) -> list[Path]:
    """The folder itself and what lies directly in it or its folders that others than the owner may read or change."""
    places = [folder, *folder.glob("*"), *folder.glob("*/*")] if folder.exists() else []
    return [path for path in places if not path.is_symlink() and _mode(path) & UMASK]


def attention(folder: Path) -> str | None:
    """What to tell who opens a folder that is too open; None where it is not, or where the starter has told it."""
    if TOLD in os.environ or not (open_files := too_open(folder)):
        return None
    names = ", ".join(str(path) for path in open_files[:SHOWN]) + (" and more" if open_files[SHOWN:] else "")
    return f"ATTENTION: others may read or change {names}; close it with `chmod -R go= {folder}`"


def close(folder: Path) -> None:
    """Take everybody else's rights from what `too_open` finds."""
    for path in too_open(folder):
        path.chmod(_mode(path) & ~UMASK)


def _mode(path: Path) -> int:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:  # it went meanwhile
        return 0
