"""Quarantine: messages that could not be folded, whole, with the reason; folded last, after every other projection."""

from __future__ import annotations

from .batch import Batch
from .database import Connection, insert
from .projection import Projection

_COLUMNS = {"seq": "BIGINT", "subject": "VARCHAR", "data": "BLOB", "category": "VARCHAR", "reason": "VARCHAR"}


def _fold(con: Connection, batch: Batch) -> None:
    rows = [(q.seq, q.subject, q.data, q.category, q.reason) for q in sorted(batch.quarantined, key=lambda q: q.seq)]
    insert(con, "quarantine", _COLUMNS, rows)


QUARANTINE = Projection(name="quarantine", version=1, handles=(), columns=_COLUMNS, key="seq", fold=_fold)
