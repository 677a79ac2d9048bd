"""Taking over: tables copied between the live database and one that is folded anew beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from ..store.checkpoint import checkpoint
from ..store.compaction import attached
from ..store.database import Connection
from .projector import CACHES, PROJECTIONS, table_digests

_TOGETHER = (
    ("verdicts", "judging", "tallies", "queued", "queued_tags"),
    ("near_texts", "near_buckets"),
)
"""Tables that follow from one another: whoever puts one back puts back all."""

TABLES = (*(p.name for p in PROJECTIONS), "verdicts", "tallies", "queued", "queued_tags", *CACHES)
"""Every table that can be put back by its name."""


class Snapshot(Struct, frozen=True):
    """A moment of a database: its checkpoint, and the digests of its tables where they were wanted."""

    seq: int
    log_digest: bytes
    digests: dict[str, str] = {}


def group(table: str) -> tuple[str, ...]:
    """A table and those that belong to it."""
    return next((tables for tables in _TOGETHER if table in tables), (table,))


def hand_over(con: Connection, target: Path, tables: Sequence[str], *, digests: bool = False) -> Snapshot:
    """Copy tables of what texts say to another file whose tables are there and empty; the moment they are of.

    Others may fold meanwhile. What was analysed of a text that no example has any more stays behind.
    """
    sources = {name: name for name in tables} | {"analysis": "analysis SEMI JOIN examples USING (analysis_key)"}
    with attached(con, target, "anew"):
        con.execute("BEGIN TRANSACTION")
        try:
            now = checkpoint(con)
            for name in tables:
                con.execute(f"INSERT INTO anew.{name} SELECT * FROM {sources[name]}")
            snapshot = Snapshot(now.seq, now.log_digest, table_digests(con) if digests else {})
            con.execute("COMMIT")
        except BaseException:
            con.execute("ROLLBACK")
            raise
        con.execute("CHECKPOINT anew")
    return snapshot


def put_back(con: Connection, source: Path, tables: Sequence[str]) -> None:
    """Give tables the content that they have in another file, all in one transaction."""
    with attached(con, source, "anew"):
        con.execute("BEGIN TRANSACTION")
        try:
            for name in tables:
                con.execute(f"DELETE FROM {name}")
                con.execute(f"INSERT INTO {name} SELECT * FROM anew.{name}")
            con.execute("COMMIT")
        except BaseException:
            con.execute("ROLLBACK")
            raise


def differing(one: dict[str, str], other: dict[str, str]) -> list[str]:
    """The tables whose digests differ."""
    return [name for name in one if one[name] != other.get(name)]
