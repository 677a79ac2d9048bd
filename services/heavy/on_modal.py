"""Heavy work on Modal: pages go to the function that `modal_app` deploys, some at a time, by `Function.map`.

Its client has Modal clear the results once a map is over, which those of a function that was spawned are not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from threading import Event
from typing import TYPE_CHECKING, Any

from projections.work.jobs import LOOK_SECONDS, Driver, Lost, Order, Reply, in_order, outcome

from ..volume import VolumeError
from ..volume.modal import connection
from .failure import EngineError

if TYPE_CHECKING:
    from ..settings import Settings

APP, FUNCTION = "rooflog-heavy", "perform"

MISSING = "deploy it: `modal deploy services/heavy/modal_app.py`"

TOGETHER = 32
"""Pages of one map: with their results they take a few MiB each, on this side."""

UNDER_WAY = 2
"""Maps at a time, so that no container waits for the slowest page of a map."""

MAP_SECONDS = 3_600.0
"""How long a map may take, with the start of containers."""


@contextmanager
def opened(settings: Settings, stopped: Event) -> Iterator[Driver]:
    """The deployed function, for as long as the context lasts; what is under way ends once `stopped`.

    Raises EngineError.
    """
    try:
        connection.check()
        modal = connection.Connection(settings.modal_environment, settings.modal_seconds)
        function = asyncio.run(_found(modal))
    except VolumeError as error:
        raise EngineError(str(error)) from error
    threads = ThreadPoolExecutor(UNDER_WAY, "modal")
    try:
        yield _Maps(function, modal, threads, stopped)
    finally:
        stopped.set()
        threads.shutdown(cancel_futures=True)
        asyncio.run(modal.close())


async def _found(to: connection.Connection) -> Any:
    """The deployed function."""
    import modal

    client = await to.client()
    function = modal.Function.from_name(APP, FUNCTION, environment_name=to.environment, client=client)
    await to.step(f"find {APP}/{FUNCTION} in {to.where}", function.hydrate.aio(), missing=MISSING)
    return function


class _Maps:
    """The driver of a deployed function."""

    def __init__(self, function: Any, to: connection.Connection, threads: ThreadPoolExecutor, stopped: Event) -> None:
        self._function = function
        self._connection = to
        self._threads = threads
        self._stopped = stopped

    def __call__(self, orders: Iterator[Order]) -> Generator[Reply | Lost]:
        """See `Driver`."""
        together = iter(lambda: list(islice(orders, TOGETHER)), [])
        for replies in in_order(self._begin, self._end, UNDER_WAY, together):
            yield from replies

    def _begin(self, together: list[Order]) -> Future[list[Reply | Lost]]:
        return self._threads.submit(lambda: asyncio.run(self._replies(together)))

    def _end(self, replies: Future[list[Reply | Lost]]) -> list[Reply | Lost]:
        return outcome(replies, self._stopped, MAP_SECONDS + self._connection.seconds)

    async def _replies(self, together: list[Order]) -> list[Reply | Lost]:
        work = self._until_stopped(self._mapped(together))
        try:
            return await self._connection.step(f"work at {APP}/{FUNCTION}", work, seconds=MAP_SECONDS, missing=MISSING)
        except VolumeError as error:
            return [Lost(str(error))] * len(together)

    async def _until_stopped(self, work: Coroutine[Any, Any, list[Reply | Lost]]) -> list[Reply | Lost]:
        mapping = asyncio.create_task(work)
        try:
            while not mapping.done():
                await asyncio.wait([mapping], timeout=LOOK_SECONDS)
                if self._stopped.is_set():
                    mapping.cancel()
            return mapping.result()
        finally:
            mapping.cancel()

    async def _mapped(self, together: list[Order]) -> list[Reply | Lost]:
        results = self._function.map.aio(together, return_exceptions=True)
        return [
            Lost(f"{type(result).__name__}: {result}") if isinstance(result, Exception) else result
            async for result in results
        ]
