"""Changes: tells every open page, within a moment, that the state has moved."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager

import msgspec
from nats.aio.msg import Msg

from events.deadline import within
from events.log.log import Log

from ..state.protocol import MOVED, Moved

KEEPALIVE_SECONDS = 15.0
"""A comment now and then keeps proxies from closing a quiet stream, and shows who has left."""

PAUSE_SECONDS = 0.2
"""Between two events of one stream: under load a page needs the last one only."""


class Changes:
    """The last checkpoint that the projector has told, and everybody who waits for the next."""

    def __init__(self) -> None:
        self.checkpoint = 0
        self.moved_at = 0.0
        self._listeners: set[asyncio.Event] = set()
        self._closed = False

    @property
    def listeners(self) -> int:
        """Open streams."""
        return len(self._listeners)

    def heard(self, log: Log) -> AbstractAsyncContextManager[None]:
        """Listen to the projector while this is open."""
        return log.subscribed(MOVED, self._heard)

    def close(self) -> None:
        """End every stream."""
        self._closed = True
        self._wake()

    async def stream(self, still_in: Callable[[], bool]) -> AsyncGenerator[bytes]:
        """Server-sent events until the listener leaves or may no longer stay: `moved` with the checkpoint."""
        woken = asyncio.Event()
        self._listeners.add(woken)
        try:
            sent = -1
            yield b"retry: 1000\n\n"
            while not self._closed and still_in():
                if self.checkpoint != sent:
                    sent = self.checkpoint
                    yield b'id: %d\nevent: moved\ndata: {"checkpoint":%d}\n\n' % (sent, sent)
                    await asyncio.sleep(PAUSE_SECONDS)
                try:
                    await within(KEEPALIVE_SECONDS, woken.wait())
                except TimeoutError:
                    yield b": still here\n\n"
                woken.clear()
        finally:
            self._listeners.discard(woken)

    async def _heard(self, message: Msg) -> None:
        try:
            moved = msgspec.json.decode(message.data, type=Moved)
        except msgspec.MsgspecError:
            return
        self.checkpoint, self.moved_at = moved.checkpoint, time.time()
        self._wake()

    def _wake(self) -> None:
        for listener in self._listeners:
            listener.set()
