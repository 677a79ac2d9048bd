"""The checkpoint: how far the tables have followed the log, in the same transaction as what they hold."""

from __future__ import annotations

from msgspec import Struct

from .database import Connection, DatabaseError, first


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
