"""The state as everyone sees it: asked of the projector that owns the database, or owned while none runs."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import io
import os
import shutil
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

import msgspec
import pyarrow as pa
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError

from events.errors import RooflogError, TooLarge, Unreachable
from events.log.log import Log
from projections.policy.policy import Relevance
from projections.queries import dashboard, examples, policy_preview, review_queue, training_set
from projections.queries.training_set import TrainingSet
from projections.store import compaction
from projections.store.batch import Batch
from projections.store.database import Connection
from projections.tables import digest_chain, erasures, exports, policies, quarantine
from projections.texts import analysis

from ..settings import Settings
from .decoder_pool import READ, ahead, decoded
from .read_lock import Gate

if TYPE_CHECKING:
    from projections.fold.projector import Projector

ASK = "rooflog.query"
"""The subject prefix of questions to the projector; the last token is the question's name."""

MOVED = "rooflog.moved"
"""The subject on which the projector says, after every commit, how far it is: `{"checkpoint": 17}`."""

ROWS = "rooflog.rows"
"""The subject prefix of long answers, which stream in chunks that the asker acknowledges one by one."""

RUN = "rooflog.command"
"""The subject prefix of what only the owner of the tables can do; one at a time, and nothing is folded meanwhile."""


def _digest(con: Connection) -> dict[str, Any]:
    from projections.fold.content_digest import digest  # what folds is not loaded by those who only ask

    return digest(con)


QUESTIONS: dict[str, Callable[..., Any]] = {
    "status": examples.status,
    "digest": _digest,
    "stats": examples.stats,
    "queue": examples.queue,
    "show": examples.show,
    "tagged": examples.tagged,
    "waiting": review_queue.waiting,
    "considered": review_queue.considered,
    "facets": review_queue.facets,
    "covered": review_queue.covered,
    "found": review_queue.found,
    "related": review_queue.related,
    "dashboard": dashboard.dashboard,
    "quarantined": dashboard.quarantined,
    "counted": dashboard.counted,
    "exports": exports.history,
    "chain": digest_chain.entries,
    "quarantine": quarantine.listed,
    "kept": quarantine.kept,
    "erasing": erasures.erasing,
    "repeating": erasures.repeating,
    "policies": policies.history,
    "adoptions": policies.adoptions,
    "policy": policies.document,
    "preview": policy_preview.preview,
}

STREAMS: dict[str, Callable[..., Iterator[bytes | pa.Table]]] = {
    "training_set": training_set.stream,
    "moved": policy_preview.moved,
    "analyses": analysis.stream,
}
"""Long answers of one moment: a head as JSON, then pages of rows."""

COMMANDS: dict[str, Callable[..., Any]] = {
    "prepare": policy_preview.prepare,
}
"""What changes no content: it only makes ready what a fact to come will need."""

WRITTEN = 250_000
"""Facts in one transaction on a long way, of many batches: twice what DuckDB writes in one piece."""

FAR = 50_000
"""Facts from which on it is sooner done to fold everything and then judge everything once."""

ANSWER_SECONDS = 60.0
REPLACE_SECONDS = 5.0
"""How long new readers wait for older ones when the database file is replaced, before that is put off."""

OWNER_SECONDS = 60.0

Progress = Callable[[int, int], None]

T = TypeVar("T")


class Question(msgspec.Struct, forbid_unknown_fields=True):
    """A question: wait until the tables have folded sequence `after`, then answer with `args`."""

    after: int = 0
    args: dict[str, Any] = {}


class Answer(msgspec.Struct):
    """The answer, or what was wrong with the question; `too_large` where fewer rows would fit into one message."""

    value: Any = None
    error: str | None = None
    too_large: bool = False


