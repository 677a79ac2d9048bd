"""Backups one after the other in a folder: made when one is due, the oldest removed when enough newer ones are good."""

from __future__ import annotations

import asyncio
import logging
import re
import shutil
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from msgspec import Struct

from events.deadline import within
from events.errors import RooflogError

from . import backup as backups
from .backup import Manifest

logger = logging.getLogger("rooflog.backup")

_STAMP = "%Y-%m-%dT%H%M%SZ"
_NAME = re.compile(r"\d{4}-\d\d-\d\dT\d{6}Z")
"""Only folders of such a name are ever removed."""

RETRY = timedelta(minutes=15)
"""After a failure the next backup is tried so soon, unless the interval is shorter."""

Make = Callable[[Path], Awaitable[Manifest]]
"""Writes a backup into a new folder. Raises RooflogError, OSError."""


class Kept(Struct, frozen=True):
    """A backup in the folder: when it was made, and up to which sequence."""

    folder: Path
    at: datetime
    last_seq: int


def kept(folder: Path) -> list[Kept]:
    """The whole backups of a folder that this made, the newest first."""
    whole = []
    for place in folder.glob("*"):
        if _NAME.fullmatch(place.name):
            try:
                manifest = backups.load(place)
            except (RooflogError, OSError):  # broken off or damaged
                continue
            whole.append(Kept(place, datetime.fromisoformat(manifest.at), manifest.last_seq))
    return sorted(whole, key=lambda each: each.at, reverse=True)


def due_in(folder: Path, every: timedelta, now: datetime) -> timedelta:
    """How long until the next backup is due; nothing where it is."""
    newest = next(iter(kept(folder)), None)
    return timedelta() if newest is None else max(timedelta(), newest.at + every - now)


async def back_up(make: Make, folder: Path, keep: int, now: datetime) -> tuple[Path, Manifest, list[Path]]:
    """Make a backup in a folder and remove what is older than the newest `keep`; where it is, and what was removed.

    Nothing is removed unless the new backup can be read back with the digest that it was written with. The ledger
    beside the backups stays. Raises RooflogError, OSError.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    place = folder / now.strftime(_STAMP)
    made = await make(place)
    await asyncio.to_thread(backups.check, place, made)
    return place, made, await asyncio.to_thread(_remove_old, folder, keep)


def _remove_old(folder: Path, keep: int) -> list[Path]:
    whole = kept(folder)
    staying = {each.folder for each in whole[:keep]}
    newest = whole[0].folder.name
    removed = []
    for place in sorted(folder.glob("*")):
        if _NAME.fullmatch(place.name) and place not in staying and place.name < newest:
            shutil.rmtree(place)
            removed.append(place)
    return removed


async def go_on(make: Make, folder: Path, every: timedelta, keep: int, stopping: asyncio.Event) -> None:
    """Make a backup whenever one is due, until told to stop; one that fails is tried again."""
    while not stopping.is_set():
        pause = due_in(folder, every, datetime.now(UTC))
        if not pause:
            try:
                place, made, removed = await back_up(make, folder, keep, datetime.now(UTC))
                logger.info(
                    "backed up sequences 1 to %d to %s; older backups removed: %d", made.last_seq, place, len(removed)
                )
                pause = every
            except (RooflogError, OSError) as error:
                pause = min(every, RETRY)
                logger.error("%s; the next try is in %.0f s", error, pause.total_seconds())
        try:
            await within(pause.total_seconds(), stopping.wait())
        except TimeoutError:
            continue
