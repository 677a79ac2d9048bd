"""Feedback: every thumbs up and thumbs down; the latest one of an example counts."""

from __future__ import annotations

import pyarrow as pa

from events.facts import FeedbackGiven

from ..store.batch import Batch
from ..store.database import by_column
from ..store.projection import ENVELOPE, Projection, envelope

_COLUMNS = ENVELOPE | {"example_id": "VARCHAR", "feedback": "VARCHAR", "comment": "VARCHAR", "untrusted": "BOOLEAN"}


def _rows(batch: Batch) -> pa.Table | None:
    rows = [(*envelope(n, f), f.example_id, f.feedback, f.comment, f.untrusted) for n, f in batch.of(FeedbackGiven)]
    return by_column(_COLUMNS, rows) if rows else None


FEEDBACK = Projection(name="feedback", version=2, handles=(FeedbackGiven,), columns=_COLUMNS, key="seq", rows=_rows)
