"""Exports and trainings: what was made from the log, and what was trained on it."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from msgspec import json

from events.facts import TrainingSetExported, TrainingTriggered

from ..store.batch import Batch
from ..store.database import Connection, by_column
from ..store.projection import ENVELOPE, Projection, envelope

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


def _exported(batch: Batch) -> pa.Table | None:
    rows = []
    for seq, fact in batch.of(TrainingSetExported):
        counts = json.encode(fact.counts, order="sorted").decode()
        digests = (fact.export_digest, fact.policy_digest, fact.log_digest)
        rows.append((*envelope(seq, fact), *digests, fact.last_seq, counts, fact.paths))
    return by_column(_EXPORTS, rows) if rows else None


def _trained(batch: Batch) -> pa.Table | None:
    triggered = batch.of(TrainingTriggered)
    rows = [(*envelope(n, f), f.export_digest, f.outcome, f.call_id, f.detail) for n, f in triggered]
    return by_column(_TRAININGS, rows) if rows else None


EXPORTS = Projection(
    name="exports", version=1, handles=(TrainingSetExported,), columns=_EXPORTS, key="seq", rows=_exported
)
TRAININGS = Projection(
    name="trainings", version=1, handles=(TrainingTriggered,), columns=_TRAININGS, key="seq", rows=_trained
)


def history(con: Connection, *, limit: int = 1_000, before: int | None = None) -> dict[str, Any]:
    """Exports before a sequence, newest first, each with the trainings on it; `before` goes on, None at the end.

    A training is one intent and what came of it; `outcome` is the last that was said: `intended`, `started`,
    `succeeded` or `failed`.
    """
    exports = _rows(con, f"SELECT {_SAID}, * EXCLUDE (seq, occurred_at, event_id, trace_id) FROM exports "
                         "QUALIFY row_number() OVER (PARTITION BY export_digest ORDER BY seq) = 1 "
                         "AND seq < ? ORDER BY seq DESC LIMIT ?", [before or 2**63 - 1, limit + 1])  # fmt: skip
    goes_on, exports = len(exports) > limit, exports[:limit]
    trainings: dict[str, list[dict[str, Any]]] = {}
    for row in _rows(con, f"SELECT {_SAID}, * EXCLUDE (seq, occurred_at, event_id, trace_id) FROM trainings "
                           "ORDER BY seq", []):  # fmt: skip
        attempts = trainings.setdefault(row["export_digest"], [])
        if row["outcome"] == "intended" or not attempts:
            attempts.append({"number": len(attempts) + 1, "intended_seq": row["seq"], "intended_at": row["at"],
                             "actor": row["actor"], "before": row["detail"], "call_id": None})  # fmt: skip
        attempts[-1] |= {"outcome": row["outcome"], "at": row["at"], "seq": row["seq"]}
        attempts[-1]["call_id"] = row["call_id"] or attempts[-1]["call_id"]
        attempts[-1]["detail"] = row["detail"] if row["outcome"] != "intended" else None
    for export in exports:
        export["counts"] = json.decode(export["counts"])
        export["trainings"] = trainings.get(export["export_digest"], [])
    return {"exports": exports, "before": exports[-1]["seq"] if goes_on and exports else None}


_SAID = "seq, strftime(occurred_at, '%Y-%m-%dT%H:%M:%S.%fZ') AS at"


def _rows(con: Connection, statement: str, parameters: list[Any]) -> list[dict[str, Any]]:
    result = con.execute(statement, parameters)
    names = [column[0] for column in result.description]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
