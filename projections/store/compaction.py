"""Compaction: the database written anew, because blocks that DuckDB has freed still hold the text that was in them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .database import Connection, first
from .table import Table

COMPACTION = Table(
    name="compaction",
    columns={"erased_through": "BIGINT"},
    key="erased_through",
    kind="file",
    first_row=lambda: (0,),
)
"""One row: the sequence of the last tombstone after which the file was written anew."""


def is_due(con: Connection) -> bool:
    """Was anything erased since the file was written?"""
    return first(
        con, "SELECT 1 WHERE (SELECT coalesce(max(seq), 0) FROM erasures) > (SELECT erased_through FROM compaction)"
    ) is not None  # fmt: skip


@contextmanager
def attached(con: Connection, path: Path, name: str) -> Iterator[None]:
    """Have another database file beside this one for a while, under a name."""
    con.execute(f"ATTACH '{_quoted(path)}' AS {name}")
    try:
        yield
    finally:
        con.execute(f"DETACH {name}")


def wal_of(path: Path) -> Path:
    """DuckDB's write-ahead log of a file."""
    return path.with_name(f"{path.name}.wal")


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
