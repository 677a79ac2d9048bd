"""Feedback: every thumbs up and thumbs down; the latest one of an example counts."""

from __future__ import annotations

from events.facts import FeedbackGiven

from .batch import Batch
from .database import Connection, insert
from .projection import ENVELOPE, Projection, envelope

_COLUMNS = ENVELOPE | {"example_id": "VARCHAR", "feedback": "VARCHAR", "comment": "VARCHAR"}


def _fold(con: Connection, batch: Batch) -> None:
    said = batch.of(FeedbackGiven)
    insert(con, "feedback", _COLUMNS, [(*envelope(n, f), f.example_id, f.feedback, f.comment) for n, f in said])


FEEDBACK = Projection(name="feedback", version=1, handles=(FeedbackGiven,), columns=_COLUMNS, key="seq", fold=_fold)
