"""A moment of the log as people say it: a sequence, or a time."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from events.errors import InputError
from events.log.log import Log


async def meant(log: Log, moment: str | None) -> int:
    """The sequence that `--as-of` means: the last sequence where the option is not given. Raises InputError."""
    last = await log.last_sequence()
    seq = last if moment is None else await sequence_of(log, moment)
    if seq > last:
        raise InputError(f"the log ends at sequence {last:,}, there is no {seq:,} yet")
    if seq < 1:
        raise InputError(f"{moment} is before the first fact of the log")
    return seq


async def sequence_of(log: Log, moment: str) -> int:
    """The sequence that a person means: a number, or a time in ISO 8601, which is UTC unless it says otherwise.

    Raises InputError.
    """
    if re.fullmatch(r"\d+", moment):
        return int(moment)
    return await log.before(time_of(moment))


def time_of(text: str) -> datetime:
    """A moment in ISO 8601, in UTC unless it says otherwise. Raises InputError."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(f"{text!r} is no sequence and no time; give 1234 or 2025-03-18T12:00:00Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
