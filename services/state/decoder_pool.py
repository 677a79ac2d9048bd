"""Stretches of the log, read and decoded while others fold what came before; long ones in processes of their own.

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

from .arrow_pipe import Channel

READ = 20_000
"""Messages folded in one transaction while catching up: large enough that a transaction's fixed cost vanishes."""

LONG = 50_000
"""Facts from which on processes of their own have them decoded sooner: they take half a second to start."""

PROCESSES = 2
"""As many decode, in turns: together they are faster than one process folds. Each takes 340 MiB."""

NICE = 5
"""What is added to the niceness of a process that decodes: who answers meanwhile, and who folds, goes first."""

SWITCH_SECONDS = 0.0005
"""How long the thread that decodes may keep Python to itself while the one that reads waits for it, at every piece that
arrives; with Python's own 5 ms a replay took a twelfth longer."""

_ONE_POOL = {"MALLOC_ARENA_MAX": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}
"""Of pools of their own the threads of such a process keep 70 MiB that they had once."""

_ENDED = "the process that decodes the log has ended (exit code {0}); start again, with more memory if it lacked some"

T = TypeVar("T")


class Stretches(Struct, frozen=True):
    """Stretches of the log: `size` facts after each of some sequences, none beyond a last one."""

    starts: range
    size: int
    last: int

    async def read(self, log: Log) -> AsyncGenerator[list[Message]]:
        """Their messages, READ of them at a time."""
        for start in self.starts:
            async with aclosing(log.read(start, min(start + self.size, self.last), READ)) as read:
                async for messages in read:
                    yield messages


async def decoded(log: Log, after: int, last: int) -> AsyncGenerator[Batch]:
    """What follows a sequence up to a last one, to be folded without judging, each batch before it is asked for.

    Raises as `Log.read` does, and RooflogError where a process that decodes was killed.
    """
    size = last - after
    whole = Stretches(range(after, last, max(1, size)), size, last)
    batches = _here(log, whole) if size < LONG else _elsewhere(log.access, after, last)
    async with aclosing(ahead(batches)) as upcoming:
        async for batch in upcoming:
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


async def _here(log: Log, stretches: Stretches) -> AsyncGenerator[Batch]:
    from projections.fold.projector import prepare  # what folds is not loaded by those who only ask

    async with aclosing(ahead(stretches.read(log))) as read:
        async for messages in read:
            yield await asyncio.to_thread(prepare, messages)


async def _elsewhere(access: Access, after: int, last: int) -> AsyncGenerator[Batch]:
    async with AsyncExitStack() as stack:
        decoders = []
        for n in range(PROCESSES):
            turns = Stretches(range(after + n * READ, last, PROCESSES * READ), READ, last)
            decoders.append(await stack.enter_async_context(_Decoder(access, turns)))
        at = after
        for n, start in enumerate(range(after, last, READ)):
            while at < min(start + READ, last):
                batch = await decoders[n % PROCESSES].next()
                at = batch.last
                yield batch


class _Decoder:
    """A process that reads stretches of the log and decodes them, one after the other."""

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
                    "-m",
                    "services.state.decoder_pool",
                    str(number),
                    pass_fds=(number,),
                    env=os.environ | _ONE_POOL,
                )
            except BaseException:
                self._end.close()
                raise
        self._channel = Channel(self._end)
        with suppress(EOFError):  # whoever asks for what comes of it is told
            self._channel.send((self._access, self._stretches))
        return self

    async def __aexit__(self, *_: object) -> None:
        with suppress(OSError):  # it may be gone
            self._end.shutdown(socket.SHUT_RDWR)  # wakes the thread of a read that was given up
        self._end.close()
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()

    async def next(self) -> Batch:
        """The next batch. Raises what went wrong there, and RooflogError where the process has ended."""
        try:
            received: Batch | Exception = await asyncio.to_thread(self._channel.receive)
        except EOFError:
            raise RooflogError(_ENDED.format(await self._process.wait())) from None
        if isinstance(received, Exception):
            raise received
        return received


async def _serve(channel: Channel) -> None:
    """Decode the stretches that are asked for: batches without their facts, or what went wrong."""
    access, stretches = channel.receive()
    try:
        log = await Log.connect(access.url, user=access.user, password=access.password, create=False)
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
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started it ends it
    os.nice(NICE)
    gc.disable()  # what is decoded has no cycles, and to look for some takes a tenth of the time
    sys.setswitchinterval(SWITCH_SECONDS)
    with suppress(EOFError), socket.socket(fileno=int(sys.argv[1])) as end:
        asyncio.run(_serve(Channel(end)))
