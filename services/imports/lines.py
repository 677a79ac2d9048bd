"""What sources hold, as a stream of objects: JSON lines, JSON documents, and rows of tables, each with its place."""

from __future__ import annotations

import io
from codecs import BOM_UTF8
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct

from events.errors import InvalidFact
from events.limits import check_json

from . import documents, tables
from .report import Problem, Report, reason_of
from .sources import Source

LONGEST = 64 * 2**20
"""Bytes of a line, or of a value of a JSON document, at most: a trace may hold many spans, and one is in memory."""

CONTAINERS = 500_000
"""Lists and objects of a line at most: a trace has many, and each takes more memory than it has bytes."""


class Line(Struct):
    """One JSON object: a line, a value of a document, or a row.

    `number` is the line that it begins on, or its row in a file without lines. `place` counts the objects of a file
    from 1, with those that cannot be read, as one line may hold many.
    """

    source: Source
    number: int
    place: int
    data: dict[str, Any]

    def problem(self, reason: str) -> Problem:
        """This line could not be imported, and why."""
        return Problem(self.source.name, self.number, reason)


class Refused(Struct):
    """What is no object that can be read, and why."""

    reason: str


Item = tuple[int, dict[str, Any] | Refused]


def read(sources: list[Source], report: Report) -> Iterator[Line]:
    """Every object of the sources; what is none is a problem of the report."""
    for source in sources:
        report.files += 1
        number = 0
        try:
            for place, (number, data) in enumerate(_items(source), 1):
                report.lines += 1
                if isinstance(data, Refused):
                    report.problems.append(Problem(source.name, number, data.reason))
                else:
                    yield Line(source, number, place, data)
        except Exception as error:
            reason = f"the file cannot be read beyond this: {reason_of(error)}"
            report.problems.append(Problem(source.name, number, reason))


def _items(source: Source) -> Iterator[Item]:
    kind = source.kind()
    if kind == "parquet":
        yield from _rows(tables.parquet(source))
        return
    with source.text() as file:
        if kind in ("csv", "tsv"):
            yield from _rows(tables.separated(file, LONGEST, CONTAINERS, tabs=kind == "tsv"))
        elif kind == "document" and not _is_a_line(file):
            yield from _values(file)
        else:
            yield from _lines(file)


def _is_a_line(file: io.BufferedReader[Any]) -> bool:
    """Whether a file of any JSON begins with a line that is an object, as files of JSON lines do."""
    head = file.peek().lstrip()
    line, end, _ = head.partition(b"\n")
    return line.startswith(b"{") and (line.rstrip().endswith(b"}") or not end)


def _rows(rows: Iterator[tables.Row]) -> Iterator[Item]:
    for number, row in rows:
        yield number, Refused(str(row)) if isinstance(row, ValueError) else row


def _values(file: io.BufferedReader[Any]) -> Iterator[Item]:
    for value in documents.values(file, LONGEST):
        yield value.line, _decoded(value.data, is_cut=value.is_cut)


def _lines(file: io.BufferedReader[Any]) -> Iterator[Item]:
    """The lines of a file that are not blank; of one that is too long only the start is held."""
    number = 0
    while raw := file.readline(LONGEST + 1):
        number += 1
        is_long = len(raw) > LONGEST
        line = raw.removeprefix(BOM_UTF8)  # files with byte order marks that were put together have them anywhere
        if line.strip():
            yield number, _decoded(None if is_long else line, is_cut=not raw.endswith(b"\n"))
        while len(raw) > LONGEST and not raw.endswith(b"\n"):
            raw = file.readline(LONGEST + 1)


def _decoded(raw: bytes | None, *, is_cut: bool) -> dict[str, Any] | Refused:
    if raw is None:
        return Refused(f"longer than {LONGEST:,} bytes")
    try:
        check_json(raw, containers=CONTAINERS, deepest=CONTAINERS)
        return msgspec.json.decode(raw, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, InvalidFact) as error:
        cut = "; the file ends in the middle of this line" if is_cut else ""
        return Refused(f"not a JSON object: {error}{cut}")
