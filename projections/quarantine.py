"""Quarantine: messages that could not be folded, whole, with the reason; folded after what may set it aside."""

from __future__ import annotations

from .batch import Batch
from .database import Connection, insert
from .projection import Projection

_COLUMNS = {"seq": "BIGINT", "subject": "VARCHAR", "data": "BLOB", "category": "VARCHAR", "reason": "VARCHAR"}

SUBJECT_ID = "CASE WHEN len(string_split(subject, '.')) = 5 THEN split_part(subject, '.', 4) END"
"""The id that a subject of the log's shape carries."""


IDS = f"""list_filter([{SUBJECT_ID}, CASE WHEN subject LIKE 'training.correction.recorded.%'
             THEN split_part(subject, '.', 5) END], lambda id: id IS NOT NULL AND id <> '')"""
"""The ids of the examples that a subject is about; a correction is one itself."""


def _fold(con: Connection, batch: Batch) -> None:
    rows = [(q.seq, q.subject, q.data, q.category, q.reason) for q in sorted(batch.quarantined, key=lambda q: q.seq)]
    insert(con, "quarantine", _COLUMNS, rows)


QUARANTINE = Projection(name="quarantine", version=2, handles=(), columns=_COLUMNS, key="seq", fold=_fold)
