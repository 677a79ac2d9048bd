"""A proxy on loopback that does to connections what networks do: cut them, swallow what they carry, be slow."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

BLOCK = 64 * 2**10


class Proxy:
    """Carries bytes to a port of this machine; the fields may be changed at any time, from any thread."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self.swallows = False
        """Connections stay open and carry nothing, either way."""
        self.delay_seconds = 0.0
        """Before each block is passed on."""
        self.bytes_per_second: float | None = None
        self._is_cut = False
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)

    def cut(self) -> None:
        """Break every connection and refuse new ones."""
        self._is_cut = True
        self._loop.call_soon_threadsafe(self._break)

    def mend(self) -> None:
        """Be a good network again; what was swallowed stays lost, and so do the connections that it belonged to."""
        if self.swallows:
            self._loop.call_soon_threadsafe(self._break)
        self._is_cut = self.swallows = False
        self.delay_seconds, self.bytes_per_second = 0.0, None

    def _break(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either side ends it."""
        self._writers.add(writer)
        other = None
        try:
            if self._is_cut:
                return
            there, other = await asyncio.open_connection("127.0.0.1", self.target)
            self._writers.add(other)
            ways = {asyncio.ensure_future(self._pass(reader, other)), asyncio.ensure_future(self._pass(there, writer))}
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()
        except OSError:
            return
        finally:
            for each in filter(None, (writer, other)):
                self._writers.discard(each)
                each.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while block := await reader.read(BLOCK):
                rate, delay = self.bytes_per_second, self.delay_seconds
                await asyncio.sleep(delay + (len(block) / rate if rate else 0.0))
                if not self.swallows:
                    writer.write(block)
                    await writer.drain()

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._carry, "127.0.0.1", 0)


@contextmanager
def proxied(target: int) -> Iterator[Proxy]:
    """A proxy to a port, in a thread of its own."""
    proxy = Proxy(target)
    proxy._thread.start()
    server = asyncio.run_coroutine_threadsafe(proxy._listen(), proxy._loop).result()
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        asyncio.run_coroutine_threadsafe(_end(proxy, server), proxy._loop).result()
        proxy._loop.call_soon_threadsafe(proxy._loop.stop)
        proxy._thread.join()
        proxy._loop.close()


async def _end(proxy: Proxy, server: asyncio.Server) -> None:
    server.close()
    proxy._break()
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)
