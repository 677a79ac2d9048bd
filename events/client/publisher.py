"""The publisher: a thread that carries facts from an outbox to the log, for as long as that takes.

Whatever is wrong with the log stays in this thread: it tries again, and says in `problem` what it is waiting for.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import Future
from datetime import UTC, datetime
from typing import Any

from nats.errors import Error as NatsError

from .. import requests, subjects
from ..codec import decode
from ..deadline import within
from ..errors import InvalidFact, RooflogError, Unreachable
from ..facts import BY_CLIENTS
from ..log.log import BATCH, Log
from ..traceparent import Record
from .outbox import ADOPT_SECONDS, Batch, Outbox

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 2.0
"""Between two tries to reach a log that does not answer; doubled each time."""

STOP_SECONDS = 10.0

logger = logging.getLogger("rooflog")


class Publisher:
    """The thread of one outbox, begun at once; `sync_seconds`: how often facts are synced to this disk, if ever."""

    def __init__(
        self, outbox: Outbox, connect: Callable[[], Awaitable[Log]], *, sync_seconds: float | None = None
    ) -> None:
        self._outbox = outbox
        self._connect = connect
        self._sync_seconds = sync_seconds
        self.new = 0
        """Facts that the log did not hold before, and acknowledged."""
        self.existing = 0
        """Facts that the log held already: published by a process that was killed before it could note so."""
        self.last_published_at: datetime | None = None
        self._problem: str | None = None
        self._held_up_since: float | None = None
        self._log: Log | None = None
        self._flushes: list[tuple[int, Future[None]]] = []
        self._is_idle = self._is_stopped = False
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self._loop = self._runner.get_loop()
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._run, name="rooflog-publisher", daemon=True)
        self._thread.start()

    @property
    def is_connected(self) -> bool:
        """Does the log's server answer?"""
        log = self._log
        return log is not None and log.client.is_connected

    @property
    def problem(self) -> str | None:
        """What keeps facts from the log; None while nothing does."""
        log = self._log
        aside = log.problem if log is not None else None
        return f"{self._problem} ({aside})" if self._problem and aside else self._problem or aside

    @property
    def held_up_seconds(self) -> float:
        """How long no fact has reached the log though some wait; 0 while none does."""
        since = self._held_up_since
        return 0.0 if since is None or self._outbox.said <= self._outbox.settled else time.monotonic() - since

    def wake(self) -> None:
        """Facts were said. From any thread; costs nothing while the publisher is at work."""
        if self._is_idle:
            self._is_idle = False
            self._call(self._woken.set)

    def flushed(self) -> Future[None]:
        """Done when everything that was said in this process before this call is settled."""
        future: Future[None] = Future()
        self._flushes.append((self._outbox.said, future))
        self.wake()
        return future

    def ask(self, subject: str, who: str, timeout: float) -> Future[Any]:
        """Ask the service `who` behind the log's server. The future raises as `requests.ask` does."""
        return asyncio.run_coroutine_threadsafe(self._ask(subject, who, timeout), self._loop)

    def stop(self) -> None:
        """End the thread; what is not settled stays in the outbox.

        It is told more than once, as nats-py may swallow a cancellation.
        """
        self._is_stopped = True
        deadline = time.monotonic() + STOP_SECONDS
        while self._thread.is_alive() and time.monotonic() < deadline:
            if self._task is not None:
                self._call(self._task.cancel)
            self._thread.join(timeout=0.1)

    def _call(self, function: Callable[[], object]) -> None:
        try:
            self._loop.call_soon_threadsafe(function)
        except RuntimeError:
            logger.debug("the publisher has ended")

    def _run(self) -> None:
        with self._runner:
            self._runner.run(self._work())

    async def _work(self) -> None:
        syncing = asyncio.create_task(self._sync(self._sync_seconds)) if self._sync_seconds else None
        self._task = asyncio.create_task(self._publish())
        await asyncio.wait([self._task])
        if syncing is not None:
            syncing.cancel()
            await asyncio.wait([syncing])

    async def _publish(self) -> None:
        """Connect, carry, and begin again after whatever went wrong: this thread ends only when it is told to."""
        pause = FIRST_PAUSE_SECONDS
        while not self._is_stopped:
            carried = self.new + self.existing
            self._held_up()
            try:
                self._log = self._log or await self._connect()
                await self._carry(self._log)
            except (RooflogError, NatsError, OSError) as error:
                self._trouble(str(error) or type(error).__name__)
            except Exception as error:
                logger.exception("rooflog: the publisher met something unforeseen and tries again")
                self._trouble(repr(error))
            finally:
                if self._is_stopped or not self._reconnects:
                    await self._disconnect()
            pause = FIRST_PAUSE_SECONDS if self.new + self.existing > carried else pause
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    @property
    def _reconnects(self) -> bool:
        """Is nats-py at work on a connection that broke? Any other log is asked for anew, and its stream looked at."""
        return self._log is not None and self._log.client.is_reconnecting

    async def _disconnect(self) -> None:
        log, self._log = self._log, None
        if log is not None:
            try:
                await log.close()
            except (NatsError, OSError) as error:
                logger.debug("rooflog: the connection was not closed in order: %r", error)

    async def _carry(self, log: Log) -> None:
        while True:
            self._outbox.adopt()
            batch = self._outbox.batch(BATCH)
            self._tell()
            if batch is not None:
                self._held_up()
                await self._settle(log, batch)
                continue
            if log.client.is_connected:
                self._recovered(log)
            await self._rest()

    async def _settle(self, log: Log, batch: Batch) -> None:
        own = batch.records if batch.segment.mine else self._checked(batch.records)
        published = await log.publish_encoded(own)
        if published.refused:
            reasons = dict(published.refused)
            for subject, data, _ in own:
                if reason := reasons.get(subjects.parse(subject).event_id):
                    self._set_aside(subject, data, reason)
        self._outbox.settle(batch)
        self.new += len(published.new)
        self.existing += len(published.existing)
        self.last_published_at = datetime.now(UTC)
        self._recovered(log)

    def _checked(self, records: Iterable[Record]) -> list[Record]:
        """The records that a client may have said; what else is read from the disk is set aside, not published."""
        own = []
        for record in records:
            subject, data = record.subject, record.data
            try:
                fact = decode(data, subject)
                if not isinstance(fact, BY_CLIENTS):
                    raise InvalidFact("invalid", f"a client does not say {subjects.parse(subject).kind}")
                own.append(record)
            except InvalidFact as error:
                self._set_aside(subject, data, f"it is not what a client has written: {error}")
        return own

    def _set_aside(self, subject: str, data: bytes, reason: str) -> None:
        self._outbox.set_aside(subject, data, reason)
        logger.error("rooflog: set aside in %s: %r", self._outbox.set_aside_path, reason)

    async def _rest(self) -> None:
        """Until something is said, or it is time to look for segments of processes that are gone."""
        self._woken.clear()
        self._is_idle = True
        if self._outbox.said > self._outbox.settled or self._flushes:
            self._is_idle = False
            return
        try:
            await within(ADOPT_SECONDS, self._woken.wait())
        except TimeoutError:
            pass
        finally:
            self._is_idle = False

    async def _sync(self, seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                self._outbox.sync()
            except OSError as error:
                logger.warning("rooflog: the outbox could not be synced: %s", error)

    async def _ask(self, subject: str, who: str, timeout: float) -> Any:
        deadline = time.monotonic() + timeout
        while (log := self._log) is None:
            if time.monotonic() > deadline:
                raise Unreachable(self._problem or "the log does not answer")
            await asyncio.sleep(0.05)
        return await requests.ask(log, subject, who=who, timeout=max(0.1, deadline - time.monotonic()))

    def _tell(self) -> None:
        """Let those know who wait for what is settled by now."""
        for flush in list(self._flushes):
            until, future = flush
            if self._outbox.settled >= until:
                self._flushes.remove(flush)
                if future.set_running_or_notify_cancel():
                    future.set_result(None)

    def _trouble(self, problem: str) -> None:
        if self._problem is None:
            logger.warning("rooflog: facts wait in %s: %s", self._outbox.directory, problem)
        self._problem = problem

    def _held_up(self) -> None:
        """Facts wait from now on, unless they did before."""
        if self._held_up_since is None:
            self._held_up_since = time.monotonic()

    def _recovered(self, log: Log) -> None:
        log.problem = self._held_up_since = None
        if self._problem is not None:
            self._problem = None
            logger.info("rooflog: the log takes facts again")
