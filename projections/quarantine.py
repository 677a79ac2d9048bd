"""Quarantine: messages that could not be folded, whole, with the reason; folded last, after every other projection."""

from __future__ import annotations

from events.facts import ExampleErased

from .batch import Batch
from .database import Connection, insert
from .projection import Projection

_COLUMNS = {"seq": "BIGINT", "subject": "VARCHAR", "data": "BLOB", "category": "VARCHAR", "reason": "VARCHAR"}

SUBJECT_ID = "CASE WHEN len(string_split(subject, '.')) = 5 THEN split_part(subject, '.', 4) END"
"""The id that a subject of the log's shape carries."""


def _fold(con: Connection, batch: Batch) -> None:
    rows = [(q.seq, q.subject, q.data, q.category, q.reason) for q in sorted(batch.quarantined, key=lambda q: q.seq)]
    insert(con, "quarantine", _COLUMNS, rows)
    if rows or batch.of(ExampleErased):
        con.execute(
            f"""UPDATE quarantine SET data = ''::BLOB WHERE data <> ''::BLOB
                AND {SUBJECT_ID} IN (SELECT example_id FROM erasures)"""
        )


QUARANTINE = Projection(name="quarantine", version=1, handles=(), columns=_COLUMNS, key="seq", fold=_fold)
