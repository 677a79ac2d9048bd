"""A segment: one file of facts that a process has said and the log may not have acknowledged yet.

The writer maps the preallocated file into memory, so keeping a fact is a copy of bytes. No system call waits, and
nothing gives up Python's interpreter lock. The copied bytes belong to the operating system and outlive a killed
process. A lock on the file tells other processes whether the writer still lives.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import stat
import struct
import zlib
from pathlib import Path
from typing import Self

from ..traceparent import Record, valid

_HEADER = struct.Struct("<8sQ")
"""The format's name, and the offset below which everything has been settled."""

_RECORD = struct.Struct("<4sIHI")
"""Mark, bytes of the fact, bytes of its subject with its trace, CRC-32 of both."""

_FORMAT = b"rooflog1"
_MARK = b"\xf9\xfaRL"
"""Begins every record; no UTF-8 text holds these bytes, so that reading can go on behind damage."""

START = _HEADER.size

BLOCK = 2**20
"""Bytes read at a time."""

RECORD_BYTES = 2**24
"""A record at most, twice what the log takes in one message: the length in a damaged record may be anything."""

DAMAGE = 100
"""Damaged stretches after which a segment is given up: each may cost the reading of a whole record."""

_TRACED = " "
"""Stands between a subject and the trace in which its fact was said, where there is one."""


def record(subject: str, data: bytes, traceparent: str = "") -> bytes:
    """The bytes of one record."""
    name = (f"{subject}{_TRACED}{traceparent}" if traceparent else subject).encode()
    return b"".join((_RECORD.pack(_MARK, len(data), len(name), zlib.crc32(data, zlib.crc32(name))), name, data))


class Segment:
    """One file, locked by this process for as long as it is open.

    `settled` <= `written` are offsets: below the one everything is on the log or set aside, below the other said.
    """

    def __init__(self, path: Path, fd: int, *, mine: bool) -> None:
        self.path = path
        self.mine = mine
        """Said by this process, as opposed to adopted from one that is gone."""
        self.size = os.fstat(fd).st_size
        self.settled = START
        self.written = START if mine else self.size
        self.damaged = 0
        """Stretches that hold no whole record: torn by a kill in the middle of a copy, or by a power loss."""
        self._fd = fd
        self._map = mmap.mmap(fd, self.size) if mine else None

    @classmethod
    def create(cls, path: Path, size: int) -> Self:
        """A new segment to say facts in. Raises OSError, also where another process came between (try another name).

        The whole file is allocated at once: a full disk must show here, not as a fault in the mapped memory.
        """
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _allocate(fd, size)
            segment = cls(path, fd, mine=True)
            segment.settle(START)
        except BaseException:
            path.unlink(missing_ok=True)
            os.close(fd)
            raise
        return segment

    @classmethod
    def adopt(cls, path: Path) -> Self | None:
        """The segment of a process that is gone; None where its process lives or somebody else has dealt with it.

        Raises OSError where the file is not plainly this user's own: a link, or writable by others.
        """
        try:
            fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(fd).st_nlink:
                _require_own(fd, path)
                segment = cls(path, fd, mine=False)
                segment._recall()
                return segment
        except BlockingIOError:
            pass
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)
        return None

    def append(self, record: bytes) -> bool:
        """Say a record; False where it does not fit. One caller at a time."""
        end = self.written + len(record)
        if end > self.size or self._map is None:
            return False
        self._map[self.written : end] = record
        self.written = end
        return True

    def read(self, count: int) -> tuple[list[Record], int]:
        """The next unsettled records, at most `count`, and the offset behind them; damage is skipped and counted.

        No records and an offset short of `written` means: settle that, and read on. Raises OSError.
        """
        start, records, at = self.settled, list[Record](), 0
        block = os.pread(self._fd, min(BLOCK, self.written - start), start)
        if not block:
            return [], self.written
        while at < len(block) and len(records) < count and not self.is_given_up:
            end = _end(block, at)
            if len(block) < end <= self.written - start:
                if at:
                    break
                had, block = len(block), os.pread(self._fd, end, start)
                if len(block) > had:
                    continue
            parsed = _parse(block, at, end)
            if parsed is not None:
                records.append(parsed)
                at = end
                continue
            at = self._behind_damage(block, at)
            if len(block) - at < len(_MARK) and start + len(block) < self.written:
                break
        return records, start + at

    @property
    def is_given_up(self) -> bool:
        """Whether so much of it is damaged that no more of it is read."""
        return self.damaged > DAMAGE

    def set_aside(self) -> Path:
        """Keep the file under another name, where nobody adopts it but a person may look. Raises OSError."""
        kept = self.path.with_suffix(".damaged")
        self.path.rename(kept)
        self.close()
        return kept

    def settle(self, offset: int) -> None:
        """Everything below `offset` needs no further care, whoever reads this file next. Raises OSError.

        Its bytes become zeros: a text that is to be forgotten may not stay in a file that its process goes on with.
        """
        os.pwrite(self._fd, _HEADER.pack(_FORMAT, offset), 0)
        os.pwrite(self._fd, bytes(offset - self.settled), self.settled)
        self.settled = offset

    def sync(self) -> None:
        """Make what was said safe against a power loss. Raises OSError."""
        os.fsync(self._fd)

    def close(self) -> None:
        """Leave the file to whoever adopts it."""
        if self._map is not None:
            self._map.close()
            self._map = None
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def remove(self) -> None:
        """Delete the file; everything in it is settled."""
        self.path.unlink(missing_ok=True)
        self.close()

    def _recall(self) -> None:
        """Where the process that is gone had settled up to; from the start, where a power loss took that knowledge."""
        header = os.pread(self._fd, START, 0)
        if len(header) == START:
            name, settled = _HEADER.unpack(header)
            if name == _FORMAT and START <= settled <= self.size:
                self.settled = settled
        self.written = max(self.written, self.settled)

    def _behind_damage(self, block: bytes, at: int) -> int:
        """Where the next record may begin; the rest of a preallocated file is zeros and no damage."""
        mark = block.find(_MARK, at + 1)
        if mark >= 0 or block[at:].strip(b"\0"):
            self.damaged += 1
        return mark if mark >= 0 else max(at + 1, len(block) - len(_MARK) + 1)


