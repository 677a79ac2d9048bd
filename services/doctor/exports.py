"""Checks of the volume and of what keeps it current."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

from ..exporter import publication
from ..private_files import is_writable
from ..volume import VolumeError, open_volume
from .check import Trouble, of
from .installation import Installation

LATE = timedelta(minutes=15)
"""How long after an export was due it is missed."""


async def volume(seen: Installation) -> AsyncIterator[Trouble]:
    """It can be written, and its latest export is whole."""
    settings = seen.settings
    if settings.sink == "local" and settings.volume.exists() and not is_writable(settings.volume):
        yield Trouble(
            f"the volume {settings.volume} is not writable", f"let its user write: chmod -R u+rwX {settings.volume}"
        )
        return
    try:
        place = open_volume(settings)
        try:
            digest = await publication.latest(place)
            manifest = await publication.manifest_of(place, digest) if digest else None
            if digest and (manifest is None or not await publication.is_whole(place, digest, manifest)):
                yield Trouble(
                    f"latest.json on {place.name} names the export {digest[:12]}, which is not whole there",
                    "run `rooflog export`: it writes what is missing",
                )
        finally:
            await place.close()
    except VolumeError as error:
        yield of(error, "see the settings of the sink")


async def exporter(seen: Installation) -> AsyncIterator[Trouble]:
    """It runs where services do, does not fail, and is not late."""
    answer = seen.exporter
    if isinstance(answer, Exception):
        yield of(answer, "see the log of the exporter, and start it again")
    elif answer is None:
        if seen.is_served:
            yield Trouble("no exporter answers", "start it with `rooflog up` or `rooflog exporter`")
    else:
        if answer["error"]:
            yield Trouble(f"the exporter fails: {answer['error']}", f"it tries again at {answer['retry_at']} by itself")
        for digest, why in answer["uncertain"].items():
            yield Trouble(
                f"nobody knows whether the training on export {digest[:12]} was started: {why}",
                "look at the trainer, then run `rooflog train --force` if it was not",
            )
        if answer["due_at"] and seen.now - datetime.fromisoformat(answer["due_at"]) > LATE:
            yield Trouble(
                f"an export was due at {answer['due_at']} and was not made",
                "see the log of the exporter, and start it again",
            )
