"""Copies of tables between the live database, one that is folded anew beside it, and a file that is written anew."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from msgspec import Struct

from ..store.checkpoint import checkpoint
from ..store.compaction import attached, wal_of
from ..store.database import Connection, first, many_threads
from ..store.table import Table
from . import tables
from .content_digest import table_digests


class Snapshot(Struct, frozen=True):
    """A moment of a database: its checkpoint, and the digests of its tables where they were wanted."""

    seq: int
    log_digest: bytes
    digests: dict[str, str] = {}


def hand_over(con: Connection, target: Path, caches: Sequence[Table], *, digests: bool = False) -> Snapshot:
    """Copy caches to another file, whose tables are empty, and return the moment at which they were copied.

    Others may fold meanwhile. Stale rows are left out.
    """
    with many_threads(con), attached(con, target, "anew"):
        con.execute("BEGIN TRANSACTION")
        try:
            now = checkpoint(con)
            for table in caches:
                con.execute(f"INSERT INTO anew.{table.name} SELECT * FROM {table.name} WHERE NOT ({table.stale})")
            snapshot = Snapshot(now.seq, now.log_digest, table_digests(con, compared(caches)) if digests else {})
            con.execute("COMMIT")
        except BaseException:
            con.execute("ROLLBACK")
            raise
        con.execute("CHECKPOINT anew")
    return snapshot


def put_back(con: Connection, source: Path, wanted: Sequence[Table]) -> None:
    """Give tables the content that they have in another file, all in one transaction."""
    with many_threads(con), attached(con, source, "anew"):
        con.execute("BEGIN TRANSACTION")
        try:
            for table in wanted:
                con.execute(f"DELETE FROM {table.name}")
                con.execute(f"INSERT INTO {table.name} SELECT * FROM anew.{table.name}")
            con.execute("COMMIT")
        except BaseException:
            con.execute("ROLLBACK")
            raise


def rewrite(con: Connection, target: Path) -> None:
    """Write every table to a new file, without stale rows. Nothing may be folded meanwhile; others may read."""
    for leftover in (target, wal_of(target)):
        leftover.unlink(missing_ok=True)
    for table in tables.caches():
        con.execute(f"DELETE FROM {table.name} WHERE {table.stale}")
    name = con.execute("SELECT current_database()").fetchall()[0][0]
    with many_threads(con), attached(con, target, "rewritten"):
        con.execute(f'COPY FROM DATABASE "{name}" TO rewritten')
        con.execute("UPDATE rewritten.compaction SET erased_through = (SELECT coalesce(max(seq), 0) FROM erasures)")
        con.execute("CHECKPOINT rewritten")


def compared(taken_over: Sequence[Table] = ()) -> list[Table]:
    """The tables that are equal in every database of one log, without those that were taken over.

    Which rows a table keeps by text depends on the order of the facts: `differing_by_text` compares those.
    """
    return [table for table in tables.repairable() if table not in taken_over and not table.text_key]


def differing(one: dict[str, str], other: dict[str, str]) -> list[str]:
    """The tables whose digests differ."""
    return [name for name in one if one[name] != other.get(name)]


def differing_by_text(con: Connection, other: Path, taken_over: Iterable[Table]) -> list[str]:
    """The tables kept by text whose row for a text differs from the row in another file.

    A row that only one file has is no damage: it is computed again when it is needed.
    """
    by_text = [table for table in tables.repairable() if table.text_key and table not in taken_over]
    with attached(con, other, "anew"):
        return [
            table.name
            for table in by_text
            if first(
                con,
                f"""SELECT 1 FROM (FROM anew.{table.name} SEMI JOIN {table.name} USING ({table.key})
                                   EXCEPT FROM {table.name}) LIMIT 1""",
            )
        ]
