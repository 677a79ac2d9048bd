"""The check of outboxes: what clients on this machine said and the log does not have."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from events.client.outbox import MAX_BYTES, SET_ASIDE, SUFFIX
from events.client.segment import first_waiting

from .check import Trouble
from .installation import Installation

LONG = timedelta(minutes=15)
"""How long a fact may wait while the log can be reached."""


class _Said(msgspec.Struct):
    occurred_at: datetime


async def outbox(seen: Installation) -> AsyncIterator[Trouble]:
    """No fact has waited long, and none was set aside."""
    for folder in seen.outboxes:
        if not folder.is_dir():
            yield Trouble(f"there is no outbox {folder}", "name the directory that the client has: --outbox DIR")
            continue
        segments = sorted(folder.glob(f"*{SUFFIX}"))
        oldest = min((at for segment in segments if (at := _waiting_since(segment))), default=None)
        if oldest is not None and seen.now - oldest > LONG:
            yield Trouble(
                f"a fact has waited in {folder} since {oldest:%Y-%m-%d %H:%M} UTC",
                "start the client that uses it, with the address and the secret of this log; it sends what waits",
            )
        if sum(segment.stat().st_size for segment in segments) >= MAX_BYTES:
            yield Trouble(f"the outbox {folder} is full, and new facts are dropped", "let the client reach the log")
        if (aside := folder / SET_ASIDE).exists() and (lines := aside.read_bytes().count(b"\n")):
            yield Trouble(
                f"the log refused facts for good: {lines} in {aside}",
                "each line has the reason; say again what counts, then move the file away",
            )


def _waiting_since(segment: Path) -> datetime | None:
    """When the first fact of a segment was said that is not on the log; None where there is none.

    A fact may tell of a time long ago, but was not said before its segment began.
    """
    record = first_waiting(segment)
    if record is None:
        return None
    began = datetime.fromtimestamp(int(segment.name.partition("-")[0]) / 1e9, UTC)
    try:
        return max(began, msgspec.json.decode(record[1], type=_Said).occurred_at)
    except msgspec.MsgspecError:
        return began
