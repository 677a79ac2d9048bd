"""Sealed segments: stretches of the log, decoded, in files beside the database, from which a replay is read.

A file is used only where it is what the database says that was sealed, where its stretch begins at the running digest
that was reached, and where the log holds the message that it ends with. Else the stretch is read from the log.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Sequence
from contextlib import AbstractContextManager, aclosing
from io import BufferedRandom
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from events.digest_chain import START
from events.log.log import Log, Message
from projections.store import segments
from projections.store.batch import Batch
from projections.store.database import Connection
from projections.store.segments import Segment
from projections.tables import digest_chain, erasures

from ..private_files import create, sync
from .decoder_pool import ahead, decoded

if TYPE_CHECKING:
    from projections.fold.projector import Projector

_numbers = count()
"""What tells files apart that one process writes at the same time."""

WRITTEN = 250_000
"""Facts in one transaction of a long replay: twice as many as DuckDB writes in one piece."""


class Folder:
    """The files of segments."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def file(self, segment: Segment) -> Path:
        """Where a segment lies."""
        return self.path / f"{segment.first}-{segment.digest[:32]}.arrow"

    def open(self, segment: Segment) -> BinaryIO | None:
        """The file of a segment; None where there is none, or where it is not what was sealed."""
        try:
            file = self.file(segment).open("rb")
        except OSError:
            return None
        with contextlib.suppress(OSError):
            if hashlib.file_digest(file, "sha256").hexdigest() == segment.digest:
                return file
        file.close()
        return None

    def keep_only(self, kept: Iterable[Segment]) -> None:
        """Remove every file but those of some segments: what was written and is not known may hold any text."""
        names = {self.file(segment).name for segment in kept}
        with contextlib.suppress(FileNotFoundError):
            for path in self.path.iterdir():
                if path.name not in names and not path.is_dir():
                    path.unlink(missing_ok=True)
            sync(self.path)


class Replay:
    """What a database lacks of the log up to the sequence `last`, to be folded without judging.

    It is read from the segments of `known` that may be used, else from the log. Unless `seals` is false, stretches that
    are read from the log are sealed, and the database remembers all segments that hold what it has folded.
    """

    def __init__(
        self, log: Log, projector: Projector, last: int, folder: Folder, known: Sequence[Segment], *, seals: bool = True
    ) -> None:
        self._log = log
        self._projector = projector
        self._last = last
        self._folder = folder
        self._known = known
        self._seals = seals
        self._sealed: dict[int, Segment] = {}  # by the first sequence of each of its batches
        self._sealing: Sealing | None = None

    async def batches(self) -> AsyncGenerator[Batch]:
        """The batches in the order of the log, each made while the caller folds the one before."""
        now = self._projector.checkpoint
        if self._seals:
            self._sealing = Sealing(self._folder, now.log_digest, self._last, await _waiting(self._log))
        try:
            async with aclosing(ahead(self._read(now.seq, now.log_digest))) as upcoming:
                async for batch in upcoming:
                    yield batch
        finally:
            if self._sealing is not None:
                self._sealing.give_up()

    def fold(self, batch: Batch) -> None:
        """Fold a batch, and seal it."""
        commit = batch.last >= self._last or batch.last // WRITTEN > (batch.first - 1) // WRITTEN
        self._projector.fold(batch, commit=commit)
        if self._sealing is None:
            return
        segment = self._sealed.pop(batch.first, None)
        if segment is None:
            segment = self._sealing.add(batch, [] if batch.arrived is None else batch.arrived["seq"].to_pylist())
        else:
            self._sealing.skip(batch)
        if segment is not None and segment.last == batch.last:
            segments.keep(self._projector.con, segment)

    async def _read(self, after: int, digest: bytes) -> AsyncGenerator[Batch]:
        from projections.fold.batch_file import decoder

        known = {segment.first: segment for segment in self._known if segment.decoder == decoder()}
        while after < self._last:
            segment = known.get(after + 1)
            if segment is not None and segment.begins_at != digest.hex():
                known.clear()  # it is another log: no later one fits either
                segment = None
            file = None if segment is None else await self._file(segment)
            if segment is not None and file is not None:
                async for batch in _of_file(file):
                    self._sealed[batch.first] = segment
                    yield batch
                after, digest = segment.last, bytes.fromhex(segment.log_digest)
                continue
            later = [first - 1 for first in known if first > after + 1]
            until = min([*later, self._last])
            async with aclosing(decoded(self._log, after, until)) as batches:
                async for batch in batches:
                    digest = await asyncio.to_thread(batch.follow, digest)
                    yield batch
            after = until

    async def _file(self, segment: Segment) -> BinaryIO | None:
        """The file of a segment, where it is sound and the log holds the message that it ends with."""
        if segment.last > self._last:
            return None
        (message,) = [m async for messages in self._log.read(segment.last - 1, segment.last) for m in messages]
        if _entry(message) != segment.entry:
            return None
        return await asyncio.to_thread(self._folder.open, segment)


def _last_entry(batch: Batch) -> str:
    seqs, entries = batch.entries["seq"], batch.entries["entry"]
    return str(entries[-1].as_py().hex()) if len(seqs) and seqs[-1].as_py() == batch.last else ""


def _entry(message: Message) -> str:
    return "" if message.is_missing else message.entry.hex()


async def _of_file(file: BinaryIO) -> AsyncGenerator[Batch]:
    from projections.fold import batch_file

    with file:
        batches = batch_file.read(file)
        while (batch := await asyncio.to_thread(next, batches, None)) is not None:
            yield batch


