"""Downloads: lists of examples as files, written row by row while they are sent."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

Kind = Literal["csv", "jsonl", "parquet"]

MEDIA: dict[Kind, str] = {
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/jsonl",
    "parquet": "application/vnd.apache.parquet",
}

TEXTS = (
    "example_id", "kind", "occurred_at", "actor", "source", "project_context", "prompt", "response",
    "original_response", "correction_reason", "relevance", "feedback", "decision", "reviewer", "approval", "model",
    "conversation",
)  # fmt: skip
LISTS = ("tags", "reasons")

FORMULA = tuple("=+-@\t\r\n＝＋－＠")
"""What spreadsheets take for the beginning of a formula."""


class Row(Struct, frozen=True):
    """A row of a list: texts by name, lists of words, and whether it is trained on."""

    texts: dict[str, str | None]
    lists: dict[str, list[str]]
    is_trained_on: bool

    @classmethod
    def of(cls, example: dict[str, Any]) -> Row:
        """The row of an example as `show` answers it."""
        verdict = example["verdict"]
        lists = {"tags": list(example["tags"]), "reasons": list(verdict["reasons"])}
        return cls({name: example.get(name) for name in TEXTS}, lists, verdict["in_training"])

    def values(self) -> dict[str, Any]:
        """Every value by its column."""
        return self.texts | self.lists | {"in_training": self.is_trained_on}


def guarded(text: str | None) -> str:
    """A text as a cell that no spreadsheet takes for a formula: it then begins with an apostrophe."""
    return f"'{text}" if text and text.lstrip(" ").startswith(FORMULA) else text or ""


class _Csv:
    """Comma-separated values with a head, and a byte order mark, without which Excel reads no UTF-8."""

    def __init__(self) -> None:
        self._out = io.StringIO("\ufeff", newline="")
        self._out.seek(0, io.SEEK_END)
        self._writer = csv.writer(self._out)
        self._writer.writerow([*TEXTS, *LISTS, "in_training"])

    def add(self, rows: list[Row]) -> bytes:
        for row in rows:
            lists = [guarded(", ".join(row.lists[name])) for name in LISTS]
            trained = "true" if row.is_trained_on else "false"
            self._writer.writerow([*(guarded(row.texts[name]) for name in TEXTS), *lists, trained])
        data = self._out.getvalue().encode("utf-8", "replace")
        self._out.seek(0)
        self._out.truncate()
        return data

    def end(self) -> bytes:
        return self.add([])


class _Lines:
    """One JSON object a line."""

    def add(self, rows: list[Row]) -> bytes:
        return b"".join(msgspec.json.encode(row.values()) + b"\n" for row in rows)

    def end(self) -> bytes:
        return b""


class _Parquet:
    """A row group for every page."""

    def __init__(self) -> None:
        import pyarrow as pa  # a gateway that nobody downloads from loads no Arrow
        import pyarrow.parquet as pq

        fields = [(name, pa.string()) for name in TEXTS] + [(name, pa.list_(pa.string())) for name in LISTS]
        self._schema = pa.schema([*fields, ("in_training", pa.bool_())])
        self._table: Callable[..., Any] = pa.Table.from_pylist
        self._pieces = _Pieces()
        self._writer = pq.ParquetWriter(pa.PythonFile(self._pieces, mode="w"), self._schema)

    def add(self, rows: list[Row]) -> bytes:
        if rows:
            self._writer.write_table(self._table([row.values() for row in rows], schema=self._schema))
        return self._pieces.taken()

    def end(self) -> bytes:
        self._writer.close()
        return self._pieces.taken()


class _Pieces:
    """A file that is written from its beginning to its end and taken away piece by piece."""

    closed = False

    def __init__(self) -> None:
        self._waiting = bytearray()

    def write(self, data: Any) -> int:
        self._waiting += memoryview(data)
        return len(data)

    def flush(self) -> None:
        """Nothing waits anywhere else."""

    def close(self) -> None:
        self.closed = True

    def taken(self) -> bytes:
        data = bytes(self._waiting)
        self._waiting.clear()
        return data


WRITERS: dict[Kind, Callable[[], _Csv | _Lines | _Parquet]] = {"csv": _Csv, "jsonl": _Lines, "parquet": _Parquet}


async def written(kind: Kind, pages: AsyncIterator[list[Row]]) -> AsyncIterator[bytes]:
    """The bytes of a file that has the rows of all pages."""
    writer = WRITERS[kind]()
    async for rows in pages:
        if data := writer.add(rows):
            yield data
    if data := writer.end():
        yield data


def pieces(path: Path, size: int = 2**18) -> Iterator[bytes]:
    """A file of this machine in pieces."""
    with path.open("rb") as file:
        while piece := file.read(size):
            yield piece
