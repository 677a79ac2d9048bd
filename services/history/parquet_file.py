"""A replay as a Parquet file, which is there whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

SCHEMA = pa.schema(
    [
        ("seq", pa.int64()),
        ("received_at", pa.string()),
        ("subject", pa.string()),
        ("kind", pa.string()),
        ("occurred_at", pa.string()),
        ("actor", pa.string()),
        ("example_id", pa.string()),
        ("told", pa.string()),
        ("fact", pa.string()),
    ]
)
"""The columns of a replay as Parquet; `fact` is JSON, null where the message holds none."""


class ParquetFile:
    """Rows of a replay on their way into a Parquet file, which is there once this is closed without an error."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(f".{path.name}.part")
        self._writer = pq.ParquetWriter(self._part, SCHEMA, compression="zstd")

    def __enter__(self) -> ParquetFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._writer.close()
        if kind is None:
            self._part.replace(self._path)
        else:
            self._part.unlink(missing_ok=True)

    def add(self, rows: list[dict[str, Any]]) -> None:
        """Append rows."""
        flat = [row | {"fact": json.dumps(row["fact"], ensure_ascii=False) if row["fact"] else None} for row in rows]
        self._writer.write_table(pa.Table.from_pylist(flat, SCHEMA))
