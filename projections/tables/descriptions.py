"""Descriptions: every fact that changed the tags, the project or the exclusion of an example.

What holds now follows from all of them and the capture, see `verdicts.stored`. So a description that is erased leaves
nothing behind.
"""

from __future__ import annotations

import pyarrow as pa

from events.facts import ExampleDescribed

from ..store.batch import Batch
from ..store.database import by_column
from ..store.projection import ENVELOPE, Projection, envelope

_COLUMNS = ENVELOPE | {
    "example_id": "VARCHAR",
    "added_tags": "VARCHAR[]",
    "removed_tags": "VARCHAR[]",
    "project_context": "VARCHAR",
    "include_in_training": "BOOLEAN",
    "reason": "VARCHAR",
}


def _rows(batch: Batch) -> pa.Table | None:
    rows = [
        (
            *(*envelope(seq, f), f.example_id, f.added_tags, f.removed_tags),
            *(f.project_context, f.include_in_training, f.reason),
        )
        for seq, f in batch.of(ExampleDescribed)
    ]
    return by_column(_COLUMNS, rows) if rows else None


DESCRIPTIONS = Projection(name="descriptions", handles=(ExampleDescribed,), columns=_COLUMNS, key="seq", rows=_rows)
