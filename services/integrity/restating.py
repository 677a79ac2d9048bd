"""Restating: captures that 0.1.0 gave a copy of earlier turns are said again without it before they are erased.

A restatement is on the log before its capture goes. It has a subject of its own for each capture, so it is said once.
"""

from __future__ import annotations

from collections.abc import Iterable

from events.errors import InvalidFact
from events.facts import ExampleRestated
from events.log.log import Log
from events.message import Message, Tombstones, restated, restored
from events.subjects import subject_of


async def listed(log: Log, seqs: Iterable[int]) -> dict[int, Message]:
    """The messages that a tombstone lists so that captures are restated: these, and what is wrong in their places."""
    held = await log.those(seqs)
    known = await log.tombstones() if held else None
    for fact in filter(None, map(restated, list(held.values()))):
        if known and (wrong := await _wrong(log, known, fact)) is not None:
            held[wrong.seq] = wrong
    return held


async def restate(log: Log, known: Tombstones, message: Message) -> bool:
    """Say a capture again without its copies; whether the log says so now. Any other message needs no restatement."""
    fact = restated(message)
    if fact is None:
        return True
    published = await log.publish([fact])
    return not published.refused and await _wrong(log, known, fact) is None


async def _wrong(log: Log, known: Tombstones, fact: ExampleRestated) -> Message | None:
    """What is said in the place of a restatement and is another one; None where nothing is, or where it is right.

    A capture that was said again after it was restated needs no restatement: it was one example, and still is.
    """
    for message in (await log.last([subject_of(fact)])).values():
        try:
            placed = message.fact()
        except InvalidFact:
            return message
        earlier = isinstance(placed, ExampleRestated) and known.listed.get(placed.restates)
        if placed != fact and (not earlier or earlier.seq >= fact.restates or restored(earlier, message).is_gone):
            return message
    return None
