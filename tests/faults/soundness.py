"""What must hold of an installation after every fault."""

from __future__ import annotations

import asyncio
from collections import Counter

from msgspec import Struct, field

from events.log.log import Log
from tests.services.exporter.test_training import check_root
from tests.services.projector.test_service import rebuilt_digest

from .installation import Installation
from .load import Acknowledged

DECISIONS = ("example.approved", "example.rejected")


class Found(Struct):
    """What is wrong; `lost` and `doubled` count facts that were acknowledged."""

    lost: int = 0
    doubled: int = 0
    problems: list[str] = field(default_factory=list)


async def examine(site: Installation, acknowledged: Acknowledged, *, counts: bool = True) -> Found:
    """Compare the log with what was acknowledged (`counts`), the tables with the log, and the volume with itself."""
    result = Found()
    if counts:
        await _count(site.log, acknowledged, result)
    if acknowledged.dropped and not site.may_drop:
        result.problems.append(f"assistants have dropped {acknowledged.dropped} captures")
    live = await site.asked("digest")
    rebuilt = await rebuilt_digest(site.log, live["checkpoint"])
    if live["content_digest"] != rebuilt:
        result.problems.append(f"live {live} is not rebuilt {rebuilt}")
    verified = await asyncio.to_thread(site.cli.json, "verify", code=None)
    if verified["status"] != "verified":
        result.problems.append(f"verify: {verified.get('problems') or verified}")
    exported = await asyncio.to_thread(site.cli.json, "export", "--min-examples", "1", code=None)
    if exported["status"] != "exported":
        result.problems.append(f"export: {exported}")
    try:
        check_root(site.data_dir / "volume")
    except AssertionError as error:
        result.problems.append(f"the volume is not whole: {error}")
    return result


async def _count(log: Log, acknowledged: Acknowledged, result: Found) -> None:
    """Every acknowledged capture and decision is on the log once."""
    captured: Counter[str] = Counter()
    decided: Counter[str] = Counter()
    decisions: dict[int, str] = {}
    async for messages in log.read(0):
        for message in messages:
            parts = message.parts
            if parts.kind == "example.captured":
                captured[parts.about] += 1
            elif parts.kind in DECISIONS:
                decided[parts.about] += 1
                decisions[message.seq] = parts.about
    lost = acknowledged.captures - captured.keys()
    undecided = [seq for seq, about in acknowledged.decisions.items() if decisions.get(seq) != about]
    doubled = [example_id for example_id, times in captured.items() if times > 1]
    twice = [about for about, times in decided.items() if times > acknowledged.keys[about]]
    result.lost, result.doubled = len(lost) + len(undecided), len(doubled) + len(twice)
    if result.lost:
        result.problems.append(f"lost: captures {sorted(lost)[:5]}, decisions {undecided[:5]}")
    if result.doubled:
        result.problems.append(f"doubled: captures {doubled[:5]}, decisions on {twice[:5]}")
