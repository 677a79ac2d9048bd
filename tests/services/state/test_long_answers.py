"""Long answers come chunk by chunk, and let go of the database when nobody wants more."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Generator

import pyarrow as pa
import pytest

from events.errors import RooflogError
from services.state import long_answers
from services.state.long_answers import AT_ONCE, LongAnswers, Parts
from services.state.protocol import END, ENOUGH, FAILED, HEADROOM_BYTES, LAST, PART
from tests.deadlines import FAR_SECONDS


class Source:
    """Parts that tell whether they were let go of."""

    def __init__(self, *parts: bytes, before: Callable[[], object] = lambda: None) -> None:
        self.parts, self.before, self.is_closed = parts, before, False

    def __call__(self) -> Parts:
        def parts() -> Generator[bytes | pa.Table]:
            try:
                for part in self.parts:
                    self.before()
                    yield part
            finally:
                self.is_closed = True

        return parts()


def answers() -> LongAnswers:
    return LongAnswers("projector", HEADROOM_BYTES + 4)


async def closed(source: Source) -> None:
    async with asyncio.timeout(FAR_SECONDS):
        while not source.is_closed:
            await asyncio.sleep(0.01)


async def test_chunks_come_in_their_order_to_the_end() -> None:
    kept, source = answers(), Source(b"123456", b"78")
    number = kept.begin("rows", source()).encode()
    chunks = [await kept.more(number) for _ in range(4)]
    assert chunks == [PART + b"1234", LAST + b"56", LAST + b"78", END]
    assert source.is_closed
    assert (await kept.more(number)).startswith(FAILED)


async def test_whoever_has_enough_lets_go() -> None:
    kept, source = answers(), Source(b"12", b"34")
    number = kept.begin("rows", source()).encode()
    await kept.more(number)
    assert await kept.more(ENOUGH + number) == b""
    assert source.is_closed


async def test_an_asker_that_has_gone_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_answers, "IDLE_SECONDS", 0.01)
    kept, source = answers(), Source(b"12", b"34")
    await kept.more(kept.begin("rows", source()).encode())
    await closed(source)


async def test_a_page_may_take_longer_than_an_asker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_answers, "IDLE_SECONDS", 0.01)
    is_ready = threading.Event()
    kept, source = answers(), Source(b"12", before=lambda: is_ready.wait(FAR_SECONDS))
    asked = asyncio.create_task(kept.more(kept.begin("rows", source()).encode()))
    await asyncio.sleep(0.1)
    is_ready.set()
    assert await asked == LAST + b"12"


async def test_an_answer_that_is_ended_amid_a_page_is_over() -> None:
    is_ready = threading.Event()
    kept, source = answers(), Source(b"12", b"34", before=lambda: is_ready.wait(FAR_SECONDS))
    number = kept.begin("rows", source()).encode()
    asked = asyncio.create_task(kept.more(number))
    await asyncio.sleep(0)
    ending = asyncio.create_task(kept.close())
    await asyncio.sleep(0)
    is_ready.set()
    await asyncio.wait_for(asyncio.gather(asked, ending), FAR_SECONDS)
    assert source.is_closed


async def test_there_are_only_so_many_at_a_time() -> None:
    kept = answers()
    for _ in range(AT_ONCE):
        kept.begin("rows", Source(b"12")())
    with pytest.raises(RooflogError, match="long answers are under way"):
        kept.begin("rows", Source(b"12")())
    await kept.close()


async def test_an_error_amid_the_answer_is_sent() -> None:
    def failing() -> Generator[bytes | pa.Table]:
        yield b"12"
        raise RooflogError("the disk is full")

    kept = answers()
    number = kept.begin("rows", failing()).encode()
    await kept.more(number)
    assert b"the disk is full" in await kept.more(number)
