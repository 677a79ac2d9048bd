"""Decisions: every approval and rejection by a reviewer; the latest one of an example counts."""

from __future__ import annotations

from events.facts import ExampleApproved, ExampleRejected

from .batch import Batch
from .database import Connection, insert
from .projection import ENVELOPE, Projection, envelope

_COLUMNS = ENVELOPE | {"example_id": "VARCHAR", "decision": "VARCHAR", "reason": "VARCHAR", "revision": "BIGINT"}


def _fold(con: Connection, batch: Batch) -> None:
    said: list[tuple[int, ExampleApproved | ExampleRejected]] = []
    said += batch.of(ExampleApproved)
    said += batch.of(ExampleRejected)
    rows = [(*envelope(n, f), f.example_id, f.verb, f.reason, f.revision) for n, f in said]
    insert(con, "decisions", _COLUMNS, rows)


DECISIONS = Projection(
    name="decisions",
    version=1,
    handles=(ExampleApproved, ExampleRejected),
    columns=_COLUMNS,
    key="seq",
    fold=_fold,
)
