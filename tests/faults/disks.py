"""Small file systems in memory, which can be filled to the last byte."""

from __future__ import annotations

import errno
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .installation import NotRun

BALLAST = ".ballast"

BLOCK = b"\0" * 2**16


@contextmanager
def small_disk(place: Path, megabytes: int) -> Iterator[None]:
    """A file system of so many megabytes on a directory. Raises NotRun where this user may not mount one."""
    place.mkdir(parents=True, exist_ok=True)
    options = f"size={megabytes}m,mode=0700"
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise NotRun(f"a small file system needs root and the right to mount: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def fill(place: Path) -> None:
    """Leave no byte free."""
    with (place / BALLAST).open("ab", buffering=0) as ballast:
        for block in (BLOCK, b"\0"):
            try:
                while ballast.write(block):
                    pass
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise


def free(place: Path) -> None:
    """Give the space back."""
    (place / BALLAST).unlink()
