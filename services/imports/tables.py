"""Tables: the rows of CSV and Parquet files as objects, of which each column is a key."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from events.errors import InvalidFact
from events.limits import check_json

from . import responses
from .sources import Source

ROW_GROUP = 2**30
"""Bytes of a row group of a Parquet file at most, unpacked: a reader may have to hold one."""

ROWS = 100
"""Rows of a Parquet file that are read at a time."""

_TEXTS = {
    "prompt", "response", "original_prompt", "original_response", "corrected_response", "instruction", "input",
    "output", "completion", "question", "answer",
}  # fmt: skip
"""Columns whose cells are texts, also where they look like JSON."""

_OF_ITEMS = {"content", "summary", "call_id"}
"""Keys that the items of OpenAI's Responses have beside their type."""

_FLAGS = {"true": True, "false": False}

Row = tuple[int, dict[str, Any] | ValueError]
"""The number of a row, or of the line it begins on, with what it holds or why it cannot be read."""


def separated(file: io.BufferedReader[Any], longest: int, containers: int, *, tabs: bool) -> Iterator[Row]:
    """The rows of a CSV file below its header; an empty cell is left out. Raises ValueError without a header."""
    csv.field_size_limit(longest)
    text = io.TextIOWrapper(file, "utf-8", errors="surrogateescape", newline="")
    try:
        lines = _Bounded(text, longest)
        first = next(lines, "")
        delimiter = "\t" if tabs else max(",;\t", key=first.count)
        header = next(csv.reader([first], delimiter=delimiter, strict=True), [])
        if len(set(header)) < len(header) or not all(name.strip() for name in header):
            raise ValueError(f"the header {first[:100]!r} must name every column, each once")
        yield from _rows(
            csv.reader(lines, delimiter=delimiter, strict=True), [name.strip() for name in header], containers
        )
    finally:
        text.detach()


class _Bounded:
    """The lines of a text, none longer than a limit."""

    def __init__(self, text: io.TextIOWrapper, longest: int) -> None:
        self._text, self._longest = text, longest

    def __iter__(self) -> _Bounded:
        return self

    def __next__(self) -> str:
        line = self._text.readline(self._longest + 1)
        if not line:
            raise StopIteration
        if len(line) > self._longest:
            raise ValueError(f"a line is longer than {self._longest:,} characters")
        return line


def _rows(reader: Any, header: list[str], containers: int) -> Iterator[Row]:
    number = 2
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield number, ValueError(f"not CSV: {error}")
        else:
            if cells:
                yield number, _row(cells, header, containers)
        number = reader.line_num + 2


def _row(cells: list[str], header: list[str], containers: int) -> dict[str, Any] | ValueError:
    if len(cells) != len(header):
        return ValueError(f"it has {len(cells)} cells, and the header has {len(header)}")
    try:
        return {name: _cell(name, cell, containers) for name, cell in zip(header, cells, strict=True) if cell.strip()}
    except (ValueError, InvalidFact) as error:
        return ValueError(str(error))


def _cell(name: str, cell: str, containers: int) -> Any:
    """A cell; JSON and flags are what they mean, but in a column of texts only messages and responses are."""
    data = cell.encode()
    if data[:1] not in (b"[", b"{"):
        return cell if name in _TEXTS else _FLAGS.get(cell.lower(), cell)
    check_json(data, containers=containers, deepest=containers)
    try:
        value = msgspec.json.decode(data)
    except (msgspec.MsgspecError, RecursionError):
        return cell
    return cell if name in _TEXTS and not _is_said(value) else value


def _is_said(value: Any) -> bool:
    """Whether a value is messages, items, or the response of a model, and not a text that looks like JSON."""
    if isinstance(value, dict):
        return "messages" in value or responses.found(value) is not None
    return isinstance(value, list) and bool(value) and all(map(_is_message, value))


def _is_message(value: Any) -> bool:
    return isinstance(value, dict) and ("role" in value or ("type" in value and not _OF_ITEMS.isdisjoint(value)))


def parquet(source: Source) -> Iterator[Row]:
    """The rows of a Parquet file, a null left out. Raises what Arrow does, and ValueError for too large a row group."""
    import pyarrow.parquet as pq

    with source.unpacked() as file, tempfile.TemporaryFile() as copy:
        if not isinstance(file.raw, io.FileIO):  # it was packed, and is read from its end
            while piece := file.read(2**20):
                copy.write(piece)
        with pq.ParquetFile(copy if copy.tell() else file, pre_buffer=False) as table:
            groups = [table.metadata.row_group(n).total_byte_size for n in range(table.num_row_groups)]
            if max(groups, default=0) > ROW_GROUP:
                raise ValueError(f"a row group has {max(groups):,} bytes, at most {ROW_GROUP:,} are taken")
            number = 0
            for batch in table.iter_batches(batch_size=ROWS):
                for row in batch.to_pylist():
                    number += 1
                    try:
                        yield number, _plain({key: value for key, value in row.items() if value is not None})
                    except ValueError as error:
                        yield number, error


def _plain(value: Any) -> Any:
    """A value of Arrow's as JSON has it. Raises ValueError where JSON has no such value."""
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    if value is None or isinstance(value, str | int | float):
        return value
    raise ValueError(f"a cell holds {type(value).__name__}, which is neither a text nor a number")
