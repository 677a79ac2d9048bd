"""Segments: which stretches of the log lie beside the database as files of decoded batches, and what each must be."""

from __future__ import annotations

from typing import Any

from msgspec import Struct, structs

from .database import Connection
from .table import Table

SIZE = 100_000
"""Sequences in a segment. It is read batch by batch, so a larger one is no faster, and an erasure reads one anew."""

SEGMENTS = Table(
    name="segments",
    columns={
        "first": "BIGINT",
        "last": "BIGINT",
        "begins_at": "VARCHAR",
        "log_digest": "VARCHAR",
        "entry": "VARCHAR",
        "erased": "BIGINT",
        "decoder": "VARCHAR",
        "digest": "VARCHAR",
    },
    key="first",
    kind="file",
)


class Segment(Struct, frozen=True):
    """A sealed stretch: the running digest of the log before its `first` sequence and after its `last` one.

    `entry` is what its last message adds to that, empty where the message is missing. `erased` messages were gone when
    it was sealed. `decoder` is the version of the code that decoded it, `digest` the SHA-256 of its file. All digests
    are in hexadecimal.
    """

    first: int
    last: int
    begins_at: str
    log_digest: str
    entry: str
    erased: int
    decoder: str
    digest: str


def known(con: Connection) -> list[Segment]:
    """The sealed segments, in the order of the log."""
    return [Segment(*row) for row in con.execute("FROM segments ORDER BY first").fetchall()]


def listed(con: Connection) -> list[dict[str, Any]]:
    """The same as an answer."""
    return [structs.asdict(segment) for segment in known(con)]


def keep(con: Connection, segment: Segment) -> None:
    """Remember a segment in the place of an earlier one of its stretch."""
    forget(con, segment.first)
    con.execute("INSERT INTO segments VALUES (?, ?, ?, ?, ?, ?, ?, ?)", structs.astuple(segment))


def forget(con: Connection, first: int) -> None:
    """Forget the segment of the stretch that begins with a sequence."""
    con.execute("DELETE FROM segments WHERE first = ?", [first])
