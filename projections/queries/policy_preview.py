"""What another policy would change: the training set judged under both, before anything is adopted.

| temporary table | rows | columns | written by | read by |
|---|---|---|---|---|
| `near_texts`, `near_buckets` | links at another threshold | of the tables that they hide | `_judge` | evidence |
| `judged` | examples under the other policy | seq, kind, judgement | `verdicts.candidate` | all here, the funnel |
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from ..policy.policy import Policy, from_document
from ..store.checkpoint import checkpoint
from ..store.database import Connection, first
from ..tables import policies
from ..texts import analysis
from ..verdicts import reasons, verdicts
from . import examples

SHOWN = 50
"""Examples in the answer; the rest are asked for with `moved`."""


def preview(con: Connection, *, policy: dict[str, Any]) -> dict[str, Any]:
    """How many examples would enter and leave the training set, for which reasons, and the first of them.

    Raises PolicyError where the document is no policy. Call `prepare` first: a text without an analysis counts as of
    low relevance here, and is analysed when the policy is adopted.
    """
    candidate, current = from_document(policy), policies.current(con)
    _judge(con, candidate)
    unread = first(con, f"SELECT count(*) FROM ({_UNREAD})", {"analyser": analysis.analyser(candidate.lexicon)})
    moved = _reasons(con)
    return {
        "current": current.digest,
        "candidate": candidate.digest,
        "checkpoint": checkpoint(con).seq,
        "policy_seq": policies.last_seq(con),
        "not_analysed": unread[0] if unread else 0,
        "enter": sum(row["count"] for row in moved if row["change"] == "enter"),
        "leave": sum(row["count"] for row in moved if row["change"] == "leave"),
        "reasons": moved,
        "before": examples.funnel(con),
        "after": examples.funnel(con, "judged"),
        "review_queue": dict(zip(("before", "after"), _queues(con), strict=True)),
        "examples": _page(con, SHOWN),
    }


def prepare(con: Connection, *, policy: dict[str, Any]) -> dict[str, Any]:
    """Analyse some of the texts that the lexicon of a policy has not seen; how many are left."""
    candidate, current = from_document(policy).lexicon, policies.current(con).lexicon
    analysis.forget(con, [candidate, current])
    return {"left": analysis.prepare(con, candidate, current)}


def moved(con: Connection, *, policy: dict[str, Any]) -> Iterator[bytes | pa.Table]:
    """Every example that would enter or leave, in the order of the log, page by page."""
    _judge(con, from_document(policy))
    yield b"{}"
    for batch in con.sql(_MOVED_WITH_ID.format(_MOVED)).to_arrow_reader(20_000):
        rows = [
            _named(dict(zip(batch.schema.names, row, strict=True)))
            for row in zip(*batch.to_pydict().values(), strict=True)
        ]
        yield pa.Table.from_pylist(rows)


def _judge(con: Connection, candidate: Policy) -> None:
    """Judge everything under the candidate into `judged`; links of another threshold are made beside the real ones."""
    if candidate.duplicates.threshold != policies.current(con).duplicates.threshold:
        from ..texts import near_links  # learns its vocabulary: not for those who only ask

        for table in ("near_texts", "near_buckets"):
            con.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS FROM main.{table}")
        near_links.relink(con, candidate.duplicates.threshold)
    verdicts.candidate(con, candidate)


_UNREAD = """SELECT 1 FROM examples ANTI JOIN (SELECT analysis_key FROM analysis WHERE analyser = $analyser)
             USING (analysis_key) WHERE analysis_key IS NOT NULL"""

_MOVED = """SELECT v.example_id, v.seq, CASE WHEN j.reasons = 0 THEN 'enter' ELSE 'leave' END AS change,
                   v.reasons AS before, j.reasons AS after, j.duplicate_of,
                   coalesce(v.superseded_by, v.disputed_by) AS superseded_by
            FROM verdicts v JOIN judged j USING (seq) WHERE (v.reasons = 0) <> (j.reasons = 0) ORDER BY v.seq"""

_MOVED_WITH_ID = """SELECT m.* REPLACE (d.example_id AS duplicate_of) FROM ({0}) m
           LEFT JOIN (SELECT seq, example_id FROM verdicts) d ON d.seq = m.duplicate_of ORDER BY m.seq"""
"""What moves, with the id of what it is a duplicate of."""


def _reasons(con: Connection) -> list[dict[str, Any]]:
    """What moves by the first reason, in the order of the pipeline, that keeps it out on the other side."""
    rows = con.execute(
        f"""SELECT change, (before | after) & -(before | after) AS bit, count(*) FROM ({_MOVED}) GROUP BY ALL
            ORDER BY change, bit"""
    ).fetchall()
    return [{"change": change, "reason": reasons.names(bit)[0], "count": count} for change, bit, count in rows]


def _queues(con: Connection) -> list[int]:
    rows = con.execute(
        """SELECT count(*) FROM verdicts WHERE queue IS NOT NULL
           UNION ALL SELECT count(*) FROM judged WHERE queue IS NOT NULL"""
    ).fetchall()
    return [count for (count,) in rows]


def _page(con: Connection, limit: int) -> list[dict[str, Any]]:
    rows = _MOVED_WITH_ID.format(f"{_MOVED} LIMIT {limit}")
    result = con.execute(
        f"SELECT m.*, left(e.prompt, 200) AS prompt FROM ({rows}) m JOIN examples e USING (example_id) ORDER BY m.seq"
    )
    names = [column[0] for column in result.description]
    return [_named(dict(zip(names, row, strict=True))) for row in result.fetchall()]


def _named(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"before": reasons.names(row["before"]), "after": reasons.names(row["after"])}
