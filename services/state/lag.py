"""How far the tables are behind the log, by number and by age."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from msgspec import Struct

from events.log.log import Log, Message

LAG_SECONDS = 60.0
"""A fact that waits longer than this to be folded is trouble."""


class Lag(Struct, frozen=True):
    """The last sequence of the log, how many facts wait to be folded, and for how many seconds the oldest has."""

    last: int
    behind: int
    seconds: float


async def lag(log: Log, checkpoint: int) -> Lag:
    """How far tables at a checkpoint are behind. Raises Unreachable where the log is away."""
    now = datetime.now(UTC)
    last = await log.last_sequence()
    waiting = await log.at(checkpoint + 1) if checkpoint < last else None
    age = (now - received(waiting)).total_seconds() if waiting else 0.0
    return Lag(last, max(0, last - checkpoint), round(max(0.0, age), 3))


def received(message: Message) -> datetime:
    """The server's clock when the message came; it counts nanoseconds, which Python does not."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=message.received_ns // 1_000)
