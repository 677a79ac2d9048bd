"""Rebuild: the tables folded anew from the log in a file beside the live one, compared, and put in its place.

Others read and fold on meanwhile. Until the one moment of the exchange the live database is not touched, so a rebuild
that is interrupted anywhere has done nothing; what it leaves is removed by the next one, or when the owner starts.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, aclosing, asynccontextmanager
from typing import Any, TypeVar

import msgspec

from events.errors import InputError, NotRunning, RooflogError
from events.log.log import Log
from projections.fold import table_copy, tables
from projections.fold.content_digest import table_digests
from projections.fold.projector import Projector
from projections.fold.table_copy import Snapshot
from projections.store import compaction, segments
from projections.store.checkpoint import CHECKPOINT
from projections.store.database import errors_told
from projections.store.segments import Segment
from projections.store.table import Table
from projections.tables import erasures
from projections.texts.near_links import NEAR_TEXTS
from projections.work.jobs import Run

from .. import heavy
from ..settings import Settings
from ..state.client import State
from ..state.decoder_pool import READ, ahead
from ..state.owner import Files, Owner, portions
from ..state.segments import Replay

REBUILD, REBUILDING = "rebuild", "rebuilding"

POLL_SECONDS = 0.2
"""Between two looks at how a rebuild stands."""
"""The command that starts or joins a rebuild in the projector, and the question how far it is."""

MEMORY_LIMIT = "500MB"
"""DuckDB's share for the second database of the process, beside the live one's."""

NEAR = 500
"""Facts behind the live database from which on folding is held up for the rest."""

EXCHANGE_SECONDS = 600.0
"""How long a rebuilt database waits for a moment in which nobody reads the live one."""

T = TypeVar("T")


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What to rebuild: everything or one `projection`; `from_log` reads every text again; `verify` compares first.

    `on` is the engine that reads the texts, that of the settings unless given.
    """

    from_log: bool = False
    projection: str | None = None
    verify: bool = False
    on: str | None = None


class Condition(msgspec.Struct):
    """How far a rebuild is, and what came of it; `rate` is in facts per second, since it began to read the log."""

    plan: Plan
    phase: str = "preparing"
    done: int = 0
    total: int = 0
    rate: int = 0
    result: dict[str, Any] | None = None
    error: str | None = None

    @property
    def is_over(self) -> bool:
        """Whether it has ended, well or not."""
        return self.result is not None or self.error is not None


async def watched(
    look: Callable[[], Awaitable[Condition | None]], report: Callable[[Condition], object]
) -> dict[str, Any]:
    """What comes of a rebuild; how it stands is reported until then. Raises RooflogError where it failed.

    `look` tells how it stands now, and None where the projector has ended.
    """
    while True:
        now = await look()
        if now is None:
            raise RooflogError("the projector ended while it rebuilt; the live database is as it was: say it again")
        if now.error is not None:
            raise RooflogError(now.error)
        if now.result is not None:
            return now.result
        report(now)
        await asyncio.sleep(POLL_SECONDS)


async def asked(state: State) -> Condition | None:
    """How the rebuild of the projector stands; None where none runs."""
    try:
        return msgspec.convert(await state.ask_after(0, REBUILDING, {}), Condition | None)
    except NotRunning:
        return None


