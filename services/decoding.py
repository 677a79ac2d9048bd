"""Stretches of the log, read and decoded while others fold what came before; long ones in a process of their own.

Python runs one thread at a time, and to read and decode a fact takes as long as to fold it.
"""

from __future__ import annotations

import asyncio
import gc
import pickle
import signal
import socket
import struct
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Any, TypeVar

from msgspec import Struct

from events.errors import RooflogError
from events.log import Access, Log
from projections.batch import Batch
from projections.checkpoint import Checkpoint

READ = 20_000
"""Messages folded in one transaction while catching up: large enough that a transaction's fixed cost vanishes."""

LONG = 50_000
"""Facts from which on a process of their own has them decoded sooner: it takes half a second to start."""

SWITCH_SECONDS = 0.0005
"""How long the thread that decodes may keep Python to itself while the one that reads waits for it, at every piece that
arrives; with Python's own 5 ms a replay took a twelfth longer."""

ALIGNED = 64
"""Bytes at a multiple of which a part begins, as Arrow wants its buffers."""

_ENDED = "the process that decodes the log has ended ({0}); start it again, with more memory if that was the reason"

T = TypeVar("T")


class Stretch(Struct, frozen=True):
    """The facts after one sequence, whose running digest is known, up to another one, in batches of a size."""

    after: int
    digest: bytes
    last: int
    size: int


async def decoded(log: Log, after: Checkpoint, last: int) -> AsyncGenerator[Batch]:
    """What follows a checkpoint up to a last sequence, to be folded without judging, each batch before it is asked for.

    Raises as `Log.read` does, and RooflogError where the process that decodes was killed.
    """
    stretch = Stretch(after.seq, after.log_digest, last, READ)
    is_long = last - after.seq >= LONG
    async with aclosing(ahead(_elsewhere(log.access, stretch) if is_long else _here(log, stretch))) as batches:
        async for batch in batches:
            yield batch


async def ahead(batches: AsyncGenerator[T]) -> AsyncGenerator[T]:
    """The same batches, each fetched while whoever asks is still at work on the one before."""
    upcoming = asyncio.ensure_future(anext(batches, None))
    try:
        while (batch := await upcoming) is not None:
            upcoming = asyncio.ensure_future(anext(batches, None))
            yield batch
    finally:
        upcoming.cancel()
        await asyncio.gather(upcoming, return_exceptions=True)
        await batches.aclose()


async def _here(log: Log, stretch: Stretch) -> AsyncGenerator[Batch]:
    from projections.projector import prepare  # what folds is not loaded by those who only ask

    digest = stretch.digest
    async with aclosing(ahead(log.read(stretch.after, stretch.last, stretch.size))) as read:
        async for messages in read:
            batch = await asyncio.to_thread(prepare, messages, digest)
            digest = batch.digest
            yield batch


async def _elsewhere(access: Access, stretch: Stretch) -> AsyncGenerator[Batch]:
    mine, theirs = socket.socketpair()
    try:
        with theirs:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "services.decoding", str(theirs.fileno()), pass_fds=(theirs.fileno(),)
            )
        try:
            channel = Channel(mine)
            channel.send((access, stretch))
            while (batch := await asyncio.to_thread(channel.receive)) is not None:
                if isinstance(batch, Exception):
                    raise batch
                yield batch
        except EOFError:
            raise RooflogError(_ENDED.format(f"exit code {await process.wait()}")) from None
        finally:
            mine.shutdown(socket.SHUT_RDWR)  # wakes the thread of a read that was given up
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    finally:
        mine.close()


async def _serve(channel: Channel) -> None:
    """Decode the stretch that is asked for: batches without their facts, then None, or what went wrong."""
    access, stretch = channel.receive()
    try:
        log = await Log.connect(access.url, user=access.user, password=access.password, create=False)
        try:
            async with aclosing(ahead(_here(log, stretch))) as batches:
                async for batch in batches:
                    batch.let_go()
                    await asyncio.to_thread(channel.send, batch)
        finally:
            await log.close()
    except RooflogError as error:
        channel.send(error)
    else:
        channel.send(None)


class Channel:
    """One end of a connection between two processes, over which values go whose large parts are Arrow's buffers."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._memory: list[bytearray] = []

    def send(self, value: object) -> None:
        """Send a value; Arrow's buffers go as they lie in memory. Raises EOFError where the other end is gone."""
        buffers: list[pickle.PickleBuffer] = []
        head = pickle.dumps(value, protocol=5, buffer_callback=buffers.append)
        parts = [memoryview(head), *(buffer.raw() for buffer in buffers)]
        sizes = [len(part) for part in parts]
        try:
            self._end.sendall(struct.pack(f"<I{len(sizes)}Q", len(sizes), *sizes))
            for part in parts:
                self._end.sendall(part)
                self._end.sendall(bytes(-len(part) % ALIGNED))
        except ConnectionError:
            raise EOFError from None

    def receive(self) -> Any:
        """The next value. Raises EOFError where the other end is gone."""
        (count,) = struct.unpack("<I", self._fill(memoryview(bytearray(4))))
        sizes = struct.unpack(f"<{count}Q", self._fill(memoryview(bytearray(8 * count))))
        whole = self._fill(self._space(sum(size + -size % ALIGNED for size in sizes)))
        parts, at = [], 0
        for size in sizes:
            parts.append(whole[at : at + size])
            at += size + -size % ALIGNED
        return pickle.loads(parts[0], buffers=parts[1:])  # noqa: S301 -- see above

    def _space(self, size: int) -> memoryview:
        """Memory that nobody looks at any more: the system takes as long to hand out new one as DuckDB to read it."""
        for memory in self._memory:
            with suppress(BufferError):
                memory.append(0)  # not while anything lies in it
                memory.pop()
                if len(memory) >= size:
                    return memoryview(memory)[:size]
        self._memory = [*self._memory[-2:], bytearray(size + size // 4)]
        return memoryview(self._memory[-1])[:size]

    def _fill(self, view: memoryview) -> memoryview:
        at = 0
        while at < len(view):
            try:
                got = self._end.recv_into(view[at:])
            except ConnectionError:
                got = 0
            if not got:
                raise EOFError
            at += got
        return view


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started it ends it
    gc.disable()  # what is decoded has no cycles, and to look for some takes a tenth of the time
    sys.setswitchinterval(SWITCH_SECONDS)
    with suppress(EOFError), socket.socket(fileno=int(sys.argv[1])) as mine:
        asyncio.run(_serve(Channel(mine)))
