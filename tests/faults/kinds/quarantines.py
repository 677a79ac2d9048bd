"""Messages on the log that are no facts, by the thousand."""

from __future__ import annotations

import random

from events.log import append
from events.subjects import new_event_id
from events.traceparent import Record

from ..installation import Installation
from ..registry import fault

PORTION = 10_000


async def _quarantined(site: Installation, count: int) -> None:
    for _ in range(0, count, PORTION):
        ids = [new_event_id() for _ in range(PORTION)]
        records = [Record(f"training.example.captured.x{name}.{name}", b'{"type": "no fact"}') for name in ids]
        await append.publish(site.log, records)
    await site.until_answering()
    kept = sum((await site.asked("status"))["quarantined"].values())
    assert kept == count, f"{kept:,} of {count:,} are in the quarantine"
    async with site.web("operator") as web:
        assert (await web.get("/api/v1/quarantine")).status_code == 200


@fault("10,000 quarantined facts", is_short=True)
async def many(site: Installation, rng: random.Random) -> None:
    await _quarantined(site, 10_000)


@fault("a million quarantined facts", most=1)
async def million(site: Installation, rng: random.Random) -> None:
    await _quarantined(site, 1_000_000)