class Rebuild:
    """One rebuild of the database of `files`; `owner` is None where that cannot be opened any more."""

    def __init__(
        self,
        log: Log,
        files: Files,
        owner: Owner | None,
        folding: asyncio.Lock,
        plan: Plan,
        settings: Settings | None = None,
    ) -> None:
        """`settings` say how an engine is reached.

        Raises InputError where the plan names no table or engine, RooflogError where it needs a database that opens.
        """
        if plan.on is not None and plan.on not in heavy.ENGINES:
            raise InputError(f"{plan.on!r} is no engine: give {heavy.CHOICES}")
        self._wanted = tables.belonging(plan.projection) if plan.projection is not None else ()
        if owner is None and (plan.verify or plan.projection):
            raise RooflogError(
                f"{files.live} cannot be opened, so there is nothing to compare with or to put one table into; "
                "run `rooflog rebuild` without --verify and --projection"
            )
        self._settings = settings or Settings()
        self._log = log
        self._files = files
        self._owner = owner
        self._folding = folding
        self._began = time.monotonic()
        self._is_open = False
        self._stopped = threading.Event()
        self.condition = Condition(plan)

    async def run(self) -> dict[str, Any]:
        """Do it; what came of it. Raises RooflogError, with the live database as it was."""
        try:
            with errors_told():
                async with self._engine() as run:
                    return await self._run(run)
        finally:
            self._close()
            self._files.remove(self._files.rebuilding, self._files.rebuilt)

    @asynccontextmanager
    async def _engine(self) -> AsyncIterator[Run | None]:
        """The engine, opened and closed in a thread: to reach another machine takes seconds.

        Where texts are taken over, few are read, and this machine reads them.
        """
        if self._owner is not None and not (self.condition.plan.from_log or self._wanted):
            yield None
            return
        engine = ExitStack()
        try:
            yield await self._in_thread(
                lambda: engine.enter_context(heavy.opened(self._settings, self.condition.plan.on, self._stopped))
            )
        finally:
            await self._in_thread(engine.close)

    async def _run(self, run: Run | None) -> dict[str, Any]:
        plan, files = self.condition.plan, self._files
        await asyncio.to_thread(files.remove, files.rebuilding, files.rebuilt, files.previous)
        snapshot = await self._begin()
        last = await self._log.last_sequence() if snapshot is None else snapshot.seq
        await self._replay(last, snapshot, run)
        result = {
            "status": "rebuilt",
            "projection": plan.projection,
            "taken_over": [table.name for table in self._taken],
            "verified": plan.verify,
            "folded": last,
            "rate": self.condition.rate,
        }
        if plan.verify and snapshot is not None:
            self._is("comparing")
            if different := await self._differing(snapshot):
                return result | {"status": "different", "different": different, "checkpoint": last}
        await self._compact()
        return result | await self._exchange()

    @property
    def _taken(self) -> tuple[Table, ...]:
        """The tables that are taken over."""
        if self._owner is None or self.condition.plan.from_log:
            return ()
        return tuple(table for table in tables.caches() if table not in self._wanted)

    async def _begin(self) -> Snapshot | None:
        """Make the new file, with what texts say in it as far as it is taken over; the moment that is from."""
        Projector(self._files.rebuilding).close()
        owner, plan = self._owner, self.condition.plan
        if owner is None:
            return None

        def hand_over() -> Snapshot:
            with owner.reading() as cursor:
                return table_copy.hand_over(cursor, self._files.rebuilding, self._taken, digests=plan.verify)

        return await self._in_thread(hand_over)

    async def _replay(self, last: int, snapshot: Snapshot | None, run: Run | None) -> None:
        """Fold sequences 1 to `last`, then judge them. Raises RooflogError where that is not what was folded before."""
        self._is("replaying", last)
        self._open()
        self._began = time.monotonic()
        replay = Replay(self._log, self._projector, last, self._files.segments, self._sealed())
        async with aclosing(replay.batches()) as batches:
            async for batch in batches:
                await self._in_thread(lambda batch=batch: replay.fold(batch))  # type: ignore[misc]
                self._moved(batch.last, last)
        if snapshot is not None and not self.condition.plan.from_log:
            _expect(self._projector, snapshot.log_digest)
        self._is("judging", last)
        linked = last if NEAR_TEXTS in self._taken else 0
        await self._in_thread(lambda: self._projector.judge(self._moved, linked_through=linked, run=run))
        self.condition.rate = round(last / max(1e-6, time.monotonic() - self._began))

    def _sealed(self) -> list[Segment]:
        """The segments to read from: none where the log itself is wanted."""
        plan = self.condition.plan
        if self._owner is None or plan.from_log or plan.verify:
            return []
        with self._owner.reading() as cursor:
            return segments.known(cursor)

    async def _differing(self, snapshot: Snapshot) -> list[str]:
        """The tables in which the live database was not what the log gives, in the order of the registry."""
        owner, taken = self._owner, self._taken
        made = table_copy.compared(taken)
        digests = await self._in_thread(lambda: table_digests(self._projector.con, made))
        different = set(table_copy.differing(snapshot.digests, digests))
        if self._projector.checkpoint.log_digest != snapshot.log_digest:
            different.add(CHECKPOINT.name)
        if owner is not None:

            def by_text() -> list[str]:
                with owner.reading() as cursor:
                    return table_copy.differing_by_text(cursor, self._files.rebuilding, taken)

            self._close()
            different.update(await self._in_thread(by_text))
            self._open()
        return [table.name for table in tables.TABLES if table.name in different]

    async def _compact(self) -> None:
        """Write the new file once more if a text may be in it that was erased after the log held it."""
        if not compaction.is_due(self._projector.con):
            return
        self._is("compacting")
        for first in erasures.outdated(self._projector.con):
            segments.forget(self._projector.con, first)
        await self._in_thread(lambda: table_copy.rewrite(self._projector.con, self._files.rebuilt))
        self._close()
        self._files.rebuilt.replace(self._files.rebuilding)
        self._open()

    async def _exchange(self) -> dict[str, Any]:
        """Catch up with the live database, and put the new one in its place while nothing is folded.

        Raises TimeoutError where somebody reads the live one all the time.
        """
        owner, deadline = self._owner, time.monotonic() + EXCHANGE_SECONDS
        while True:
            self._is("catching up")
            if owner is None:
                return await self._put()
            while owner.projector.checkpoint_seq - self._projector.checkpoint_seq > NEAR:
                await self._follow(owner.projector.checkpoint_seq)
            async with self._folding:
                await self._follow(owner.projector.checkpoint_seq)
                if not self.condition.plan.from_log:
                    _expect(self._projector, owner.projector.checkpoint.log_digest)
                try:
                    return await self._put()
                except TimeoutError:
                    if time.monotonic() > deadline:
                        raise
            self._open()
            await asyncio.sleep(1)

    async def _put(self) -> dict[str, Any]:
        self._is("exchanging")
        owner, files, now = self._owner, self._files, self._projector.checkpoint
        self._close()
        if owner is None:
            await self._in_thread(lambda: files.replace(files.rebuilding, keep=True))
        elif self._wanted:
            await self._in_thread(lambda: table_copy.put_back(owner.projector.con, files.rebuilding, self._wanted))
            owner.projector.forget()
        else:
            # What is kept may hold no text that was erased: not even for as long as it takes the next one to serve.
            keep = not compaction.is_due(owner.projector.con)
            await self._in_thread(lambda: owner.replace(files.rebuilding, keep=keep))
        seconds = round(time.monotonic() - self._began, 1)
        return {"checkpoint": now.seq, "log_digest": now.log_digest.hex(), "seconds": seconds}

    async def _follow(self, until: int) -> None:
        """Fold and judge what the log holds up to a sequence."""
        first = self._projector.checkpoint_seq
        async for messages in ahead(self._log.read(first, until, READ)):
            for portion in portions(messages):
                await self._in_thread(lambda batch=portion: self._projector.apply(batch))  # type: ignore[misc]
                self._moved(portion[-1].seq - first, until - first)

    def _open(self) -> None:
        self._projector = Projector(self._files.rebuilding, memory_limit=MEMORY_LIMIT)
        self._is_open = True

    def _close(self) -> None:
        if self._is_open:
            self._is_open = False
            self._projector.close()

    async def _in_thread(self, work: Callable[[], T]) -> T:
        """Work in a thread, to its end: whoever is cancelled waits until DuckDB and the files have been let go.

        Nobody waits for another machine.
        """
        working = asyncio.ensure_future(asyncio.to_thread(work))
        try:
            return await asyncio.shield(working)
        except asyncio.CancelledError:
            self._stopped.set()
            if self._is_open:
                self._projector.con.interrupt()
            await asyncio.gather(working, return_exceptions=True)
            raise

    def _is(self, phase: str, total: int = 0) -> None:
        self.condition.phase, self.condition.done, self.condition.total = phase, 0, total

    def _moved(self, done: int, total: int) -> None:
        self.condition.done, self.condition.total = done, total
        if self.condition.phase == "replaying":
            self.condition.rate = round(done / max(1e-6, time.monotonic() - self._began))


