"""The dashboard: what happens over time, which topics are thin, what was corrected, exported and trained on last."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import numpy as np

from events.errors import InputError

from ..policy.policy import Policy
from ..store.checkpoint import checkpoint
from ..store.database import Connection
from ..tables import exports
from ..verdicts.counters import HOUR, Counts
from ..verdicts.judgement import KINDS
from ..verdicts.memory import Reader
from . import examples, review_queue

Span = Literal["hours", "days", "months"]

SPANS: dict[Span, tuple[str, int]] = {"hours": ("hour", 48), "days": ("day", 30), "months": ("month", 12)}
"""Unit and number of the steps of a timeline."""

CORRECTIONS = 6
THIN = 12

_ISO = "%Y-%m-%dT%H:%M:%S.%fZ"

TABLES = {
    "captures": "examples WHERE kind = 'capture' AND",
    "corrections": "examples WHERE kind = 'correction' AND",
    "feedback": "feedback WHERE",
    "approvals": "decisions WHERE decision = 'approved' AND",
    "rejections": "decisions WHERE decision = 'rejected' AND",
    "reopened": "decisions WHERE decision = 'reopened' AND",
    "redactions": "redactions WHERE",
    "descriptions": "descriptions WHERE",
    "notes": "notes WHERE",
    "erasures": "erasures WHERE",
    "policies": "policies WHERE",
    "exports": "exports WHERE",
    "trainings": "trainings WHERE outcome = 'started' AND",
    "quarantined": "quarantine WHERE",
}
"""What is counted up to a moment of the log, and where it lies."""


def dashboard(reader: Reader, *, span: Span = "days") -> dict[str, Any]:
    """What the dashboard shows beside `stats`, all of one moment. Raises InputError for an unknown span."""
    policy, counts = reader.policy, reader.columns.counts
    shown_topics, waits = topics(counts, policy), examples.by_reason(reader)
    line = timeline(reader, span=span)
    con = reader.con
    made = exports.history(con, limit=1)["exports"]
    trained = _rows(con, _LAST_TRAINING, {})
    latest = con.execute(f"SELECT seq FROM corrections ORDER BY seq DESC LIMIT {CORRECTIONS}").fetchall()
    shown = review_queue.beginnings(con, [seq for (seq,) in latest])
    return {
        "timeline": line,
        "topics": shown_topics,
        "waiting": waits,
        "corrections": [shown[seq] for (seq,) in latest],
        "last_export": made[0] if made else None,
        "last_training": trained[0] if trained else None,
        "training": {"at": policy.training.at, "goal": policy.training.goal},
        "export": {"min_examples": policy.export.min_examples},
        "checkpoint": checkpoint(con).seq,
    }


_LAST_TRAINING = f"""SELECT seq, strftime(occurred_at, '{_ISO}') AS at, actor, export_digest, outcome, call_id, detail
                     FROM trainings ORDER BY seq DESC LIMIT 1"""


def measured(reader: Reader) -> dict[str, Any]:
    """The figures of a monitor, all of one moment; `exported_at` and `training` are those of the last export."""
    numbers, queue, con = examples.funnel(reader.columns.counts), examples.by_reason(reader), reader.con
    stands, past = examples.status(con), exports.history(con, limit=1)["exports"]
    last = past[0] if past else {"at": None, "trainings": []}
    return {
        "checkpoint": stands["checkpoint"],
        "examples": stands["examples"],
        "unique": numbers["unique"],
        "queue": queue,
        "quarantined": stands["quarantined"],
        "exported_at": last["at"],
        "training": last["trainings"][-1]["outcome"] if last["trainings"] else None,
    }


def timeline(reader: Reader, *, span: Span = "days") -> dict[str, Any]:
    """Captures, corrections, approvals and rejections in equal steps (UTC) up to the last thing that happened.

    Moments in the future, from a clock that is wrong, are not counted. Raises InputError for an unknown span.
    """
    if span not in SPANS:
        raise InputError(f"no span {span!r}; there are {', '.join(SPANS)}")
    unit, steps = SPANS[span]
    now = int(datetime.now(UTC).timestamp() * 1e6)
    this_hour = now // HOUR
    hours = reader.columns.counts.hours
    start = _back(
        datetime.fromtimestamp(max((h for h, _ in hours if h <= this_hour), default=0) * 3600, UTC), unit, steps
    )
    counts: dict[datetime, dict[str, int]] = {}

    def add(at: datetime, what: str, n: int) -> None:
        step = counts.setdefault(_cut(at, unit), {})
        step[what] = step.get(what, 0) + n

    first_hour = int(start.timestamp()) // 3600
    for (hour, kind), n in hours.items():
        if first_hour <= hour < this_hour:
            add(datetime.fromtimestamp(hour * 3600, UTC), KINDS[kind], n)
    published = slice(reader.columns.published)
    at_once = reader.columns["occurred_at"][published]
    lately = reader.columns["kind"][published][(at_once >= this_hour * HOUR) & (at_once <= now)]
    for kind, n in enumerate(np.bincount(lately).tolist()):
        if n:
            add(datetime.fromtimestamp(this_hour * 3600, UTC), KINDS[kind], n)
    for at, decision, n in reader.con.execute(
        f"""SELECT date_trunc('{unit}', occurred_at)::TIMESTAMP, decision, count(*) FROM decisions
            WHERE occurred_at BETWEEN ? AND ? GROUP BY ALL""",
        [start.replace(tzinfo=None), datetime.fromtimestamp(now / 1e6, UTC).replace(tzinfo=None)],
    ).fetchall():
        add(at, decision, n)
    kinds = {"captures": "capture", "corrections": "correction", "approved": "approved", "rejected": "rejected"}
    shown = [(at, counts.get(at, {})) for at in (_steps(max(counts), unit, steps) if counts else [])]
    return {
        "unit": unit,
        "steps": [{"at": f"{at:{_ISO}}"} | {name: n.get(kind, 0) for name, kind in kinds.items()} for at, n in shown],
    }


def _cut(at: datetime, unit: str) -> datetime:
    """The beginning of the hour, day or month of a moment in UTC."""
    at = at.replace(tzinfo=None, minute=0, second=0, microsecond=0)
    return at if unit == "hour" else at.replace(hour=0) if unit == "day" else at.replace(hour=0, day=1)


def _back(at: datetime, unit: str, count: int) -> datetime:
    """The moment so many hours, days or months before."""
    if unit == "month":
        month = 12 * at.year + at.month - 1 - count
        return _cut(at, unit).replace(tzinfo=UTC, year=month // 12, month=month % 12 + 1) if month > 12 else at
    return at - count * timedelta(**{f"{unit}s": 1})


def _steps(last: datetime, unit: str, count: int) -> list[datetime]:
    """The beginnings of so many hours, days or months, the last one at the end."""
    if unit == "month":
        months = [12 * last.year + last.month - 1 - n for n in reversed(range(count))]
        return [last.replace(year=month // 12, month=month % 12 + 1) for month in months]
    return [last - n * timedelta(**{f"{unit}s": 1}) for n in reversed(range(count))]


def topics(counts: Counts, policy: Policy) -> dict[str, Any]:
    """How many tags the training set knows well enough, and the thin ones that most examples wait under."""
    below = policy.review.new_topic_below
    rows = counts.by("tag")
    thin = sorted((row for row in rows if row[2] < below), key=lambda row: (-row[3], row[2], row[0]))
    return {
        "enough": below,
        "covered": len(rows) - len(thin),
        "thin": len(thin),
        "thinnest": [
            {"tag": tag, "total": total, "in_training": trained, "waiting": waits}
            for tag, total, trained, waits in thin[:THIN]
        ],
    }


def quarantined(
    con: Connection, *, category: str | None = None, before: int | None = None, limit: int = 50
) -> dict[str, Any]:
    """A page of the messages in quarantine, the newest first, with the beginning of their bytes as text."""
    limit = max(1, min(limit, review_queue.PAGE))
    items = _rows(
        con,
        f"""SELECT seq, subject, category, reason, octet_length(data) AS bytes, data[1:2000] AS data FROM quarantine
            WHERE ($category IS NULL OR category = $category) AND ($before IS NULL OR seq < $before)
            ORDER BY seq DESC LIMIT {limit}""",
        {"category": category, "before": before},
    )
    for item in items:
        item["data"] = item["data"].decode("utf-8", "replace")
    counts = con.execute("SELECT category, count(*) FROM quarantine GROUP BY category ORDER BY category").fetchall()
    return {
        "items": items,
        "by_category": dict(counts),
        "before": items[-1]["seq"] if len(items) == limit else None,
        "checkpoint": checkpoint(con).seq,
    }


def counted(con: Connection, *, seq: int) -> dict[str, Any]:
    """How much of each kind had been said when the log stood at a sequence."""
    statement = " UNION ALL ".join(
        f"SELECT '{name}' AS name, count(*) AS n FROM {place} seq <= $seq" for name, place in TABLES.items()
    )
    counts = dict(con.execute(statement, {"seq": seq}).fetchall())
    return {"seq": seq, "counts": {name: counts[name] for name in TABLES}, "checkpoint": checkpoint(con).seq}


def _rows(con: Connection, statement: str, parameters: Any) -> list[dict[str, Any]]:
    result = con.execute(statement, parameters)
    columns = [column[0] for column in result.description]
    return [dict(zip(columns, row, strict=True)) for row in result.fetchall()]