class Files:
    """The database file, what stands beside it for a while, and the lock that says who owns them all."""

    def __init__(self, database: Path) -> None:
        self.live = database
        self.compacting = database.with_suffix(".compacting")
        self.rebuilding = database.with_suffix(".rebuilding.duckdb")
        self.rebuilt = database.with_suffix(".rebuilt.duckdb")
        self.previous = database.with_suffix(".previous.duckdb")

    def lock(self) -> IO[str]:
        """Own the files until the lock is closed. Raises BlockingIOError where another process does."""
        self.live.parent.mkdir(parents=True, exist_ok=True)
        held = self.live.with_suffix(".lock").open("w")
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BaseException:
            held.close()
            raise
        return held

    def remove(self, *databases: Path) -> None:
        """Remove databases with everything that DuckDB put beside them."""
        for one in databases:
            one.unlink(missing_ok=True)
            compaction.wal_of(one).unlink(missing_ok=True)
            shutil.rmtree(one.with_suffix(".spill"), ignore_errors=True)

    def replace(self, new: Path, *, keep: bool = False) -> None:
        """Put a closed database in the place of the live one, which is closed as well and may be kept as the previous.

        The write-ahead log goes before the file that it belongs to: without it the old file is only further behind.
        """
        self.remove(self.previous)
        compaction.wal_of(self.live).unlink(missing_ok=True)
        if keep:
            with contextlib.suppress(OSError):  # a file system without hard links keeps none
                self.previous.hardlink_to(self.live)
        new.replace(self.live)
        self.remove(new)
        shutil.rmtree(self.live.with_suffix(".spill"), ignore_errors=True)
        sync_directory(self.live.parent)


