"""The projector service: a FastStream application that folds the log into its database and answers questions."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import os
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any

import duckdb
import msgspec
from faststream import AckPolicy, FastStream
from faststream.nats import ConsumerConfig, JStream, NatsMessage
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import api
from nats.js.errors import NotFoundError
from opentelemetry.trace import SpanKind
from prometheus_client.metrics_core import Metric

from events import traceparent
from events.deadline import within
from events.errors import RooflogError, Unreachable
from events.log.log import Log, Message
from events.requests import Question
from events.subjects import EVERYTHING, STREAM
from projections.fold.projector import Projector
from projections.store import database

from .. import tracing
from ..access.connect import access
from ..figures import of_tables
from ..integrity import erasure
from ..monitor import monitored
from ..responder import WORKERS, broker, respond, run, undecoded
from ..settings import Settings
from ..standby import Standby
from ..state import arguments
from ..state.client import runs
from ..state.decoder_pool import ahead
from ..state.lag import LAG_SECONDS, lag
from ..state.long_answers import LongAnswers
from ..state.owner import BATCH, Owner, portions
from ..state.protocol import ANSWER_SECONDS, ASK, MORE, MOVED, ROWS, RUN, Moved
from ..state.questions import QUESTIONS, STREAMS
from . import metrics
from .preparation import PREPARE, Preparations
from .rebuild import REBUILD, REBUILDING, Condition, Plan, Rebuilds
from .text_readers import WAITING, TextReaders

WHO = "projector"

logger = logging.getLogger(f"rooflog.{WHO}")

MANY = 500
"""Facts from which on those that wait are read from the log: to take one that is delivered costs six times as much."""

IN_FLIGHT = 2 * MANY
"""Facts that the server delivers ahead of the last acknowledgement."""

REST_SECONDS = 0.25
"""After a batch the projector rests a quarter as long as it has folded, this at most, unless MANY are waiting: what
arrives meanwhile is folded together."""

TIDY_FACTS = 10_000
TIDY_SECONDS = 5.0
"""After so many facts, when none has arrived for so long, the file is tidied."""

CONSUMER_SECONDS = 5.0
"""How long the server may take to change its consumer, or to take an acknowledgement."""

ACK_WAIT_SECONDS = 30.0
"""A batch that is not acknowledged by then is delivered again; the checkpoint makes that harmless."""

STALL_SECONDS = 60.0
"""With facts waiting and none folded for so long, the service ends with an error so that it is started anew."""

IDLE_CONSUMER_SECONDS = 7 * 24 * 3600.0
"""The server forgets the consumer of a data directory that is gone; the checkpoint does not depend on it."""

FORGET_SECONDS = 60.0
"""How long an erasure that could not be finished waits before it is tried again while nothing arrives."""

SEAL_SECONDS = 60.0
"""Between two looks for a stretch of the log that can be sealed."""

SWITCH_SECONDS = 0.0005
"""How long the thread that folds may keep Python to itself while one that answers waits. With Python's own 5 ms the
slowest twentieth of the answers took 187 instead of 143 ms at a million examples, while facts arrived."""

FOLDING_NICE = 5
"""What is added to the niceness of the thread that folds: it gets a third of what one that answers gets. At a million
examples the slowest twentieth of the answers took 38 instead of 42 ms, while facts arrived."""

FACTS_CHANNEL, QUESTIONS_CHANNEL, COMMANDS_CHANNEL = "facts", "questions", "commands"
ROWS_CHANNEL, MORE_CHANNEL = "rows", "more"
"""The names of what the service listens to, in its AsyncAPI document."""


class ProjectorService:
    """One running projector: the owner of the database, its subscriber and its answers."""

    def __init__(self, settings: Settings, log: Log, owner: Owner) -> None:
        self._settings = settings
        self._log = log
        self._owner = owner
        self._has_caught_up = False
        self._arrived: list[Msg] = []
        self._has_arrived = asyncio.Event()
        self._moved = asyncio.Condition()
        self._folding = asyncio.Lock()
        self._folder = ThreadPoolExecutor(1, "fold", _stand_back)
        self._rebuilds = Rebuilds(log, owner, self._folding, settings)
        self._preparations = Preparations(owner, self._folding, settings)
        self._has_erased = asyncio.Event()
        self._sealing = asyncio.Lock()
        self._is_compacting = False
        self._progressed = time.monotonic()
        self.failure: str | None = None
        place = f"{socket.gethostname()}:{settings.database}"
        self.durable = f"projector-{hashlib.sha256(place.encode()).hexdigest()[:12]}"
        self._long_answers = LongAnswers(WHO, log.client.max_payload)
        self.broker = broker(log.access, WHO)
        self.app = FastStream(self.broker, logger=None)

    async def run(self) -> int:
        """Fold what the log holds, then what arrives, until a signal or a failure; the exit code."""
        sys.setswitchinterval(SWITCH_SECONDS)
        await self._owner.check(self._log)
        await self._owner.catch_up(self._log)
        await self._subscribe()
        self._has_caught_up = True
        tasks = [asyncio.create_task(work()) for work in (self._fold_all, self._watch, self._forget, self._seal)]
        logger.info("projecting from sequence %d", self._owner.projector.checkpoint.seq + 1)
        try:
            await run(self.app, logger)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, self._rebuilds.stop(), self._preparations.stop(), return_exceptions=True)
            await self._long_answers.close()
            await asyncio.to_thread(self._folder.shutdown)  # what it is at is done when the database is closed
        if self.failure:
            logger.error("%s", self.failure)
        return 1 if self.failure else 0

    async def why_not(self) -> list[str]:
        """Why the service is not ready. Raises Unreachable where the log is away."""
        now = await lag(self._log, self._owner.projector.checkpoint_seq)
        if not self._has_caught_up:
            return [f"catching up, with facts to fold: {now.behind:,}"]
        return [f"a fact has waited for {now.seconds:.0f} seconds to be folded"] if now.seconds > LAG_SECONDS else []

    async def measure(self) -> list[Metric]:
        """The figures of the tables, once they have caught up. Raises Unreachable where the log is away."""
        if not self._has_caught_up:
            return []
        now = await lag(self._log, self._owner.projector.checkpoint_seq)
        return of_tables(await asyncio.to_thread(self._owner.answer, "measured", {}), now)

    async def measure_itself(self) -> list[Metric]:
        """The figures of the data directory, which need no log."""
        return await asyncio.to_thread(metrics.of_files, self._settings)

    async def _subscribe(self) -> None:
        """Subscribe from the checkpoint: the database knows how far it is, the server's consumer is made to follow."""
        with contextlib.suppress(NotFoundError):
            await within(CONSUMER_SECONDS, self._log.jetstream().delete_consumer(STREAM, self.durable))
        self.declare()

    def declare(self) -> None:
        """Say what the service listens to: the log from the checkpoint on, and two kinds of questions."""
        delivering = self.broker.subscriber(
            EVERYTHING,
            title=FACTS_CHANNEL,
            stream=JStream(STREAM, declare=False),
            config=ConsumerConfig(
                durable_name=self.durable,
                deliver_policy=api.DeliverPolicy.BY_START_SEQUENCE,
                opt_start_seq=self._owner.projector.checkpoint.seq + 1,
                ack_policy=api.AckPolicy.ALL,
                ack_wait=ACK_WAIT_SECONDS,
                max_ack_pending=IN_FLIGHT,
                max_deliver=-1,
                inactive_threshold=IDLE_CONSUMER_SECONDS,
            ),
            ack_policy=AckPolicy.MANUAL,
            decoder=undecoded,
        )
        delivering(self._deliver)
        respond(
            self.broker,
            self._log,
            ASK,
            self._answer,
            names={*QUESTIONS, REBUILDING},
            who=WHO,
            title=QUESTIONS_CHANNEL,
            description="Answer a question about the state, once the tables have reached the sequence it names.",
            workers=WORKERS,
        )
        respond(
            self.broker,
            self._log,
            RUN,
            self._run,
            names=COMMANDS,
            who=WHO,
            title=COMMANDS_CHANNEL,
            description="Do what only the owner of the tables can do, while nothing is folded.",
        )
        respond(
            self.broker,
            self._log,
            ROWS,
            self._begin_rows,
            names=STREAMS,
            who=WHO,
            title=ROWS_CHANNEL,
            description="Begin an answer of many rows; its value is the number by which its chunks are asked for.",
            workers=WORKERS,
        )
        more = self.broker.subscriber(MORE, title=MORE_CHANNEL, max_workers=WORKERS, decoder=undecoded)
        more(self._more_rows)

    async def _deliver(self, message: NatsMessage) -> None:
        """Take a fact from the log; it is folded with all that have gathered."""
        self._arrived.append(message.raw_message)
        self._has_arrived.set()

    async def _fold_all(self) -> None:
        """Fold what arrives, in the order of the log, and acknowledge it after the commit."""
        await self._between_batches(Projector.warm)
        tidied = 0  # the process before may have left the file untidy
        while True:
            is_due = self._owner.projector.checkpoint_seq - tidied >= TIDY_FACTS
            try:
                await within(TIDY_SECONDS if is_due else None, self._has_arrived.wait())
            except TimeoutError:
                await self._between_batches(Projector.tidy)
                tidied = self._owner.projector.checkpoint_seq
                continue
            arrived, self._arrived = self._arrived, []
            self._has_arrived.clear()
            began = time.monotonic()
            try:
                async with self._folding:
                    with _traced(arrived):
                        await self._fold(sorted(map(_message, arrived), key=lambda message: message.seq))
            except Unreachable:  # the server is away; it delivers again what was not acknowledged
                continue
            except Exception as error:  # FastStream would swallow it: nothing may be folded after a batch that failed
                if not database.is_of_disk(error):
                    logger.exception("folding")
                first = min(delivered.metadata.sequence.stream for delivered in arrived)
                self._fail(
                    f"sequence {first} and after could not be folded and wait on the log: {database.told(error)}"
                )
                return
            with contextlib.suppress(NatsError, TimeoutError):
                last = max(arrived, key=lambda m: m.metadata.sequence.stream)
                await within(CONSUMER_SECONDS, last.ack())
            if len(self._arrived) < MANY:
                await asyncio.sleep(min(REST_SECONDS, (time.monotonic() - began) / 4))

    async def _between_batches(self, work: Callable[[Projector], None]) -> None:
        """Do what makes folding quicker; where that fails, folding goes on, and says so if it fails as well."""
        try:
            async with self._folding:
                await asyncio.get_running_loop().run_in_executor(self._folder, work, self._owner.projector)
        except duckdb.Error as error:
            logger.warning("%s: %s", work.__name__, error)

    async def _fold(self, messages: list[Message]) -> None:
        """Fold what was delivered. The log, not the delivery, says what comes next.

        A delivery may have a gap: messages that were sent into a broken connection come again after newer ones. The
        facts are read from the log where the batch leaves a gap behind the checkpoint, and where many wait.
        """
        projector = self._owner.projector
        fresh = [message for message in messages if message.seq > projector.checkpoint_seq]
        expected = range(projector.checkpoint_seq + 1, projector.checkpoint_seq + 1 + len(fresh))
        if len(fresh) >= MANY or [message.seq for message in fresh] != list(expected):
            await self._read_on(fresh[-1].seq)
            return
        await self._apply(fresh)
        await self._tell()

    async def _read_on(self, last: int) -> None:
        """Fold what the log holds, up to a sequence at least, and let the server deliver what comes after it."""
        projector = self._owner.projector
        last = max(last, await self._log.last_sequence())
        async with TextReaders(projector.memory) as readers:
            while projector.checkpoint_seq < last:
                if last - projector.checkpoint_seq >= WAITING:
                    readers.start()
                read = ahead(readers.batches(ahead(self._log.read(projector.checkpoint_seq, last, BATCH))))
                async with contextlib.aclosing(read):
                    async for batch, reading in read:
                        await self._folded(projector.take, batch, reading)
                end = await self._log.last_sequence()
                last = end if end - last >= MANY else last
        with contextlib.suppress(Unreachable, TimeoutError, NatsError):  # what is delivered again is skipped
            subject = f"{self._log.api}.CONSUMER.RESET.{STREAM}.{self.durable}"
            next_one = msgspec.json.encode({"seq": projector.checkpoint_seq + 1})
            await self._log.request(subject, next_one, timeout=CONSUMER_SECONDS)

    async def _apply(self, messages: list[Message]) -> None:
        """Fold messages that follow the checkpoint, a transaction at a time, and tell of each."""
        for portion in portions(messages):
            await self._folded(self._owner.projector.apply, portion)

    async def _folded(self, fold: Callable[..., Any], *what: Any) -> None:
        projector = self._owner.projector
        before = projector.folded.copy()
        with metrics.BATCH.time():
            await asyncio.get_running_loop().run_in_executor(self._folder, fold, *what)
        metrics.count(before, projector.folded)
        await self._tell()

    async def _tell(self) -> None:
        """Tell whoever waits or listens how far the tables are."""
        self._progressed = time.monotonic()
        self._has_erased.set()
        async with self._moved:
            self._moved.notify_all()
        moved = msgspec.json.encode(Moved(self._owner.projector.checkpoint_seq))
        with contextlib.suppress(NatsError, TimeoutError):  # whoever listens asks again, and every answer has it
            await self._log.send((MOVED, moved, traceparent.headers(traceparent.current()) or None))

    async def _forget(self) -> None:
        """Finish erasures: what arrived too late goes from the log, then the database is written anew without it.

        Both are due again after any failure; the next try comes with the next fact, or a moment later.
        """
        self._has_erased.set()
        while True:
            with contextlib.suppress(TimeoutError):
                await within(FORGET_SECONDS, self._has_erased.wait())
            self._has_erased.clear()
            try:
                left = await asyncio.to_thread(self._owner.answer, "erasing", {})
                if left["remnants"] or left["copying"]:
                    await erasure.sweep(self._log, left)
                if left["compaction_due"]:
                    await self._compact()
            except (RooflogError, NatsError, OSError, duckdb.Error) as error:
                logger.warning("erasing: %s", error)
            finally:
                self._is_compacting = False

    async def _seal(self) -> None:
        """Seal what was folded, once another stretch is whole or an erasure has taken a segment away."""
        while True:
            try:
                await self._owner.seal(self._log, self._sealing, self._folding)
            except (RooflogError, NatsError, OSError, duckdb.Error) as error:
                logger.warning("sealing: %s", error)
            await asyncio.sleep(SEAL_SECONDS)

    async def _compact(self) -> None:
        """Write the database anew. A rebuild that is under way may hold the text as well: it begins again."""
        async with self._rebuilds.held_off(), self._sealing, self._folding:
            self._is_compacting = True
            await asyncio.to_thread(self._owner.compact)

    async def _answer(self, name: str, question: Question) -> Any:
        """Answer a question once the tables have reached the sequence it names."""
        if name == REBUILDING:
            return self._rebuilds.condition
        await self._reach(question.after)
        return await asyncio.to_thread(self._owner.answer, name, question.args)

    async def _run(self, name: str, question: Question) -> Any:
        """Do what only the owner of the tables can do, while nothing is folded."""
        command = arguments.chosen("command", COMMANDS, name)
        return await command(self, **arguments.checked(f"command {name!r}", command, question.args))

    async def rebuild(
        self, *, from_log: bool = False, projection: str | None = None, verify: bool = False, on: str | None = None
    ) -> Condition:
        """Begin a rebuild, or join the one that is under way. Raises as `Rebuild` does."""
        return self._rebuilds.start(Plan(from_log=from_log, projection=projection, verify=verify, on=on))

    async def prepare(self, *, policy: dict[str, Any], on: str | None = None) -> dict[str, int]:
        """Analyse some of the texts that a policy's lexicon and rules have not seen; how many are left."""
        return await self._preparations.prepare(policy=policy, on=on)

    async def _begin_rows(self, name: str, question: Question) -> str:
        """Begin a long answer; the number by which its chunks are asked for."""
        await self._reach(question.after)
        return self._long_answers.begin(name, self._owner.rows(name, question.args))

    async def _more_rows(self, message: NatsMessage) -> bytes:
        """The next chunk of a long answer: the asker asks for each, so no buffer overflows."""
        return await self._long_answers.more(message.body)

    async def _reach(self, seq: int) -> None:
        """Wait until the tables have folded a sequence. Raises RooflogError when that takes too long."""

        async def reached() -> None:
            async with self._moved:
                await self._moved.wait_for(lambda: self._owner.projector.checkpoint_seq >= seq)

        try:
            if self._owner.projector.checkpoint_seq < seq:
                await within(ANSWER_SECONDS / 2, reached())
        except TimeoutError:
            raise RooflogError(
                f"the projector is at sequence {self._owner.projector.checkpoint_seq} and has not reached {seq} "
                f"in {ANSWER_SECONDS / 2:.0f} s; see how far behind it is with `rooflog status`"
            ) from None

    async def _watch(self) -> None:
        """End the service when the log has lost facts, or when facts wait and nothing moves.

        A subscriber whose task died says nothing, and what comes at sequences that were folded would be skipped.
        """
        while True:
            await asyncio.sleep(STALL_SECONDS / 4)
            folded = self._owner.projector.checkpoint_seq
            try:
                last = await self._log.last_sequence()
                if last < folded:
                    async with self._folding:
                        await self._owner.check(self._log)
            except Unreachable:
                self._progressed = time.monotonic()
                continue
            except RooflogError as error:
                self._fail(str(error))
                return
            if last <= self._owner.projector.checkpoint_seq or self._is_compacting:
                self._progressed = time.monotonic()
            elif time.monotonic() - self._progressed > STALL_SECONDS:
                self._fail(f"facts are waiting and none was folded for {STALL_SECONDS:.0f} s")
                return

    def _fail(self, why: str) -> None:
        self.failure = self.failure or why
        self.app.exit()


