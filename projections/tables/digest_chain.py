"""The chain: what every message adds to the log's running digest, so that a message that changed can be named."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from events.digest_chain import START, link

from ..store.batch import Batch
from ..store.checkpoint import checkpoint
from ..store.database import Connection
from ..store.projection import Projection

PAGE = 50_000
"""Entries in one answer: 1.6 MB."""

ENTRY_BYTES = 32

_COLUMNS = {"seq": "BIGINT", "entry": "BLOB"}


def _rows(batch: Batch) -> pa.Table:
    return batch.entries


def entries(con: Connection, *, after: int = 0, limit: int = PAGE) -> dict[str, Any]:
    """The sequences after one of them and their entries, in base64 one behind the other; at most `limit`."""
    rows = con.execute(
        "SELECT seq, entry FROM chain WHERE seq > ? ORDER BY seq LIMIT ?", [after, max(0, min(limit, PAGE))]
    ).fetchall()
    now = checkpoint(con)
    return {
        "seqs": [seq for seq, _ in rows],
        "entries": base64.b64encode(b"".join(entry for _, entry in rows)).decode(),
        "checkpoint": now.seq,
        "log_digest": now.log_digest.hex(),
    }


def recorded(con: Connection, batch: Batch, seqs: Iterable[int]) -> dict[int, bytes]:
    """The entries of a batch, and of those of some sequences that came before it."""
    known = dict(zip(batch.entries["seq"].to_pylist(), batch.entries["entry"].to_pylist(), strict=True))
    earlier = sorted({seq for seq in seqs if seq < batch.first})
    wanted = "SELECT seq, entry FROM chain WHERE seq IN (SELECT unnest($seqs::BIGINT[]))"
    return known | (dict(con.execute(wanted, {"seqs": earlier}).fetchall()) if earlier else {})


def running(con: Connection, seq: int, *, since: int = 0, digest: bytes = START) -> bytes:
    """The running digest after a sequence, by the recorded entries, from what it was after an earlier one."""
    while since < seq:
        until = min(seq, since + PAGE)
        page = con.execute("SELECT seq, entry FROM chain WHERE seq > ? AND seq <= ? ORDER BY seq", [since, until])
        for at, entry in page.fetchall():
            digest = link(digest, at, entry)
        since = until
    return digest


CHAIN = Projection(name="chain", version=1, handles=(), columns=_COLUMNS, key="seq", rows=_rows)
