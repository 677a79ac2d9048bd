"""Text readers: processes that read the texts of the next batches while the projector folds the one before."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections import deque
from collections.abc import AsyncGenerator
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from typing import Self

import pyarrow as pa

from events.message import Message
from projections.fold.projector import prepare
from projections.store.batch import Batch
from projections.texts import reading
from projections.texts.analysis import analyser
from projections.texts.reading import Reading
from projections.verdicts.memory import Memory
from projections.work.workers import begun

from ..state.owner import portions

WAITING = 10_000
"""Facts from which on it pays to start the processes: that takes a second, in which half of as many are folded."""

PROCESSES = 2
"""Processes at most, and one a core beside the one that folds: together they are faster than folding. Each takes about
200 MB."""

_NOTHING = pa.table({name: pa.array([], pa.string()) for name in reading.COLUMNS})

logger = logging.getLogger("rooflog.projector")


class TextReaders:
    """The processes, for as long as the context lasts: none before `start`, and batches do not wait for them."""

    def __init__(self, memory: Memory) -> None:
        """`memory` knows the policy by which texts are analysed."""
        self._memory = memory
        self._pool: ProcessPoolExecutor | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._pool is not None:
            await asyncio.to_thread(self._pool.shutdown, cancel_futures=True)

    def start(self) -> None:
        """Start the processes unless they were; they are used once they are ready."""
        if self._pool is None and (policy := self._memory.known_policy) is not None:
            self._processes = max(1, min((os.cpu_count() or 1) - 1, PROCESSES))
            self._pool = begun(self._processes)
            self._ready = self._pool.submit(reading.read, analyser(policy), _NOTHING)

    @property
    def are_ready(self) -> bool:
        """Whether a process has learnt the vocabulary and waits for texts."""
        return self._pool is not None and self._ready.done()

    async def batches(self, read: AsyncGenerator[list[Message]]) -> AsyncGenerator[tuple[Batch, Reading | None]]:
        """The batches of messages that follow one another, with what their texts say where a process has read them."""
        under_way: deque[tuple[Batch, Future[Reading] | None]] = deque()
        async with contextlib.aclosing(read):
            async for messages in read:
                for portion in portions(messages):
                    batch = await asyncio.to_thread(prepare, portion)
                    under_way.append((batch, self._begin(batch)))
                    while under_way and (under_way[-1][1] is None or len(under_way) > 2 * self._processes):
                        batch, future = under_way.popleft()
                        yield batch, await self._done(future)
        for batch, future in under_way:
            yield batch, await self._done(future)

    def _begin(self, batch: Batch) -> Future[Reading] | None:
        examples, policy = batch.rows.get("examples"), self._memory.known_policy
        if self._pool is None or not self.are_ready or examples is None or policy is None or batch.erased:
            return None
        with contextlib.suppress(BrokenExecutor):
            return self._pool.submit(reading.read, analyser(policy), examples.select(reading.COLUMNS))
        return None

    async def _done(self, future: Future[Reading] | None) -> Reading | None:
        if future is None:
            return None
        try:
            return await asyncio.wrap_future(future)
        except BrokenExecutor as error:  # a process was killed: who folds reads the texts
            logger.warning("reading texts ahead: %s", error)
            return None
