"""Decisions: every approval and rejection by a reviewer, or that it was taken back; an example's latest one counts."""

from __future__ import annotations

import pyarrow as pa

from events.facts import DECISIONS as KINDS

from ..store.batch import Batch
from ..store.database import by_column
from ..store.projection import ENVELOPE, Projection, envelope

_COLUMNS = ENVELOPE | {
    "example_id": "VARCHAR",
    "decision": "VARCHAR",
    "reason": "VARCHAR",
    "revision": "BIGINT",
    "context": "VARCHAR",
}


def _rows(batch: Batch) -> pa.Table | None:
    facts = [fact for kind in KINDS for fact in batch.of(kind)]
    rows = [(*envelope(n, f), f.example_id, f.verb, f.reason, f.revision, f.context) for n, f in facts]
    return by_column(_COLUMNS, rows) if rows else None


DECISIONS = Projection(
    name="decisions",
    version=3,
    handles=KINDS,
    columns=_COLUMNS,
    key="seq",
    rows=_rows,
)
