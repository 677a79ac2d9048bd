"""The owner of the tables: the process that holds the database file, folds the log into it and reads from it."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import shutil
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

import pyarrow as pa

from events.errors import RooflogError
from events.log.log import Log, Message
from events.message import legible
from projections.store import compaction
from projections.store.database import Connection
from projections.store.database import first as first_row
from projections.store.segments import keep

from ..private_files import sync
from . import arguments
from .decoder_pool import READ, ahead
from .protocol import Progress
from .questions import COMMANDS, QUESTIONS, STREAMS, first_argument
from .read_lock import ReadLock
from .segments import Folder, Replay, purge, seal, unsealed

if TYPE_CHECKING:
    from projections.verdicts.memory import Reader

T = TypeVar("T")

BATCH = 2_000
"""Facts in one live transaction at most. More are never waited for: while one batch is folded the next one gathers."""

BATCH_BYTES = 4 * 2**20
"""Bytes in one live transaction at most, unless one fact alone is larger. A megabyte of text takes up to a second and a
half, and whoever stops the service or waits for the tables waits for one transaction."""

FAR = 50_000
"""From so many facts on it is faster to fold all of them first and to judge once."""

REPLACE_SECONDS = 5.0
"""How long an exchange of the database file waits for readers before it is put off."""


class Files:
    """The database file, the temporary files beside it, and the lock of their owner."""

    def __init__(self, database: Path) -> None:
        self.live = database
        self.compacting = database.with_suffix(".compacting")
        self.rebuilding = database.with_suffix(".rebuilding.duckdb")
        self.rebuilt = database.with_suffix(".rebuilt.duckdb")
        self.previous = database.with_suffix(".previous.duckdb")
        self.segments = Folder(database.with_suffix(".segments"))

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
        for database in databases:
            database.unlink(missing_ok=True)
            compaction.wal_of(database).unlink(missing_ok=True)
            shutil.rmtree(database.with_suffix(".spill"), ignore_errors=True)

    def replace(self, new: Path, *, keep: bool = False) -> None:
        """Put a closed database in the place of the live database, which is closed, too; `keep` keeps the old file.

        The write-ahead log is removed before its file: without the log the old file is only further behind.
        """
        self.remove(self.previous)
        compaction.wal_of(self.live).unlink(missing_ok=True)
        if keep:
            with contextlib.suppress(OSError):  # a file system without hard links keeps none
                self.previous.hardlink_to(self.live)
        new.replace(self.live)
        self.remove(new)
        shutil.rmtree(self.live.with_suffix(".spill"), ignore_errors=True)
        sync(self.live.parent)


class Owner:
    """The process that holds the database: `lock` keeps others out while `Projector` works."""

    def __init__(self, database: Path) -> None:
        """Take the database. Raises BlockingIOError where another process has it."""
        self.files = Files(database)
        self._read_lock = ReadLock()
        self._lock = self.files.lock()
        try:
            self.files.remove(self.files.compacting, self.files.rebuilding, self.files.rebuilt)
            self._open()
            self.files.remove(self.files.previous)
        except BaseException:
            self._lock.close()
            raise

    def _open(self) -> None:
        from projections.fold.projector import Projector  # a process that only asks loads no projector

        self.projector = Projector(self.files.live)
        purge(self.projector.con, self.files.segments)
        self.reader: Connection = self.projector.con.cursor()

    def close(self) -> None:
        """Close the database and release its lock."""
        self.reader.close()
        self.projector.close()
        self._lock.close()

    async def check(self, log: Log) -> None:
        """Raise RooflogError where the database was folded from another log than this one, or from more of it."""
        now = self.projector.checkpoint
        last = await log.last_sequence()
        message = await log.at(now.seq) if now.seq else None
        if now.seq <= last and (message is None or legible(message.subject) == now.subject):
            return
        same = await self._last_in_both(log, min(last, now.seq))
        where = log.client.connected_url.netloc if log.client.connected_url else "?"
        raise RooflogError(
            f"the database stands at sequence {now.seq} ({now.subject}), but the log at {where} ends at {last} and "
            + (
                f"is the same only up to {same}, as after an older backup was restored or a damaged file was cut: "
                f"{now.seq - same:,} facts of the database are not on it, and `rooflog verify` names them; restore a "
                "newer backup, or remove the database file to go on without them"
                if same
                else "is another one; choose the data directory that belongs to it, or remove the database file "
                "to fold it anew from this log"
            )
        )

    async def _last_in_both(self, log: Log, last: int) -> int:
        """The last sequence up to which database and log hold the same, at most `last`; 0 where they share nothing."""
        first = 0
        while first < last:
            middle = (first + last + 1) // 2
            message = await log.at(middle)  # None where it was erased: that happens on the same log alone
            entry = first_row(self.projector.con, "SELECT entry FROM chain WHERE seq = ?", [middle])
            if message is None or entry == (message.entry,):
                first = middle
            else:
                last = middle - 1
        return first

    async def catch_up(self, log: Log, progress: Progress | None = None) -> None:
        """Fold what the log holds, while nobody else reads. Far behind, fold all of it before anything is judged."""
        last = await log.last_sequence()
        first = self.projector.checkpoint.seq
        if last - first > FAR:
            replay = Replay(log, self.projector, last, self.files.segments, ())
            async with contextlib.aclosing(replay.batches()) as batches:
                async for batch in batches:
                    await asyncio.to_thread(replay.fold, batch)
                    if progress:
                        progress(batch.last - first, last - first)
            await asyncio.to_thread(self.projector.judge, progress)
        else:
            async for messages in ahead(log.read(first, last, READ)):
                for portion in portions(messages):
                    await asyncio.to_thread(self.projector.apply, portion)
                    if progress:
                        progress(portion[-1].seq - first, last - first)
        await asyncio.to_thread(self.compact)

    async def seal(self, log: Log, sealing: asyncio.Lock, folding: asyncio.Lock) -> None:
        """Seal every whole stretch that was folded and is not sealed, one at a time under `sealing`.

        The database remembers each while nothing is folded. A stretch that cannot be sealed now is left out.
        """
        with self.reading() as con:
            firsts = unsealed(con, self.projector.checkpoint_seq)
        for first in firsts:
            async with sealing:
                if (segment := await seal(log, self.files.segments, self.reading, first)) is not None:
                    async with folding:
                        await asyncio.to_thread(keep, self.projector.con, segment)

    def compact(self) -> bool:
        """Rewrite the database where its file may still hold erased text, and remove such segments.

        False where readers keep the file.

        Others read meanwhile. After an interruption the rewrite is due again.
        """
        if not compaction.is_due(self.projector.con):
            return True
        from projections.fold import table_copy  # what folds is not loaded by those who only ask

        self.files.remove(self.files.previous)
        purge(self.projector.con, self.files.segments)
        table_copy.rewrite(self.projector.con, self.files.compacting)
        try:
            self.replace(self.files.compacting)
        except TimeoutError:
            self.files.remove(self.files.compacting)
            return False
        return True

    def replace(self, new: Path, *, keep: bool = False) -> None:
        """Put another database file in the place of this one, between two reads. Raises TimeoutError."""
        with self._read_lock.writing(REPLACE_SECONDS):
            self.reader.close()
            self.projector.close()
            self.files.replace(new, keep=keep)
            self._open()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A cursor for a longer read; the file is not replaced meanwhile."""
        with self._read_lock.reading(), self.reader.cursor() as cursor:
            yield cursor

    def answer(self, name: str, args: dict[str, Any]) -> Any:
        """Answer one question from a cursor of its own. Raises InputError where the question is wrong."""
        question = arguments.chosen("question", QUESTIONS, name)
        checked = arguments.checked(f"question {name!r}", question, args)
        with self._moment() as reader:
            return question(first_argument(question, reader), **checked)

    @contextmanager
    def _moment(self) -> Iterator[Reader]:
        """One moment of the columns and the tables, for one answer."""
        with self._read_lock.reading(), self.reader.cursor() as cursor:
            reader = self.projector.reader(cursor)
            try:
                yield reader
            finally:
                reader.release()

    def run(self, name: str, args: dict[str, Any]) -> Any:
        """Run a command of the owner, while nothing is folded. Raises InputError where the command is wrong."""
        command = arguments.chosen("command", COMMANDS, name)
        checked = arguments.checked(f"command {name!r}", command, args)
        return self.change(partial(command, **checked))

    def change(self, work: Callable[[Connection], T]) -> T:
        """Work on the tables, while nothing is folded."""
        with self._read_lock.reading():
            return work(self.projector.con)

    def rows(self, name: str, args: dict[str, Any]) -> Generator[bytes | pa.Table]:
        """A long answer of this moment: its head as JSON, then every page of rows. Raises InputError at once."""
        stream = arguments.chosen("rows", STREAMS, name)
        checked = arguments.checked(f"rows {name!r}", stream, args)

        def pages() -> Generator[bytes | pa.Table]:
            with self._moment() as reader:
                yield from stream(first_argument(stream, reader), **checked)
                reader.con.execute("ROLLBACK")

        return pages()


def portions(messages: Sequence[Message]) -> Iterator[list[Message]]:
    """Messages in their order, as many at a time as may be folded together."""
    portion: list[Message] = []
    size = 0
    for message in messages:
        if portion and (len(portion) == BATCH or size + len(message.data) > BATCH_BYTES):
            yield portion
            portion, size = [], 0
        portion.append(message)
        size += len(message.data)
    if portion:
        yield portion
