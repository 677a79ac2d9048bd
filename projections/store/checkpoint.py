"""The checkpoint: how far the tables have followed the log, in the same transaction as what they hold."""

from __future__ import annotations

from msgspec import Struct

from .database import Connection, DatabaseError, first
from .table import Table

CHECKPOINT = Table(
    name="checkpoint",
    columns={
        "seq": "BIGINT",
        "subject": "VARCHAR",
        "log_digest": "BLOB",
        "versions": "VARCHAR",
        "judged_seq": "BIGINT",
    },
    key="seq",
    kind="file",
)
"""One row. `versions` are those of all tables when the file was made, `judged_seq` is how far they were judged."""


class Checkpoint(Struct, frozen=True):
    """How far the tables have followed the log: the last sequence, its subject, and the running digest up to it."""

    seq: int
    subject: str
    log_digest: bytes


def checkpoint(con: Connection) -> Checkpoint:
    """Where the tables behind a connection stand."""
    row = first(con, "SELECT seq, subject, log_digest FROM checkpoint")
    if row is None:
        raise DatabaseError("the database holds no checkpoint; run `rooflog rebuild` to make it anew")
    return Checkpoint(row[0], row[1], bytes(row[2]))