def first_waiting(path: Path) -> Record | None:
    """The first record of a segment that is not settled, read while its process goes on; None where none is.

    Raises OSError.
    """
    with path.open("rb") as file:
        header = file.read(START)
        name, settled = _HEADER.unpack(header) if len(header) == START else (b"", START)
        start = settled if name == _FORMAT else START
        block = os.pread(file.fileno(), BLOCK, start)
        if (at := block.find(_MARK)) < 0:
            return None
        if (end := _end(block, at)) > len(block):
            block = os.pread(file.fileno(), end, start)
        return _parse(block, at, end)


def _end(block: bytes, at: int) -> int:
    """Where a record that begins here would end; `at` itself where none does."""
    if not block.startswith(_MARK, at):
        return at
    if at + _RECORD.size > len(block):
        return at + _RECORD.size
    _, size, name, _ = _RECORD.unpack_from(block, at)
    length = _RECORD.size + int(size) + int(name)
    return at if length > RECORD_BYTES else at + length


def _parse(block: bytes, at: int, end: int) -> Record | None:
    if end == at or end > len(block):
        return None
    _, _, name, crc = _RECORD.unpack_from(block, at)
    body = block[at + _RECORD.size : end]
    if zlib.crc32(body) != crc:
        return None
    try:
        subject, _, traceparent = body[:name].decode("ascii").partition(_TRACED)
    except UnicodeDecodeError:
        return None
    return Record(subject, body[name:], valid(traceparent))


def _require_own(fd: int, path: Path) -> None:
    status = os.fstat(fd)
    is_own = stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid() and status.st_nlink == 1
    if not is_own or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise PermissionError(f"{path} is not a file that this user alone may write")


def _allocate(fd: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(fd, 0, size)
    else:
        os.pwrite(fd, bytes(size), 0)
