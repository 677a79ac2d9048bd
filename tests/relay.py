"""A relay on loopback between a client and a server, which is slow, silent, or says another version than the server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

PIECE = 2**16

Change = Callable[[bytes], bytes]
Delay = Callable[[bytes], float]


class Relay:
    """What the server says is changed by `change`, and passed on after so many seconds as `delay` says."""

    def __init__(self, port: int | None, change: Change | None = None, delay: Delay | None = None) -> None:
        """`port` is that of the server; without one whoever connects hears nothing."""
        self._to = port
        self._change = change or bytes
        self._delay = delay or (lambda _: 0.0)
        self._tasks: set[asyncio.Task[None]] = set()
        self.accepted = 0
        self.port = 0

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"nats://127.0.0.1:{self.port}"

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Relay]:
        """Relay while this is open."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            if self._to is None:
                await reader.read()
                return
            there, here = await asyncio.open_connection("127.0.0.1", self._to)
            with contextlib.closing(here):
                await asyncio.gather(self._pass(there, writer, self._change), self._pass(reader, here, bytes))
        except OSError:
            return
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, change: Change) -> None:
        while piece := await source.read(PIECE):
            await asyncio.sleep(self._delay(piece))
            sink.write(change(piece))
            await sink.drain()
        sink.close()
