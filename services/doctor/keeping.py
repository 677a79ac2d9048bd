"""Checks of what is done to an installation now and then: backups and verifications."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

from .. import marks
from ..state.lag import received
from .check import Trouble
from .installation import Installation

BACKUP = timedelta(days=8)
"""A backup a week, and a day for the one that was missed."""

VERIFY = timedelta(days=32)
"""A verification a month, and a day."""


async def backup(seen: Installation) -> AsyncIterator[Trouble]:
    """The log was backed up not long ago."""
    mark = marks.last(seen.settings.data_dir, "backed_up")
    cure = "run `rooflog backup`, with --every to have it done from now on"
    if mark is None:
        if await _is_older(seen, BACKUP):
            yield Trouble("the log was never backed up from here", cure)
    elif seen.now - datetime.fromisoformat(mark.at) > BACKUP:
        yield Trouble(f"the last backup was made at {mark.at}", cure)


async def verification(seen: Installation) -> AsyncIterator[Trouble]:
    """The log was verified not long ago, and was what it was."""
    mark, broken = marks.last(seen.settings.data_dir, "verified"), marks.last(seen.settings.data_dir, "found_broken")
    if broken is not None:
        yield Trouble(
            f"the verification at {broken.at} has failed: the log is not what it was",
            "run `rooflog verify` for what was changed, and restore a backup from before",
        )
    elif mark is None:
        if await _is_older(seen, VERIFY):
            yield Trouble("the log was never verified from here", "run `rooflog verify`")
    elif seen.now - datetime.fromisoformat(mark.at) > VERIFY:
        yield Trouble(f"the log was last verified at {mark.at}", "run `rooflog verify`")


async def _is_older(seen: Installation, age: timedelta) -> bool:
    """Whether the log is so old."""
    assert seen.log is not None  # noqa: S101
    async for messages in seen.log.read(0, 1):
        return not messages[0].is_missing and seen.now - received(messages[0]) > age
    return False