class Owner:
    """The process that holds the database: `lock` keeps others out while `Projector` works."""

    def __init__(self, database: Path) -> None:
        """Take the database. Raises BlockingIOError where another process has it."""
        self.files = Files(database)
        self._gate = Gate()
        self._lock = self.files.lock()
        try:
            self.files.remove(self.files.compacting, self.files.rebuilding, self.files.rebuilt)
            self._open()
            self.files.remove(self.files.previous)
        except BaseException:
            self._lock.close()
            raise

    def _open(self) -> None:
        from projections.fold.projector import Projector  # what folds is not loaded by those who only ask

        self.projector = Projector(self.files.live)
        self.reader: Connection = self.projector.con.cursor()

    def close(self) -> None:
        """Give the database back."""
        self.reader.close()
        self.projector.close()
        self._lock.close()

    async def check(self, log: Log) -> None:
        """Raise RooflogError where the database was folded from another log than this one."""
        now = self.projector.checkpoint
        last = await log.last_sequence()
        message = await log.at(now.seq) if now.seq else None
        if now.seq > last or (message is not None and message.subject != now.subject):
            raise RooflogError(
                f"the database stands at sequence {now.seq} ({now.subject}), but the log at "
                f"{log.client.connected_url.netloc if log.client.connected_url else '?'} ends at {last} "
                "and is another one; choose the data directory that belongs to it, or remove the database file "
                "to fold it anew from this log"
            )

    async def catch_up(
        self, log: Log, progress: Progress | None = None, until: int | None = None, *, while_read: bool = False
    ) -> None:
        """Fold everything the log holds now, or no further than a sequence.

        Whoever is far behind folds everything before judging anything, unless others read meanwhile.
        """
        last = await log.last_sequence() if until is None else until
        first = self.projector.checkpoint.seq
        is_far = last - first > FAR and not while_read
        if is_far:
            async for batch in decoded(log, self.projector.checkpoint_seq, last):
                await asyncio.to_thread(fold, self.projector, batch, last)
                if progress:
                    progress(batch.last - first, last - first)
            await asyncio.to_thread(self.projector.judge, progress)
        else:
            async for messages in ahead(log.read(first, last, READ)):
                await asyncio.to_thread(self.projector.apply, messages)
                if progress:
                    progress(messages[-1].seq - first, last - first)
        if not while_read:  # else whoever serves the readers says when
            await asyncio.to_thread(self.compact)

    def compact(self) -> bool:
        """Write the database anew where text that was erased may be left in its file; False where readers hold it.

        Others read on while it is written. Interrupted at any point it is due again.
        """
        if not compaction.is_due(self.projector.con):
            return True
        from projections.fold import table_copy  # it loads what folds

        self.files.remove(self.files.previous)
        table_copy.rewrite(self.projector.con, self.files.compacting)
        try:
            self.replace(self.files.compacting)
        except TimeoutError:
            self.files.remove(self.files.compacting)
            return False
        return True

    def replace(self, new: Path, *, keep: bool = False) -> None:
        """Put another database file in the place of this one, between two reads. Raises TimeoutError."""
        with self._gate.alone(REPLACE_SECONDS):
            self.reader.close()
            self.projector.close()
            self.files.replace(new, keep=keep)
            self._open()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A cursor of its own, for whoever reads for a while; the file is not replaced meanwhile."""
        with self._gate.reading(), self.reader.cursor() as cursor:
            yield cursor

    def answer(self, name: str, args: dict[str, Any]) -> Any:
        """Answer one question from a cursor of its own. Raises ValueError where the question is wrong."""
        if name not in QUESTIONS:
            raise ValueError(f"no question {name!r}; there are {', '.join(QUESTIONS)}")
        with self._gate.reading(), self.reader.cursor() as cursor:
            cursor.execute("BEGIN TRANSACTION")  # every statement of an answer sees the same moment
            try:
                return QUESTIONS[name](cursor, **args)
            except TypeError as error:
                raise ValueError(f"question {name!r}: {error}") from error

    def run(self, name: str, args: dict[str, Any]) -> Any:
        """Do one thing that only the owner can do, while nothing is folded. Raises ValueError where it is wrong."""
        if name not in COMMANDS:
            raise ValueError(f"no command {name!r}; there are {', '.join(COMMANDS)}")
        with self._gate.reading():
            try:
                return COMMANDS[name](self.projector.con, **args)
            except TypeError as error:
                raise ValueError(f"command {name!r}: {error}") from error

    def rows(self, name: str, args: dict[str, Any]) -> Generator[bytes | pa.Table]:
        """A long answer of this moment: its head as JSON, then every page of rows."""
        if name not in STREAMS:
            raise ValueError(f"no rows {name!r}; there are {', '.join(STREAMS)}")
        with self._gate.reading(), self.reader.cursor() as cursor:
            cursor.execute("BEGIN TRANSACTION")
            yield from STREAMS[name](cursor, **args)
            cursor.execute("ROLLBACK")


class State:
    """Answers about the state, whoever owns it; up to date with what the log holds when it is asked."""

    def __init__(self, log: Log, owner: Owner | None, progress: Progress | None, *, as_it_stands: bool = False) -> None:
        self._log = log
        self._owner = owner
        self._progress = progress
        self.as_it_stands = as_it_stands

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
        return await self._request(f"{ASK}.{name}", after, args)

    async def run(self, name: str, **args: Any) -> Any:
        """Have the owner of the tables do something; raises as `ask` does."""
        if self._owner is not None:
            await self._owner.catch_up(self._log, self._progress)
            return self._owner.run(name, args)
        return await self._request(f"{RUN}.{name}", 0, args)

    async def _request(self, subject: str, after: int, args: dict[str, Any]) -> Any:
        question = msgspec.json.encode(Question(after=after, args=args))
        try:
            reply = await self._log.client.request(subject, question, timeout=ANSWER_SECONDS)
        except (NatsError, TimeoutError) as error:
            raise Unreachable(f"the projector does not answer: {error or type(error).__name__}") from error
        return _value(reply.data)

    @asynccontextmanager
    async def training_set(
        self, min_relevance: Relevance | None = None, *, texts: bool = True
    ) -> AsyncIterator[tuple[TrainingSet, AsyncIterator[pa.RecordBatch]]]:
        """The training set of this moment: its head, and its rows in the order of the log (`training_set.pages`)."""
        async with self.rows("training_set", min_relevance=min_relevance, texts=texts) as (head, batches):
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
            source = self._streamed(name, args)
        async with contextlib.aclosing(source):
            head = await anext(source)

            async def batches() -> AsyncIterator[pa.RecordBatch]:
                async for chunk in source:
                    page = pa.ipc.open_stream(chunk).read_all() if isinstance(chunk, bytes) else chunk
                    for batch in page.to_batches():
                        yield batch

            yield head, batches()

    async def _streamed(self, name: str, args: dict[str, Any]) -> AsyncGenerator[bytes]:
        """Chunks from the projector, put together again: `+` says that a chunk goes on, `.` ends it, `$` ends all."""
        client = self._log.client
        arrived: asyncio.Queue[Msg] = asyncio.Queue()
        inbox = client.new_inbox()
        subscription = await client.subscribe(inbox, cb=arrived.put)
        question = Question(after=0 if self.as_it_stands else await self._log.last_sequence(), args=args)
        try:
            await client.publish(f"{ROWS}.{name}", msgspec.json.encode(question), reply=inbox)
            whole = bytearray()
            while True:
                message = await asyncio.wait_for(arrived.get(), ANSWER_SECONDS)
                if not message.reply:  # the server's own word that nobody listens
                    raise NoRespondersError
                await message.respond(b"")
                kind, part = message.data[:1], message.data[1:]
                if kind == b"!":
                    _value(part)
                if kind == b"$":
                    return
                whole += part
                if kind == b".":
                    yield bytes(whole)
                    whole.clear()
        except NoRespondersError as error:
            raise Unreachable("no projector answers; start one with `rooflog up` or `rooflog projector`") from error
        except (NatsError, TimeoutError) as error:
            raise Unreachable(f"the projector broke off its answer: {error or type(error).__name__}") from error
        finally:
            await subscription.unsubscribe()


def packed(chunk: bytes | pa.Table) -> bytes:
    """A part of a long answer as it is sent: the head as it is, a page of rows as an Arrow IPC stream."""
    if isinstance(chunk, bytes):
        return chunk
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, chunk.schema) as writer:
        writer.write_table(chunk)
    return sink.getvalue()


def fold(projector: Projector, batch: Batch, last: int) -> None:
    """Fold a batch on a long way to a last sequence, judging nothing."""
    projector.fold(batch, commit=batch.last >= last or batch.last // WRITTEN > (batch.first - 1) // WRITTEN)


def sync_directory(directory: Path) -> None:
    """Make what was renamed in a directory outlive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _value(data: bytes) -> Any:
    answer = msgspec.json.decode(data, type=Answer)
    if answer.error is not None:
        raise TooLarge(answer.error) if answer.too_large else RooflogError(answer.error)
    return answer.value


async def runs(log: Log) -> bool:
    """Does a projector answer at this server?"""
    try:
        await log.client.request(f"{ASK}.status", msgspec.json.encode(Question()), timeout=ANSWER_SECONDS)
    except NoRespondersError:
        return False
    except (NatsError, TimeoutError) as error:
        raise Unreachable(f"the projector does not answer: {error or type(error).__name__}") from error
    return True


@asynccontextmanager
async def open_state(
    settings: Settings, log: Log, progress: Progress | None = None, *, as_it_stands: bool = False
) -> AsyncIterator[State]:
    """The state: through the projector where one runs, else by owning the database for as long as this is open.

    Raises RooflogError where the database was folded from another log. `as_it_stands` neither checks that nor folds
    what is new: for whoever wants to know whether the log is still what the tables were folded from.
    """
    deadline = time.monotonic() + OWNER_SECONDS
    while not await runs(log):
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
            if not as_it_stands:
                await owner.check(log)
            yield State(log, owner, progress, as_it_stands=as_it_stands)
        finally:
            owner.close()
        return
    yield State(log, None, progress, as_it_stands=as_it_stands)
