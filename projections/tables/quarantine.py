"""Quarantine: messages that could not be folded, whole, with the reason; folded after what may set it aside."""

from __future__ import annotations

from typing import Any

from ..store.batch import Batch
from ..store.database import Connection, first, insert
from ..store.projection import Projection

_COLUMNS = {"seq": "BIGINT", "subject": "VARCHAR", "data": "BLOB", "category": "VARCHAR", "reason": "VARCHAR"}

SUBJECT_ID = "CASE WHEN len(string_split(subject, '.')) = 5 THEN split_part(subject, '.', 4) END"
"""The id that a subject of the log's shape carries."""


IDS = f"""list_filter([{SUBJECT_ID}, CASE WHEN subject LIKE 'training.correction.recorded.%'
             THEN split_part(subject, '.', 5) END], lambda id: id IS NOT NULL AND id <> '')"""
"""The ids of the examples that a subject is about; a correction is one itself."""


def _fold(con: Connection, batch: Batch) -> None:
    rows = [(q.seq, q.subject, q.data, q.category, q.reason) for q in sorted(batch.quarantined, key=lambda q: q.seq)]
    insert(con, "quarantine", _COLUMNS, rows)


def listed(con: Connection, *, category: str | None = None, limit: int = 1_000, after: int = 0) -> dict[str, Any]:
    """What is in quarantine, in the order of the log, without its bytes; `total` counts all of it.

    `after` goes on, None at the end.
    """
    limit = max(0, min(limit, 10_000))
    wanted = "FROM quarantine WHERE $category IS NULL OR category = $category"
    rows = con.execute(
        f"""SELECT seq, subject, category, reason, octet_length(data) FROM (SELECT * {wanted}) WHERE seq > $after
            ORDER BY seq LIMIT $limit""",
        {"category": category, "limit": limit, "after": after},
    ).fetchall()
    (total,) = con.execute(f"SELECT count(*) {wanted}", {"category": category}).fetchall()[0]
    names = ("seq", "subject", "category", "reason", "bytes")
    items = [dict(zip(names, row, strict=True)) for row in rows]
    return {"total": total, "items": items, "after": rows[-1][0] if rows and len(rows) == limit else None}


def kept(con: Connection, *, seq: int) -> dict[str, Any] | None:
    """One message in quarantine, whole: `text` where it is UTF-8, else `hex`; None where it is not there."""
    row = first(con, "SELECT seq, subject, category, reason, data FROM quarantine WHERE seq = ?", [seq])
    if row is None:
        return None
    data = bytes(row[4])
    try:
        text = {"text": data.decode(), "hex": None}
    except UnicodeDecodeError:
        text = {"text": None, "hex": data.hex()}
    return dict(zip(("seq", "subject", "category", "reason"), row[:4], strict=True)) | text


QUARANTINE = Projection(name="quarantine", version=2, handles=(), columns=_COLUMNS, key="seq", fold=_fold)
