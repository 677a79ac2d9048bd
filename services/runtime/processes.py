"""Other processes of this machine, as Linux tells of them in /proc; elsewhere nothing is known of them."""

from __future__ import annotations

import contextlib
import os
import time
from datetime import UTC, datetime
from pathlib import Path

_PROC = Path("/proc")
_LISTENS = "0A"
"""The state of a listening socket in /proc/net/tcp."""


def holder_of(path: Path) -> int | None:
    """The process that has a file locked; None where there is none, or nobody can tell."""
    try:
        status = path.stat()
        locks = (_PROC / "locks").read_text().splitlines()
    except OSError:
        return None
    place = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    return next((int(words[4]) for line in locks if place in (words := line.split()) and words[1] == "FLOCK"), None)


def listener_at(port: int) -> int | None:
    """The process that listens at a TCP port; None where there is none, or its owner is another user."""
    sockets = {f"socket:[{inode}]" for inode in _listening(port)}
    if not sockets:
        return None
    for folder in _PROC.glob("[0-9]*/fd"):
        with contextlib.suppress(OSError):
            if any(str(link.readlink()) in sockets for link in folder.iterdir()):
                return int(folder.parent.name)
    return None


def described(pid: int | None) -> str:
    """A process for people: `process 4711 (nats-server, since 2026-03-01 12:00:00 UTC)`."""
    if pid is None:
        return "another process"
    with contextlib.suppress(OSError, IndexError, ValueError):
        return f"process {pid} ({_command(pid)}, since {_started_at(pid):%Y-%m-%d %H:%M:%S} UTC)"
    return f"process {pid}"


def _command(pid: int) -> str:
    """The program of a process with its first arguments, as `rooflog web` for one of ours."""
    words = (_PROC / str(pid) / "cmdline").read_bytes().decode(errors="replace").split("\0")
    if "services" in words:
        return " ".join(["rooflog", *words[words.index("services") + 1 :][:1]])
    return Path(words[0]).name


def _started_at(pid: int) -> datetime:
    ticks = int((_PROC / str(pid) / "stat").read_text().rsplit(")", 1)[1].split()[19])
    age = float((_PROC / "uptime").read_text().split()[0]) - ticks / os.sysconf("SC_CLK_TCK")
    return datetime.fromtimestamp(time.time() - age, UTC)


def _listening(port: int) -> set[str]:
    inodes = set()
    for name in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            for line in (_PROC / "net" / name).read_text().splitlines()[1:]:
                words = line.split()
                if words[3] == _LISTENS and int(words[1].rpartition(":")[2], 16) == port:
                    inodes.add(words[9])
    return inodes
