"""Exports and trainings: what was made from the log, and what was trained on it."""

from __future__ import annotations

from msgspec import json

from events.facts import TrainingSetExported, TrainingTriggered

from .batch import Batch
from .database import Connection, insert
from .projection import ENVELOPE, Projection, envelope

_EXPORTS = ENVELOPE | {
    "export_digest": "VARCHAR",
    "policy_digest": "VARCHAR",
    "log_digest": "VARCHAR",
    "last_seq": "BIGINT",
    "counts": "VARCHAR",
    "paths": "VARCHAR[]",
}
_TRAININGS = ENVELOPE | {
    "export_digest": "VARCHAR",
    "outcome": "VARCHAR",
    "call_id": "VARCHAR",
    "detail": "VARCHAR",
}


def _fold_exports(con: Connection, batch: Batch) -> None:
    rows = []
    for seq, fact in batch.of(TrainingSetExported):
        counts = json.encode(fact.counts, order="sorted").decode()
        digests = (fact.export_digest, fact.policy_digest, fact.log_digest)
        rows.append((*envelope(seq, fact), *digests, fact.last_seq, counts, fact.paths))
    insert(con, "exports", _EXPORTS, rows)


def _fold_trainings(con: Connection, batch: Batch) -> None:
    said = batch.of(TrainingTriggered)
    rows = [(*envelope(n, f), f.export_digest, f.outcome, f.call_id, f.detail) for n, f in said]
    insert(con, "trainings", _TRAININGS, rows)


EXPORTS = Projection(
    name="exports", version=1, handles=(TrainingSetExported,), columns=_EXPORTS, key="seq", fold=_fold_exports
)
TRAININGS = Projection(
    name="trainings", version=1, handles=(TrainingTriggered,), columns=_TRAININGS, key="seq", fold=_fold_trainings
)
