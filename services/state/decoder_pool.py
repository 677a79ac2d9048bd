"""Reads and decodes stretches of the log while the projector folds earlier ones; long stretches use own processes.

Python runs one thread at a time, and to read and decode a fact takes twice as long as to fold it.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing, suppress
from typing import Self, TypeVar

from msgspec import Struct

from events.errors import RooflogError
from events.log.log import Access, Log
from events.message import Message
from projections.store.batch import Batch

from .arrow_pipe import ArrowPipe

READ = 20_000
"""Messages folded in one transaction while catching up: large enough that a transaction's fixed cost vanishes."""

LONG = 50_000
"""From so many facts on, separate decoding processes are faster: they take half a second to start."""

PROCESSES = 2
"""Decoding processes, which take turns: together they are faster than folding. Each takes 340 MiB."""

NICE = 5
"""Added to the niceness of a decoding process, so that answering and folding go first."""

SWITCH_SECONDS = 0.0005
"""How long the decoding thread may keep the interpreter while the reading thread waits for it. With Python's default of
5 ms a replay took a twelfth longer."""

_ONE_POOL = {"MALLOC_ARENA_MAX": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}
"""With a memory pool of its own each, the threads of a decoding process keep 70 MiB that they no longer use."""

_ENDED = "the process that decodes the log has ended (exit code {0}); start again, with more memory if it lacked some"

T = TypeVar("T")


class Stretches(Struct, frozen=True):
    """Stretches of the log: `size` facts after each sequence in `starts`, of those after one sequence up to another."""

    starts: range
    size: int
    after: int
    last: int

    async def read(self, log: Log) -> AsyncGenerator[list[Message]]:
        """Their messages, READ of them at a time."""
        for start in self.starts:
            async with aclosing(log.read(max(start, self.after), min(start + self.size, self.last), READ)) as read:
                async for messages in read:
                    yield messages


async def decoded(log: Log, after: int, last: int) -> AsyncGenerator[Batch]:
    """The batches between two sequences, ready to be folded without judging; the next one is prepared ahead.

    No batch goes beyond a multiple of READ. Raises as `Log.read` does, and RooflogError where a decoding process was
    killed.
    """
    starts = range(after - after % READ, last, READ)
    is_long = last - after >= LONG
    batches = (
        _elsewhere(log.access, starts, after, last) if is_long else _here(log, Stretches(starts, READ, after, last))
    )
    async with aclosing(ahead(batches)) as upcoming:
        async for batch in upcoming:
            yield batch


async def ahead(batches: AsyncGenerator[T]) -> AsyncGenerator[T]:
    """The same batches; each is fetched while the caller still works on the one before."""
    upcoming = asyncio.ensure_future(anext(batches, None))
    try:
        while (batch := await upcoming) is not None:
            upcoming = asyncio.ensure_future(anext(batches, None))
            yield batch
    finally:
        upcoming.cancel()
        await asyncio.gather(upcoming, return_exceptions=True)
        await batches.aclose()


async def _here(log: Log, stretches: Stretches) -> AsyncGenerator[Batch]:
    from projections.fold.projector import prepare  # a process that only asks loads no projector

    async with aclosing(ahead(stretches.read(log))) as read:
        async for messages in read:
            yield await asyncio.to_thread(prepare, messages)


async def _elsewhere(access: Access, starts: range, after: int, last: int) -> AsyncGenerator[Batch]:
    async with AsyncExitStack() as stack:
        decoders = []
        for n in range(PROCESSES):
            turns = Stretches(starts[n::PROCESSES], READ, after, last)
            decoders.append(await stack.enter_async_context(_Decoder(access, turns)))
        at = after
        for n, start in enumerate(starts):
            while at < min(start + READ, last):
                batch = await decoders[n % PROCESSES].next()
                at = batch.last
                yield batch


class _Decoder:
    """A process that reads and decodes stretches of the log, one after the other."""

    def __init__(self, access: Access, stretches: Stretches) -> None:
        self._access = access
        self._stretches = stretches

    async def __aenter__(self) -> Self:
        self._end, theirs = socket.socketpair()
        with theirs:
            number = theirs.fileno()
            try:
                self._process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-P",
                    "-m",
                    "services.state.decoder_pool",
                    str(number),
                    pass_fds=(number,),
                    env=os.environ | _ONE_POOL,
                )
            except BaseException:
                self._end.close()
                raise
        self._channel = ArrowPipe(self._end)
        with suppress(EOFError):  # `next` reports that the process has ended
            self._channel.send((self._access, self._stretches))
        return self

    async def __aexit__(self, *_: object) -> None:
        with suppress(OSError):  # the process may have ended
            self._end.shutdown(socket.SHUT_RDWR)  # wakes the thread of a read that was given up
        self._end.close()
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()

    async def next(self) -> Batch:
        """The next batch. Raises the error of the process, and RooflogError where the process has ended."""
        try:
            received: Batch | Exception = await asyncio.to_thread(self._channel.receive)
        except EOFError:
            raise RooflogError(_ENDED.format(await self._process.wait())) from None
        if isinstance(received, Exception):
            raise received
        return received


async def _serve(channel: ArrowPipe) -> None:
    """Decode the stretches that the parent asks for; send batches without their facts, or the error."""
    access, stretches = channel.receive()
    try:
        log = await Log.connect(access, create=False)
        try:
            async with aclosing(ahead(_here(log, stretches))) as batches:
                async for batch in batches:
                    batch.let_go()
                    await asyncio.to_thread(channel.send, batch)
        finally:
            await log.close()
    except RooflogError as error:
        channel.send(error)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent process ends it
    os.nice(NICE)
    gc.disable()  # facts have no cycles, and the search for cycles takes a tenth of the time
    sys.setswitchinterval(SWITCH_SECONDS)
    with suppress(EOFError), socket.socket(fileno=int(sys.argv[1])) as end:
        asyncio.run(_serve(ArrowPipe(end)))
