"""Moments of the log as people say them: a sequence, or a time."""

from __future__ import annotations

import pytest

from events.errors import InputError
from events.log.log import Log
from services.history.moment import meant

from ..projector.test_rebuild import say


async def test_a_time_means_what_was_received_by_then(log: Log) -> None:
    await say(log, 20)
    times = [message.received_at async for messages in log.read(0) for message in messages]
    for seq in (2, 9, 23):
        assert await meant(log, times[seq - 1]) == seq - 1
    assert await meant(log, "9999-01-01") == await meant(log, None) == 23
    for wrong, why in (
        (times[0], "before the first fact"),
        ("1999-01-01", "before the first fact"),
        ("0", "before the first fact"),
        ("24", "the log ends at sequence 23"),
        ("yesterday", "no sequence and no time"),
    ):
        with pytest.raises(InputError, match=why):
            await meant(log, wrong)
