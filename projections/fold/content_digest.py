"""Digests of what the tables hold: equal states have equal digests, however they came to be."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from ..store.checkpoint import checkpoint
from ..store.database import Connection, many_threads
from ..store.table import Table
from . import tables


def digest(con: Connection) -> dict[str, Any]:
    """The content digest of the tables, and where they stand."""
    return {"content_digest": content_digest(con), "checkpoint": checkpoint(con).seq}


def content_digest(con: Connection) -> str:
    """SHA-256 over every row of every table that is content, in the order of its key, and over the checkpoint.

    Of derived tables only the verdicts count. Caches do not: the verdicts hold what came of them.
    """
    content = sorted((table for table in tables.TABLES if table.in_digest), key=lambda table: table.name)
    names = [table.formerly or table.name for table in content]
    digests = table_digests(con, content).values()
    total = hashlib.sha256("".join(f"{name} {rows}\n" for name, rows in zip(names, digests, strict=True)).encode())
    now = checkpoint(con)
    total.update(f"{now.seq} {now.subject} {now.log_digest.hex()}".encode())
    return total.hexdigest()


def table_digests(con: Connection, some: Iterable[Table]) -> dict[str, str]:
    """By table: the number of its rows, and the SHA-256 over them in the order of its key."""
    with many_threads(con):
        return {table.name: _table_digest(con, table) for table in some}


def _table_digest(con: Connection, table: Table) -> str:
    row = f"to_json(struct_pack({', '.join(f'{c} := {_text(c, kind)}' for c, kind in table.columns.items())}))"
    digests = con.sql(f"SELECT sha256({row}::VARCHAR) AS digest FROM {table.name} ORDER BY {table.key}")
    count, total = 0, hashlib.sha256()
    for batch in digests.to_arrow_reader(100_000):
        count += len(batch)
        total.update("".join(batch["digest"].to_pylist()).encode())
    return f"{count} {total.hexdigest()}"


def _text(column: str, kind: str) -> str:
    return f"hex({column})" if kind == "BLOB" else column