class Sealing:
    """Writes batches that follow one another, up to the sequence `last`, into files, one for each whole stretch.

    A stretch is left out where it holds messages that wait for their erasure, and where its file cannot be written: it
    is read from the log another time.
    """

    def __init__(self, folder: Folder, log_digest: bytes, last: int, waiting: Collection[int]) -> None:
        self._folder = folder
        self._last = last
        self._log_digest = self._begins_at = log_digest
        self._waiting = waiting
        self._file: BufferedRandom | None = None
        self._erased = 0

    def skip(self, batch: Batch) -> None:
        """Go on after a batch that is sealed."""
        self._log_digest = batch.follow(self._log_digest)

    def add(self, batch: Batch, arrived: Collection[int]) -> Segment | None:
        """Take a batch; the segment that it completes. `arrived` are the sequences of examples that it has added."""
        from projections.fold import batch_file

        begins_at, self._log_digest = self._log_digest, batch.follow(self._log_digest)
        try:
            if (batch.first - 1) % segments.SIZE == 0 and batch.first + segments.SIZE - 1 <= self._last:
                self._begin(begins_at)
            if self._file is None:
                return None
            if any(batch.first <= seq <= batch.last for seq in self._waiting):
                self.give_up()
                return None
            batch_file.write(self._file, batch, batch_file.asked_for(batch, arrived))
            self._erased += len(batch.erased) + batch.restated
            return self._end(batch) if batch.last % segments.SIZE == 0 else None
        except OSError:
            self.give_up()
            return None

    def give_up(self) -> None:
        """Leave the stretch out that was begun, with nothing of it on disk."""
        if self._file is not None:
            self._file.close()
            self._file = None
            self._part.unlink(missing_ok=True)

    def _begin(self, begins_at: bytes) -> None:
        self.give_up()
        self._folder.path.mkdir(mode=0o700, exist_ok=True)
        self._part = self._folder.path / f"part.{os.getpid()}.{next(_numbers)}"
        self._file, self._begins_at, self._erased = create(self._part), begins_at, 0

    def _end(self, batch: Batch) -> Segment | None:
        from projections.fold.batch_file import decoder

        if self._file is None:
            return None
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.seek(0)
        segment = Segment(
            first=batch.last - segments.SIZE + 1,
            last=batch.last,
            begins_at=self._begins_at.hex(),
            log_digest=self._log_digest.hex(),
            entry=_last_entry(batch),
            erased=self._erased,
            decoder=decoder(),
            digest=hashlib.file_digest(self._file, "sha256").hexdigest(),
        )
        self._part.replace(self._folder.file(segment))
        sync(self._folder.path)
        self._file.close()
        self._file = None
        return segment


def unsealed(con: Connection, until: int) -> list[int]:
    """The first sequences of the whole stretches up to a sequence that are not sealed."""
    firsts = range(1, until - until % segments.SIZE, segments.SIZE)
    return sorted(set(firsts) - {segment.first for segment in segments.known(con)})


def purge(con: Connection, folder: Folder) -> None:
    """Forget the segments that nobody may use, and remove the files that are none.

    Those are segments that hold what a tombstone lists, that another decoder made, or of which there is no file.
    """
    from projections.fold.batch_file import decoder

    known, outdated = segments.known(con), set(erasures.outdated(con))
    for segment in known:
        if segment.first in outdated or segment.decoder != decoder() or not folder.file(segment).exists():
            segments.forget(con, segment.first)
    folder.keep_only(segments.known(con))


Reading = Callable[[], AbstractContextManager[Connection]]


async def seal(log: Log, folder: Folder, reading: Reading, first: int) -> Segment | None:
    """Read a stretch that was folded from the log, and write its segment; None where that cannot be now.

    What tombstones say is known before the log is read: what later ones take away is for `purge`.
    """
    last, waiting = first + segments.SIZE - 1, await _waiting(log)
    if any(first <= seq <= last for seq in waiting):
        return None
    begins_at, ends_at = await asyncio.to_thread(_digests, reading, first, last)
    sealing, segment = Sealing(folder, begins_at, last, waiting), None
    try:
        async with aclosing(decoded(log, first - 1, last)) as batches:
            async for batch in batches:
                segment = await asyncio.to_thread(_add, reading, sealing, batch)
    finally:
        sealing.give_up()
    if segment is not None and segment.log_digest != ends_at.hex():
        folder.file(segment).unlink(missing_ok=True)
        return None
    return segment


async def _waiting(log: Log) -> set[int]:
    """The messages that a tombstone lists and that are still on the log."""
    listed = set(await log.erased())
    return listed - await log.deleted() if listed else listed


def _digests(reading: Reading, first: int, last: int) -> tuple[bytes, bytes]:
    """The running digests before and after a stretch, as the database recorded them."""
    with reading() as con:
        before = [segment for segment in segments.known(con) if segment.last < first]
        since, digest = (before[-1].last, bytes.fromhex(before[-1].log_digest)) if before else (0, START)
        begins_at = digest_chain.running(con, first - 1, since=since, digest=digest)
        return begins_at, digest_chain.running(con, last, since=first - 1, digest=begins_at)


def _add(reading: Reading, sealing: Sealing, batch: Batch) -> Segment | None:
    with reading() as con:
        wanted = "SELECT seq FROM examples WHERE seq BETWEEN ? AND ?"
        arrived = [seq for (seq,) in con.execute(wanted, [batch.first, batch.last]).fetchall()]
    return sealing.add(batch, arrived)
