"""Text readers: batches come in order, read by other processes where there are some, and whatever becomes of those."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import AsyncGenerator

from events.codec import encode
from events.facts import Fact
from events.message import Message
from events.subjects import subject_of
from projections.fold.content_digest import content_digest
from projections.fold.projector import Projector
from services.projector.text_readers import TextReaders
from tests.deadlines import FAR_SECONDS

from ..conftest import capture

FACTS: list[Fact] = [capture(f"What is the minimum slope for TPO roof number {n % 40}?") for n in range(60)]
MESSAGES = [Message(seq, subject_of(fact), encode(fact)) for seq, fact in enumerate(FACTS, 1)]
SIZE = 5


async def portions() -> AsyncGenerator[list[Message]]:
    for start in range(0, len(MESSAGES), SIZE):
        yield MESSAGES[start : start + SIZE]


def applied() -> str:
    projector = Projector(None)
    projector.apply(MESSAGES)
    digest = content_digest(projector.con)
    projector.close()
    return digest


async def folded(*, start: bool, kill_after: int | None = None) -> tuple[str, list[bool]]:
    """The content when all is folded, and for each batch whether its texts were read elsewhere."""
    projector = Projector(None)
    projector.warm()
    elsewhere: list[bool] = []
    async with TextReaders(projector.memory) as readers:
        if start:
            readers.start()
            async with asyncio.timeout(FAR_SECONDS):
                while not readers.are_ready:
                    await asyncio.sleep(0.02)
        async for batch, reading in readers.batches(portions()):
            projector.take(batch, reading)
            elsewhere.append(reading is not None)
            if len(elsewhere) == kill_after:
                for child in multiprocessing.active_children():
                    child.kill()
                    child.join()
    digest = content_digest(projector.con)
    projector.close()
    return digest, elsewhere


async def test_none_starts_before_it_is_told_to() -> None:
    assert await folded(start=False) == (applied(), [False] * (len(MESSAGES) // SIZE))


async def test_what_processes_read_ends_in_the_same_content() -> None:
    assert await folded(start=True) == (applied(), [True] * (len(MESSAGES) // SIZE))


async def test_a_killed_process_stops_nothing() -> None:
    digest, elsewhere = await folded(start=True, kill_after=2)
    assert digest == applied()
    assert elsewhere[:2] == [True, True]
    assert not elsewhere[-1]
