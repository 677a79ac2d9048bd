"""Workers: threads for work that takes longer than an event loop may stand still, in a queue of bounded length."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from .access.limits import Turns

AT_ONCE = 2
"""Pieces of work at a time: more threads would only take turns at Python's lock."""

QUEUE = 16
"""Pieces of work that wait or are done at most, for all callers."""

QUEUE_OF_ONE = 4
"""Of them, those of one caller."""

P = ParamSpec("P")
T = TypeVar("T")


class Workers:
    """The threads of one gateway."""

    def __init__(self) -> None:
        self._threads = asyncio.Semaphore(AT_ONCE)
        self._queue = Turns("pieces of work", QUEUE, QUEUE_OF_ONE)

    async def run(self, actor: str, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of some work in a thread. Raises what it raises, and Refusal as `Turns` does."""
        with self._queue.taken(actor):
            async with self._threads:
                return await asyncio.to_thread(work, *args, **kwargs)
