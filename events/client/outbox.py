"""The outbox: facts on their way to the log, in one directory that any number of processes share.

Every process writes its facts into segments of its own. A living process adopts the segments of one that is gone. A
fact that is published twice is on the log once, because it has a subject of its own. One directory belongs to one log.
"""

from __future__ import annotations

import fcntl
import logging
import os
import secrets
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from ..errors import OutboxError, OutboxFull
from ..traceparent import Record
from .segment import START, Segment, record

SET_ASIDE = "set_aside.jsonl"

MAX_BYTES = 256 * 2**20
"""Of all segments of a directory together: about 200,000 facts, a day of a busy assistant without a log."""

SEGMENT_BYTES = 2**20
"""A thousand facts; a larger fact gets a segment of its own size."""

ADOPT_SECONDS = 2.0
"""Between two looks for segments of processes that are gone."""

FULL_SECONDS = 0.1
"""Before a full outbox is looked at again: a refusal must not be slower than keeping a fact."""

SUFFIX = ".facts"

_CREATE_TRIES = 3

logger = logging.getLogger("rooflog")


class Batch(msgspec.Struct, frozen=True):
    """Some facts in the order they were said, and the place in their segment behind them."""

    segment: Segment
    records: list[Record]
    end: int


class _SetAside(msgspec.Struct, omit_defaults=True):
    at: datetime
    reason: str
    subject: str
    fact: msgspec.Raw | None = None
    bytes: bytes | None = None


