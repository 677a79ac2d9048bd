"""The state for every process: asked of the projector, or owned by this process while no projector runs."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from events import requests
from events.errors import Forbidden, NotRunning, RooflogError, Unreachable
from events.log.log import Log
from events.requests import Question

from ..settings import Settings
from .protocol import ANSWER_SECONDS, ASK, RUN, Progress, received_rows

if TYPE_CHECKING:  # a process that only asks loads no database
    import pyarrow as pa

    from projections.policy.policy import Relevance
    from projections.queries.training_set import TrainingSet

    from .owner import Owner

OWNER_SECONDS = 60.0
"""How long a command waits for another one that holds the database."""


class State:
    """Answers questions about the state; each answer includes every fact that the log held before the question."""

    def __init__(self, log: Log, owner: Owner | None, progress: Progress | None, *, as_it_stands: bool = False) -> None:
        self._log = log
        self._owner = owner
        self._progress = progress
        self.as_it_stands = as_it_stands

    @property
    def is_owner(self) -> bool:
        """Whether this process holds the tables, as no projector runs."""
        return self._owner is not None

    @property
    def owner(self) -> Owner | None:
        """The tables, where this process holds them."""
        return self._owner

    async def ask(self, name: str, **args: Any) -> Any:
        """Ask one question. Raises RooflogError with what the projector says is wrong, Unreachable if it is silent."""
        if self._owner is not None:
            if not self.as_it_stands:
                await self._owner.catch_up(self._log, self._progress)
            return self._owner.answer(name, args)
        return await self.ask_after(0 if self.as_it_stands else await self._log.last_sequence(), name, args)

    async def ask_after(self, after: int, name: str, args: dict[str, Any]) -> Any:
        """Ask the projector one question about a state that holds at least sequence `after`.

        Raises as `ask` does, and TooLarge where the answer does not fit into one message.
        """
        return await self._request(f"{ASK}.{name}", args, after)

    async def run(self, name: str, **args: Any) -> Any:
        """Have the owner of the tables do something; raises as `ask` does."""
        if self._owner is not None:
            await self._owner.catch_up(self._log, self._progress)
            return self._owner.run(name, args)
        return await self._request(f"{RUN}.{name}", args)

    async def _request(self, subject: str, args: dict[str, Any], after: int = 0) -> Any:
        return await requests.ask(self._log, subject, args, after=after, who="projector", timeout=ANSWER_SECONDS)

    @asynccontextmanager
    async def training_set(
        self, min_relevance: Relevance | None = None, *, texts: bool = True
    ) -> AsyncIterator[tuple[TrainingSet, AsyncIterator[pa.RecordBatch]]]:
        """The training set of this moment: its head, and its rows in the order of the log (`training_set.pages`)."""
        async with self.rows("training_set", min_relevance=min_relevance, texts=texts) as (head, batches):
            from projections.queries.training_set import TrainingSet

            yield msgspec.json.decode(head, type=TrainingSet), batches

    @asynccontextmanager
    async def rows(self, name: str, **args: Any) -> AsyncIterator[tuple[bytes, AsyncIterator[pa.RecordBatch]]]:
        """A long answer of this moment: its head, and its rows."""
        if self._owner is not None:
            if not self.as_it_stands:
                await self._owner.catch_up(self._log, self._progress)
            chunks = self._owner.rows(name, args)

            async def local() -> AsyncGenerator[bytes | pa.Table]:
                with contextlib.closing(chunks):
                    for chunk in chunks:
                        yield chunk

            source: AsyncGenerator[Any] = local()
        else:
            after = 0 if self.as_it_stands else await self._log.last_sequence()
            source = received_rows(self._log, name, Question(after, args))
        async with contextlib.aclosing(source):
            head = await anext(source)

            import pyarrow as pa

            async def batches() -> AsyncIterator[pa.RecordBatch]:
                async for chunk in source:
                    page = pa.ipc.open_stream(chunk).read_all() if isinstance(chunk, bytes) else chunk
                    for batch in page.to_batches():
                        yield batch

            yield head, batches()


async def runs(log: Log) -> bool:
    """Does a projector answer at this server?"""
    try:
        await requests.ask(log, f"{ASK}.status", who="projector", timeout=ANSWER_SECONDS)
    except NotRunning:
        return False
    except (Unreachable, Forbidden):
        raise
    except RooflogError:  # an error is an answer, too
        return True
    return True


@asynccontextmanager
async def open_state(
    settings: Settings, log: Log, progress: Progress | None = None, *, as_it_stands: bool = False
) -> AsyncIterator[State]:
    """The state: through the running projector, else by owning the database while this is open.

    Raises RooflogError where the database was folded from another log. `as_it_stands` skips that
    check and folds no new facts: a verification compares the log with the tables as they are.
    """
    deadline = time.monotonic() + OWNER_SECONDS
    while not await runs(log):
        from projections.store.database import errors_told

        from .owner import Owner

        try:
            owner = Owner(settings.database)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise RooflogError(
                    f"another process holds {settings.database} and does not answer; "
                    "is a `rooflog` command of yours still at work, or on another NATS server?"
                ) from None
            await asyncio.sleep(0.05)
            continue
        try:
            with errors_told():
                if not as_it_stands:
                    await owner.check(log)
                yield State(log, owner, progress, as_it_stands=as_it_stands)
        finally:
            owner.close()
        return
    yield State(log, None, progress, as_it_stands=as_it_stands)