COMMANDS: dict[str, Callable[..., Awaitable[Any]]] = {
    PREPARE: ProjectorService.prepare,
    REBUILD: ProjectorService.rebuild,
}
"""What the service can be told."""


def _stand_back() -> None:
    """Let this thread wait for those that answer, where the system knows priorities of threads."""
    if sys.platform == "linux":
        os.nice(FOLDING_NICE)


def _traced(arrived: list[Msg]) -> AbstractContextManager[object]:
    """The span of a batch, linked to the traces in which its facts were said; none where there are no traces."""
    links = tracing.distinct((message.headers or {}).get(traceparent.HEADER) for message in arrived)
    if not links:
        return contextlib.nullcontext()
    return tracing.span("fold", kind=SpanKind.CONSUMER, links=links, facts=len(arrived))


def _message(delivered: Msg) -> Message:
    meta = delivered.metadata
    return Message(meta.sequence.stream, delivered.subject, delivered.data)


async def serve(settings: Settings, url: str) -> int:
    """Run the projector until it is told to stop; the exit code. Raises RooflogError where it cannot start."""
    standby = Standby(WHO)
    async with monitored(settings, WHO, standby.why_not, standby.measure, standby.measure_itself):
        return await standby.served(Log(access(settings, url, "projector")), settings, _run)


async def _run(settings: Settings, log: Log, standby: Standby) -> int:
    with database.errors_told():
        owner = await _own(settings, log)
        try:
            standby.service = service = ProjectorService(settings, log, owner)
            return await service.run()
        finally:
            owner.close()


async def _own(settings: Settings, log: Log) -> Owner:
    """The database, once a command that holds it has let go. Raises RooflogError where a projector holds it."""
    while True:
        try:
            return Owner(settings.database)
        except BlockingIOError:
            if await runs(log):
                raise RooflogError(f"another projector already owns {settings.database}") from None
        await asyncio.sleep(0.1)