class Outbox:
    """One process's view of the directory; `put` is for any thread, everything else for one."""

    def __init__(self, directory: Path, *, max_bytes: int = MAX_BYTES) -> None:
        """Raises OutboxError where the directory cannot be made or written to."""
        self.directory = directory
        self.max_bytes = max_bytes
        self.said = 0
        self.settled = 0
        """Of those said by this process, in their order: on the log or set aside."""
        self.set_aside_count = 0
        self.adopted = 0
        """Segments of processes that are gone."""
        self._damaged_before = 0
        self._segment_bytes = min(SEGMENT_BYTES, max(max_bytes // 4, 2 * START))
        self._lock = threading.Lock()
        self._current: Segment | None = None
        self._segments: list[Segment] = []
        self._strange: set[str] = set()
        """Names of segments that are not this user's own, each told once."""
        self._look_again = 0.0
        self._full, self._full_until = "", 0.0
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise OutboxError(f"the outbox {directory} cannot be made: {error}; choose another directory") from error
        if not os.access(directory, os.R_OK | os.W_OK | os.X_OK):
            raise OutboxError(f"the outbox {directory} belongs to somebody else; choose another directory")

    def put(self, subject: str, data: bytes, traceparent: str = "") -> None:
        """Keep a fact, and the trace in which it was said: from here on both outlive this process.

        Raises OutboxFull where no room or no disk is left.
        """
        written = record(subject, data, traceparent)
        with self._lock:
            if self._current is None or not self._current.append(written):
                self._current = self._next(len(written))
                self._current.append(written)
            self.said += 1

    def batch(self, count: int) -> Batch | None:
        """The oldest facts that are not settled, at most `count`; None where there are none. Raises OSError."""
        for segment in self._oldest_first():
            while segment.settled < segment.written and not segment.is_given_up:
                records, end = segment.read(count)
                if records:
                    return Batch(segment, records, end)
                segment.settle(end)
            if segment.is_given_up:
                self._give_up(segment)
            else:
                self._finish(segment)
        return None

    def settle(self, batch: Batch) -> None:
        """A batch is on the log, or set aside. Raises OSError."""
        batch.segment.settle(batch.end)
        if batch.segment.mine:
            self.settled += len(batch.records)

    def adopt(self) -> None:
        """Take over one segment of a process that is gone, unless one is in hand; looks every `ADOPT_SECONDS`."""
        now = time.monotonic()
        open_ones = self._oldest_first()
        if now < self._look_again or any(each.settled < each.written for each in open_ones if not each.mine):
            return
        mine = {segment.path for segment in open_ones}
        for path in sorted(self.directory.glob(f"*{SUFFIX}")):
            try:
                segment = None if path in mine else Segment.adopt(path)
            except OSError as error:  # another user's, who will adopt it, or one that a stranger has put there
                if path.name not in self._strange:
                    self._strange.add(path.name)
                    logger.warning("rooflog: a segment of the outbox is left alone: %s", error)
                continue
            if segment is not None:
                self.adopted += 1
                with self._lock:
                    self._segments.append(segment)
                return
        self._look_again = now + ADOPT_SECONDS

    def set_aside(self, subject: str, data: bytes, reason: str) -> None:
        """Keep a fact that the log will never take where a person finds it. Raises OSError."""
        now = datetime.now(UTC)
        try:
            msgspec.json.decode(data)
            kept = _SetAside(now, reason, subject, fact=msgspec.Raw(data))
        except (ValueError, RecursionError):  # no JSON: it is kept in Base64
            kept = _SetAside(now, reason, subject, bytes=data)
        line = msgspec.json.encode(kept) + b"\n"
        fd = os.open(self.set_aside_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "wb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            end = os.fstat(fd).st_size
            try:
                file.write(line)
                file.flush()
                os.fsync(fd)
            except OSError:
                os.ftruncate(fd, end)
                raise
        self.set_aside_count += 1

    def sync(self) -> None:
        """Make what was said safe against a power loss. Raises OSError."""
        for segment in self._oldest_first():
            segment.sync()

    def close(self) -> None:
        """Leave what is not settled to whoever adopts it."""
        with self._lock:
            segments, self._segments, self._current = self._segments, [], None
        for segment in segments:
            if segment.settled < segment.written:
                segment.close()
            else:
                segment.remove()

    def forget(self) -> None:
        """In a forked child: the segments belong to the parent, and so does whatever it was doing with them."""
        segments, self._segments, self._current = self._segments, [], None
        self._lock = threading.Lock()
        for segment in segments:
            segment.close()
        self.said = self.settled = self.set_aside_count = self.adopted = self._damaged_before = 0

    @property
    def set_aside_path(self) -> Path:
        """The file of facts that the log refused for good, one JSON object a line."""
        return self.directory / SET_ASIDE

    @property
    def damaged(self) -> int:
        """Stretches of bytes that held no whole fact."""
        return self._damaged_before + sum(segment.damaged for segment in self._segments)

    @property
    def size(self) -> int:
        """Bytes that all segments of the directory take, whosever they are."""
        return sum(_sizes(self.directory))

    def _next(self, length: int) -> Segment:
        if time.monotonic() < self._full_until:
            raise OutboxFull(self._full)
        size = max(self._segment_bytes, START + length)
        try:
            if self.size + size > self.max_bytes:
                raise OSError(f"it holds its {self.max_bytes:,} bytes")
            segment = self._create(size)
        except OSError as error:
            self._full = f"the outbox {self.directory} cannot grow: {error}"
            self._full_until = time.monotonic() + FULL_SECONDS
            raise OutboxFull(self._full) from error
        self._segments.append(segment)
        return segment

    def _create(self, size: int) -> Segment:
        for left in reversed(range(_CREATE_TRIES)):
            try:
                name = f"{time.time_ns():020}-{secrets.token_hex(4)}{SUFFIX}"
                return Segment.create(self.directory / name, size)
            except (BlockingIOError, FileExistsError):
                if not left:
                    raise
        raise AssertionError

    def _oldest_first(self) -> list[Segment]:
        with self._lock:
            return sorted(self._segments, key=lambda segment: segment.path.name)

    def _give_up(self, segment: Segment) -> None:
        """Keep a segment that is hopelessly damaged for a person, and go on with the others."""
        with self._lock:
            self._segments.remove(segment)
            if segment is self._current:
                self._current = None
        self._damaged_before += segment.damaged
        logger.error(
            "rooflog: a segment is damaged in too many places; what is left of it is in %s", segment.set_aside()
        )

    def _finish(self, segment: Segment) -> None:
        """Remove a segment that is settled, unless facts may still be said in it."""
        with self._lock:
            if segment is self._current:
                return
            self._segments.remove(segment)
        self._damaged_before += segment.damaged
        segment.remove()


def _sizes(directory: Path) -> Iterator[int]:
    with os.scandir(directory) as entries:
        for entry in entries:
            try:
                if entry.name.endswith(SUFFIX):
                    yield entry.stat().st_size
            except FileNotFoundError:
                continue