def _expect(projector: Projector, log_digest: bytes) -> None:
    """Raise RooflogError where the log holds something else than what was folded from it before."""
    now = projector.checkpoint
    if now.log_digest != log_digest:
        raise RooflogError(
            f"up to sequence {now.seq:,} the log is not what the live tables were folded from, which stay as they are; "
            "`rooflog verify` names what changed, and `rooflog rebuild --from-log` trusts the log as it is now"
        )


class Rebuilds:
    """The rebuilds of one owner, one at a time: whoever asks meanwhile joins the one that is under way."""

    def __init__(self, log: Log, owner: Owner, folding: asyncio.Lock, settings: Settings | None = None) -> None:
        self._settings = settings
        self._log = log
        self._owner = owner
        self._folding = folding
        self._task: asyncio.Task[None] | None = None
        self._is_held = False
        self.condition: Condition | None = None
        """Of the one that is under way, or of the last one."""

    @property
    def is_running(self) -> bool:
        """Whether one is under way."""
        return self._task is not None and not self._task.done()

    def start(self, plan: Plan) -> Condition:
        """Begin a rebuild unless one is under way. Raises as `Rebuild` does."""
        if self.condition is None or not (self.is_running or self._is_held):
            rebuild = Rebuild(self._log, self._owner.files, self._owner, self._folding, plan, self._settings)
            self.condition = rebuild.condition
            self._task = asyncio.create_task(_told(rebuild))
        return self.condition

    async def stop(self) -> None:
        """End the one that is under way, with nothing left of it."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @asynccontextmanager
    async def held_off(self) -> AsyncIterator[None]:
        """Keep the one that is under way from doing anything; for whoever watches it, it has yet to begin."""
        if not self.is_running or self.condition is None:
            yield
            return
        plan, self._is_held = self.condition.plan, True
        self.condition = Condition(plan)
        try:
            await self.stop()
            yield
        finally:
            self._is_held = False
            self.start(plan)


async def _told(rebuild: Rebuild) -> None:
    """Run a rebuild; whatever comes of it stands in its condition."""
    try:
        rebuild.condition.result = await rebuild.run()
    except asyncio.CancelledError:
        rebuild.condition.error = "the rebuild was ended; the live database is as it was"
        raise
    except Exception as error:
        rebuild.condition.error = str(error) or type(error).__name__
