"""Checks of the data directory and of the room for it."""

from __future__ import annotations

import os
import pwd
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from .. import private_files
from .check import Trouble
from .installation import Installation

LEAST_BYTES = 2**30
"""Free room below which a disk is nearly full: a server with a full disk takes no facts."""


async def data_directory(seen: Installation) -> AsyncIterator[Trouble]:
    """It is there, belongs to this user, who may write, and nobody else may look."""
    folder = seen.settings.data_dir
    if not folder.is_dir():
        what = f"{folder} is no directory" if folder.exists() else f"{folder} does not exist"
        yield Trouble(
            what, f"name yours with --data-dir or ROOFLOG_DATA_DIR, or begin one: rooflog up --data-dir {folder}"
        )
        return
    if owner := _stranger(folder):
        me = _name(os.geteuid())
        yield Trouble(
            f"{owner[0]} belongs to {_name(owner[1])}, and this is {me}",
            f"run rooflog as the user of the data directory, or give it over: chown -R {me} {folder}",
        )
    elif not private_files.is_writable(folder):
        yield Trouble(f"{folder} is not writable", f"let its user write: chmod u+rwx {folder}; or mount it for writing")
    elif open_files := private_files.too_open(folder):
        yield Trouble(f"others may read or change {open_files[0]}", f"close it: chmod -R go= {folder}")


async def room(seen: Installation) -> AsyncIterator[Trouble]:
    """The disks have room, that of the database also for a rebuild beside it."""
    settings = seen.settings
    database = settings.database.stat().st_size if settings.database.exists() else 0
    devices: set[int] = set()
    for place in (settings.data_dir, *_volumes(seen), *seen.outboxes, Path(tempfile.gettempdir())):
        nearest = _existing(place)
        if (device := nearest.stat().st_dev) in devices:
            continue
        devices.add(device)
        free = shutil.disk_usage(nearest).free
        least = max(LEAST_BYTES, database if place == settings.data_dir else 0)
        if free < least:
            yield Trouble(
                f"the disk of {place} is nearly full: {free / 2**20:,.0f} MiB are free, and it needs "
                f"{least / 2**20:,.0f}",
                "make room or enlarge the disk; rooflog writes below its directories alone, so look for what else does",
            )


def _volumes(seen: Installation) -> Iterator[Path]:
    if seen.settings.sink == "local":
        yield seen.settings.volume


def _existing(place: Path) -> Path:
    """A place, or the nearest folder above it that is there."""
    return next(path for path in (place, *place.parents) if path.exists())


def _stranger(folder: Path) -> tuple[Path, int] | None:
    """The first of the folder and the files in it that belongs to another user, and that user."""
    for path in (folder, *sorted(folder.glob("*")), *sorted(folder.glob("*/*"))):
        try:
            owner = path.lstat().st_uid
        except FileNotFoundError:  # it went meanwhile
            continue
        if owner != os.geteuid():
            return path, owner
    return None


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"user {user}"
