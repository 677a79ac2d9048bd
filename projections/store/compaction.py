"""Compaction: the database written anew, because blocks that DuckDB has freed still hold the text that was in them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .database import Connection, first

TABLE = "CREATE TABLE compaction (erased_through BIGINT)"
"""The sequence of the last tombstone after which the file was written anew. It is no part of the content."""


def is_due(con: Connection) -> bool:
    """Was anything erased since the file was written?"""
    return first(
        con, "SELECT 1 WHERE (SELECT coalesce(max(seq), 0) FROM erasures) > (SELECT erased_through FROM compaction)"
    ) is not None  # fmt: skip


def rewrite(con: Connection, target: Path) -> None:
    """Write what the tables hold now to a new file. Nothing may be folded meanwhile; others may read.

    What was analysed of a text that no example has any more is forgotten as well.
    """
    for leftover in (target, wal_of(target)):
        leftover.unlink(missing_ok=True)
    con.execute(
        """DELETE FROM analysis WHERE analysis_key NOT IN (
               SELECT analysis_key FROM examples WHERE analysis_key IS NOT NULL)"""
    )
    name = con.execute("SELECT current_database()").fetchall()[0][0]
    with attached(con, target, "rewritten"):
        con.execute(f'COPY FROM DATABASE "{name}" TO rewritten')
        con.execute("UPDATE rewritten.compaction SET erased_through = (SELECT coalesce(max(seq), 0) FROM erasures)")
        con.execute("CHECKPOINT rewritten")


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
