"""The files of an export: JSON lines and Parquet whose bytes do not depend on how the rows arrived."""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from .formats import LINES
from .manifest import File

ROW_GROUP = 20_000
"""Rows in one Parquet row group, counted from the first row, however many came at a time."""

_WRITER: dict[str, Any] = {
    "version": "2.6",
    "data_page_version": "1.0",
    "data_page_size": 2**20,
    "write_batch_size": 1024,
    "compression": "snappy",
    "use_dictionary": False,
    "write_statistics": ["seq", *LINES],
    "write_page_index": False,
    "store_schema": False,
}
"""Every setting that shapes the bytes is said; nothing about the time, the machine or the user is written.

Statistics are of the numbers by which a line's lineage is looked for.
"""


SYNC_BYTES = 32 * 2**20
"""After so many bytes a file is synced while others are made: what waits for the end waits for the disk alone.

The system is told to forget what was synced. What it would keep of an export in memory pushes out what others need, and
fresh memory for it costs more than the writing.
"""


class _Hashing:
    """A file open for writing, and copies of it, that keeps the digest of what was written."""

    def __init__(self, *paths: Path) -> None:
        for path in paths:
            path.parent.mkdir(parents=True, exist_ok=True)
        self._files: list[IO[bytes]] = [path.open("wb") for path in paths]
        self._sha = hashlib.sha256()
        self._unsynced = 0
        self.size = 0

    def write(self, data: bytes | memoryview | pa.Buffer) -> int:
        view = memoryview(data)
        for file in self._files:
            file.write(view)
        self._sha.update(view)
        self.size += view.nbytes
        self._unsynced += view.nbytes
        if self._unsynced >= SYNC_BYTES:
            self.flush()
            for file in self._files:
                os.fdatasync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            self._unsynced = 0
        return view.nbytes

    def flush(self) -> None:
        for file in self._files:
            file.flush()

    @property
    def closed(self) -> bool:
        return self._files[0].closed

    def close(self) -> None:
        for file in self._files:
            file.close()

    def abandon(self) -> None:
        """Close what is open, also on a full disk: what made this necessary is told already."""
        for file in self._files:
            with contextlib.suppress(OSError):
                file.close()

    def file(self, rows: int) -> File:
        return File(self._sha.hexdigest(), self.size, rows)


class JsonLines:
    """The `json` column of the rows, one after the other; `copies` are files with the same lines."""

    def __init__(self, path: Path, *copies: Path) -> None:
        self._out = _Hashing(path, *copies)
        self._rows = 0

    def add(self, rows: pa.Table) -> None:
        """Append lines: the text of an Arrow string column lies in one piece, so it is written as it is."""
        self._rows += rows.num_rows
        for chunk in rows.column("json").chunks:
            if len(chunk):
                _, offsets, text = chunk.buffers()
                where = memoryview(offsets).cast("i")
                start, end = where[chunk.offset], where[chunk.offset + len(chunk)]
                self._out.write(memoryview(text)[start:end])

    def close(self) -> File:
        """Finish the file and tell its digest."""
        self._out.close()
        return self._out.file(self._rows)

    def abandon(self) -> None:
        """Let go of the file, whole or not."""
        self._out.abandon()


class Parquet:
    """The columns of a schema in row groups of `ROW_GROUP` rows."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._out = _Hashing(path)
        self._schema = schema
        self._writer = pq.ParquetWriter(pa.PythonFile(self._out, mode="w"), schema, **_WRITER)
        self._waiting: list[pa.Table] = []
        self._rows = 0

    def add(self, rows: pa.Table) -> None:
        """Append rows; what fills a row group is written."""
        self._waiting.append(rows.select(self._schema.names).cast(self._schema))
        self._rows += rows.num_rows
        if sum(table.num_rows for table in self._waiting) >= ROW_GROUP:
            together = pa.concat_tables(self._waiting)
            full = together.num_rows // ROW_GROUP * ROW_GROUP
            for start in range(0, full, ROW_GROUP):
                self._write(together.slice(start, ROW_GROUP))
            self._waiting = [together.slice(full)]

    def close(self) -> File:
        """Write the rest, finish the file and tell its digest."""
        if self._waiting:
            self._write(pa.concat_tables(self._waiting))
        self._writer.close()
        self._out.close()
        return self._out.file(self._rows)

    def abandon(self) -> None:
        """Let go of the file, whole or not."""
        with contextlib.suppress(OSError, ValueError):  # it ends itself with a footer, for which there may be no room
            self._writer.close()
        self._out.abandon()

    def _write(self, group: pa.Table) -> None:
        if group.num_rows:
            # One chunk, so that pages end where they end for any cut of the rows.
            self._writer.write_table(group.combine_chunks(), row_group_size=ROW_GROUP)
