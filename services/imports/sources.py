"""Sources: the files that are read, whatever they are packed in, as a stream of UTF-8.

Every command that reads somebody's file reads it here: regular files only, unpacked within limits, in any Unicode.
"""

from __future__ import annotations

import codecs
import gzip
import io
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from events.errors import InputError

from .report import Problem, Report

Kind = Literal["lines", "document", "csv", "tsv", "parquet"]

KINDS: dict[str, Kind] = {
    ".jsonl": "lines", ".ndjson": "lines", ".json": "document", ".csv": "csv", ".tsv": "tsv", ".parquet": "parquet",
}  # fmt: skip
"""What a file holds by the ending of its name, in any case."""

PACKED = (".gz", ".zst")
"""Endings that may follow those; what a file is packed in is known by its first bytes."""

UNPACKED = 200
"""Times its size that a packed file may become: what texts become, and not what is made to fill a disk."""

UNPACKED_FREE = 2**28
"""Bytes that any packed file may become, however small it is."""

LONGEST_TEXT = 2**26
"""Bytes of a file at most that is one text."""

STANDARD_INPUT = "standard input"

_GZIP, _ZSTANDARD, _PARQUET = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PAR1"
_MARKS = ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_BEGINS = 64
"""Bytes of a text in UTF-16 among which one is zero: a blank, a quote, the end of a line."""

_PIECE = 2**16


class Source(Struct, frozen=True):
    """A file, and how messages name it: standard input is a file here too."""

    path: Path
    name: str

    @property
    def written(self) -> datetime:
        """When it was last written."""
        return datetime.fromtimestamp(self.path.stat().st_mtime, UTC)

    def kind(self) -> Kind:
        """What it holds, by its name; without a known ending, and of standard input, by how it begins."""
        suffixes = [suffix.lower() for suffix in Path(self.name).suffixes]
        if suffixes and suffixes[-1] in PACKED:
            suffixes.pop()
        if suffixes and suffixes[-1] in KINDS:
            return KINDS[suffixes[-1]]
        with self.text() as file:
            head = file.peek()
        if head.startswith(_PARQUET):
            return "parquet"
        if self.name != STANDARD_INPUT:
            return "lines"
        line = head.lstrip().partition(b"\n")[0]
        if line[:1] in (b"{", b"["):
            return "document"
        return "tsv" if b"\t" in line else "csv" if b"," in line else "lines"

    @contextmanager
    def unpacked(self) -> Iterator[io.BufferedReader[Any]]:
        """Its bytes, unpacked. Raises InputError where it is no regular file, or becomes too large."""
        with _regular(self.path, self.name) as file:
            head = file.peek(len(_ZSTANDARD))
            if head.startswith(_GZIP):
                inner: Any = gzip.GzipFile(fileobj=file, mode="rb")
            elif head.startswith(_ZSTANDARD):
                import pyarrow as pa

                inner = pa.CompressedInputStream(pa.PythonFile(file, mode="r"), "zstd")
            else:
                yield file
                return
            most = max(UNPACKED_FREE, UNPACKED * os.fstat(file.fileno()).st_size)
            with inner, io.BufferedReader(_Pieces(_within(inner, most)), _PIECE) as reader:
                yield reader

    @contextmanager
    def text(self) -> Iterator[io.BufferedReader[Any]]:
        """Its text as UTF-8 without a byte order mark. Raises as `unpacked` does."""
        with self.unpacked() as file:
            encoding, skipped = _encoding(file.peek())
            file.read(skipped)
            if encoding == "utf-8":
                yield file
            else:
                with io.BufferedReader(_Pieces(_recoded(file, encoding)), _PIECE) as reader:
                    yield reader


def text_of(source: Source) -> str:
    """A whole text file in memory, its lines ending as Python has them. Raises InputError where it is none."""
    try:
        with source.text() as file:
            data = file.read(LONGEST_TEXT + 1)
            if len(data) > LONGEST_TEXT:
                raise InputError(f"{source.name} has more than {LONGEST_TEXT:,} bytes")
            return data.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise InputError(f"{source.name} cannot be read: {error}") from error


@contextmanager
def listed(paths: Iterable[Path], report: Report) -> Iterator[list[Source]]:
    """The files, those below folders that may hold data, and standard input for `-`, each once.

    What a folder holds beside regular files of its own is a problem of the report. Raises InputError.
    """
    with tempfile.TemporaryDirectory(prefix="rooflog-import-") as home:
        sources: dict[Path, Source] = {}
        for path in paths:
            if str(path) == "-":
                each = [_kept(Path(home) / "stdin")]
            elif path.is_dir():
                each = list(_below(path, report))
            elif path.exists():
                _regular(path, str(path)).close()
                each = [Source(path, str(path))]
            else:
                raise InputError(f"{path} is not there; give a file, a folder that holds some, or - for standard input")
            sources |= {source.path: source for source in each}
        yield list(sources.values())


def _kept(path: Path) -> Source:
    """Standard input, which is read more than once, as a file."""
    with path.open("wb") as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
    return Source(path, STANDARD_INPUT)


def _below(folder: Path, report: Report) -> Iterator[Source]:
    """The files of a folder whose names say that they hold data."""
    whole = folder.resolve()
    paths = sorted(Path(home, name) for home, _, names in os.walk(folder) for name in names)
    for path in paths:
        suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() not in PACKED]
        if not suffixes or suffixes[-1] not in KINDS:
            continue
        if not path.resolve().is_relative_to(whole):
            report.problems.append(Problem(str(path), 0, f"leads out of the folder, to {path.resolve()}"))
        elif not path.is_file():
            report.problems.append(Problem(str(path), 0, "is no regular file"))
        else:
            yield Source(path, str(path))


def _regular(path: Path, name: str) -> io.BufferedReader:
    """An open file; no device or pipe, which would never end. Raises InputError."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise InputError(f"{name} cannot be read: {error.strerror}") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise InputError(f"{name} is no regular file; give one, or send its content to standard input, which is -")
    return os.fdopen(descriptor, "rb")


class _Pieces(io.RawIOBase):
    """A stream of pieces of bytes."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            if (piece := next(self._pieces, None)) is None:
                return 0
            self._rest = piece
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size


def _within(file: Any, most: int) -> Iterator[bytes]:
    """The pieces of an unpacked file. Raises InputError where they are more bytes than that."""
    size = 0
    while piece := file.read(_PIECE):
        size += len(piece)
        if size > most:
            raise InputError(f"it unpacks to more than {most:,} bytes, {UNPACKED} times its size; unpack it yourself")
        yield piece


def _encoding(head: bytes) -> tuple[str, int]:
    """How a text is encoded, by how it begins, and how many bytes its byte order mark has."""
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8", len(codecs.BOM_UTF8)
    for mark, encoding in _MARKS:
        if head.startswith(mark) and 0 in head[len(mark) : _BEGINS]:
            return encoding, len(mark)
    if len(head) > 3 and head[0] and not head[1] and head[2] and not head[3]:
        return "utf-16-le", 0
    if len(head) > 3 and not head[0] and head[1] and not head[2] and head[3]:
        return "utf-16-be", 0
    return "utf-8", 0


def _recoded(file: io.BufferedReader[Any], encoding: str) -> Iterator[bytes]:
    """A text as UTF-8. What is no text spoils its line alone: it becomes bytes that are no UTF-8."""
    decoder = codecs.getincrementaldecoder(encoding)("surrogatepass")
    while piece := file.read(_PIECE):
        yield decoder.decode(piece).encode("utf-8", "surrogatepass")
    if decoder.getstate()[0]:
        yield b"\xff"
