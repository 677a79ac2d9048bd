"""Scratch: what a process writes for a while, below the data directory: an erasure finds what a killed one left."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PREFIX = "past."
"""The start of the name of a folder for a while. Whose it is holds a lock on it, which ends with the process: numbers
of processes say nothing where services are in containers."""

OLDER = ("export.staging", "export.audit")
"""What older versions wrote for a while."""


@contextmanager
def scratch(data_dir: Path) -> Iterator[Path]:
    """A new folder, which is removed with the context; what killed processes left is removed before."""
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _locked(data_dir):
        _sweep(data_dir)
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=data_dir))
        held = os.open(folder, os.O_RDONLY)
        fcntl.flock(held, fcntl.LOCK_EX)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(held)


def forget_abandoned(data_dir: Path) -> None:
    """Remove what killed processes left."""
    if data_dir.is_dir():
        with _locked(data_dir):
            _sweep(data_dir)


def _sweep(data_dir: Path) -> None:
    for folder in [*data_dir.glob(f"{PREFIX}*"), *(data_dir / name for name in OLDER)]:
        with _locked(folder, waits=False) as is_abandoned:
            if is_abandoned:
                shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _locked(folder: Path, *, waits: bool = True) -> Iterator[bool]:
    """Hold the lock of a folder; without waiting, False where another process has it or the folder has gone."""
    try:
        held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        yield False
        return
    try:
        fcntl.flock(held, fcntl.LOCK_EX if waits else fcntl.LOCK_EX | fcntl.LOCK_NB)
        is_held = True
    except BlockingIOError:
        is_held = False
    try:
        yield is_held
    finally:
        os.close(held)
