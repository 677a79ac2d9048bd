"""Long answers: their rows page by page, in chunks of one message, each sent when the asker wants it.

So no buffer overflows, an asker that has gone costs nothing for long, and a chunk is an answer to a request, which
passes from one account of the server to another.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

import msgspec

from events.errors import InputError, RooflogError
from events.requests import refusal
from events.subjects import new_event_id

from .protocol import END, ENOUGH, FAILED, HEADROOM_BYTES, LAST, PART, bug, packed

if TYPE_CHECKING:
    import pyarrow as pa

IDLE_SECONDS = 60.0
"""How long an asker may take between two chunks; the database keeps the moment of the answer for it."""

AT_ONCE = 16
"""Long answers under way; each holds a cursor and a moment of the database."""

Parts = Generator["bytes | pa.Table"]

logger = logging.getLogger("rooflog.projector")


class LongAnswers:
    """The long answers of one service that are under way, by their number."""

    def __init__(self, who: str, max_payload: int) -> None:
        self._who = who
        self._size = max_payload - HEADROOM_BYTES
        self._under_way: dict[str, _LongAnswer] = {}

    def begin(self, name: str, parts: Parts) -> str:
        """Keep an answer for its asker; its number. Raises RooflogError where too many are under way."""
        if len(self._under_way) >= AT_ONCE:
            parts.close()
            raise RooflogError(f"{AT_ONCE} long answers are under way; ask again when one of them is over")
        number = new_event_id()
        self._under_way[number] = _LongAnswer(name, parts, self._size)
        self._wait_for(number)
        return number

    async def more(self, data: bytes) -> bytes:
        """The next chunk of the answer of this number; none where the asker has enough."""
        number = data.removeprefix(ENOUGH).decode(errors="replace")
        if data.startswith(ENOUGH):
            await self._end(number)
            return b""
        answer = self._under_way.get(number)
        if answer is None:
            gone = InputError("this answer is over, or nobody asked for its next part in time; ask the question anew")
            return FAILED + msgspec.json.encode(refusal(gone))
        answer.wait(None)  # it is our turn, however long the next page takes
        try:
            async with answer.turn:
                chunk = await asyncio.to_thread(next, answer.chunks, END)
        except RooflogError as error:
            chunk = FAILED + msgspec.json.encode(refusal(error))
        except Exception as error:
            chunk = FAILED + msgspec.json.encode(bug(answer.name, error, who=self._who))
        if chunk[:1] in (END, FAILED):
            await self._end(number)
        else:
            self._wait_for(number)
        return chunk

    async def close(self) -> None:
        """End every answer, so that nothing reads the database any more."""
        for number in list(self._under_way):
            await self._end(number)

    def _wait_for(self, number: str) -> None:
        """End the answer if nothing more of it is asked for in time; one that was ended meanwhile needs nothing."""
        loop, answer = asyncio.get_running_loop(), self._under_way.get(number)
        if answer is not None:
            answer.wait(loop.call_later(IDLE_SECONDS, lambda: loop.create_task(self._give_up(number))))

    async def _give_up(self, number: str) -> None:
        answer = self._under_way.get(number)
        if answer is not None:
            logger.info("whoever asked for %s had enough", answer.name)
            await self._end(number)

    async def _end(self, number: str) -> None:
        answer = self._under_way.pop(number, None)
        if answer is None:
            return
        answer.wait(None)
        async with answer.turn:
            await asyncio.to_thread(answer.parts.close)


class _LongAnswer:
    """One answer: where its next chunk comes from, whose turn it is, and until when it is kept."""

    def __init__(self, name: str, parts: Parts, size: int) -> None:
        self.name = name
        self.parts = parts
        self.chunks = _chunks(parts, size)
        self.turn = asyncio.Lock()
        self._timer: asyncio.TimerHandle | None = None

    def wait(self, timer: asyncio.TimerHandle | None) -> None:
        """Wait for the asker until this timer; None: not any more."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = timer


def _chunks(parts: Parts, size: int) -> Iterator[bytes]:
    with contextlib.closing(parts):
        for package in map(packed, parts):
            for start in range(0, len(package), size):
                kind = LAST if start + size >= len(package) else PART
                yield kind + package[start : start + size]
