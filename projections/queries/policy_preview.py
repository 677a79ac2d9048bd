"""What another policy would change: the training set judged under both, before anything is adopted.

A policy with another threshold or other rules is judged by links that stand in temporary tables, which are named like
the real ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from ..policy.policy import Policy, from_document
from ..store.checkpoint import checkpoint
from ..store.database import AMONG, Connection, first
from ..tables import policies
from ..texts import analysis
from ..verdicts import reasons, verdicts
from ..verdicts.columns import Columns
from ..verdicts.counters import first_reason
from ..verdicts.memory import Reader
from ..verdicts.names import Column
from . import examples

SHOWN = 50
"""Examples in the answer; the rest are asked for with `moved`."""

PAGE = 20_000


def preview(reader: Reader, *, policy: dict[str, Any]) -> dict[str, Any]:
    """How many examples would enter and leave the training set, for which reasons, and the first of them.

    Raises PolicyError where the document is no policy. Call `prepare` first: a text without an analysis counts as of
    low relevance here, and is analysed when the policy is adopted.
    """
    candidate, current = from_document(policy), reader.policy
    before = examples.funnel(reader.columns.counts)
    waits = sum(tally.total for tally in reader.columns.counts.by("queue") if tally.key)
    held = reader.columns.snapshot()
    con = reader.con
    columns, changed = _judge(con, held, current, candidate)
    unread = first(con, f"SELECT count(*) FROM ({_UNREAD})", {"analyser": analysis.analyser(candidate).name})
    reasons_of = _reasons(changed)
    return {
        "current": current.digest,
        "candidate": candidate.digest,
        "checkpoint": checkpoint(con).seq,
        "policy_seq": policies.last_seq(con),
        "not_analysed": unread[0] if unread else 0,
        "enter": sum(row["count"] for row in reasons_of if row["change"] == "enter"),
        "leave": sum(row["count"] for row in reasons_of if row["change"] == "leave"),
        "reasons": reasons_of,
        "before": before,
        "after": examples.funnel(columns.counts),
        "review_queue": {
            "before": waits,
            "after": sum(tally.total for tally in columns.counts.by("queue") if tally.key),
        },
        "examples": _shown(con, columns, changed, slice(SHOWN), texts=True),
    }


def prepare(con: Connection, *, policy: dict[str, Any]) -> dict[str, Any]:
    """Analyse some of the texts that the lexicon and the rules of a policy have not seen; how many are left."""
    candidate, current = map(analysis.analyser, (from_document(policy), policies.current(con)))
    analysis.forget(con, [candidate, current])
    return {"left": analysis.prepare(con, candidate, current)}


def moved(reader: Reader, *, policy: dict[str, Any]) -> Iterator[bytes | pa.Table]:
    """Every example that would enter or leave, in the order of the log, page by page."""
    current, held = reader.policy, reader.columns.snapshot()
    con = reader.con
    columns, changed = _judge(con, held, current, from_document(policy))
    yield b"{}"
    for start in range(0, len(changed.rows), PAGE):
        yield pa.Table.from_pylist(_shown(con, columns, changed, slice(start, start + PAGE)))


def copy(con: Connection, *, policy: dict[str, Any]) -> int:
    """Take over the analyses that hold under a policy as well; how many examples have a text without one."""
    candidate, current = map(analysis.analyser, (from_document(policy), policies.current(con)))
    analysis.forget(con, [candidate, current])
    return analysis.prepare(con, candidate, current, limit=0)


class Changed(NamedTuple):
    """The rows of examples that would enter or leave, with their reasons before and after."""

    rows: Column
    before: Column
    after: Column


def _judge(con: Connection, held: Columns, current: Policy, candidate: Policy) -> tuple[Columns, Changed]:
    """Judge everything under the candidate; links of another likeness are made beside the real ones."""
    if candidate.likeness != current.likeness:
        from ..texts import near_links  # learns its vocabulary: not for those who only ask

        for table in ("near_texts", "near_buckets"):
            con.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS FROM main.{table}")
        near_links.relink(con, candidate.likeness)
    before = held["reasons"].copy()
    columns, _ = verdicts.candidate(con, held, candidate)
    rows = np.flatnonzero((before == 0) != (columns["reasons"] == 0))
    return columns, Changed(rows, before[rows], columns["reasons"][rows])


_UNREAD = """SELECT 1 FROM examples ANTI JOIN (SELECT analysis_key FROM analysis WHERE analyser = $analyser)
             USING (analysis_key) WHERE analysis_key IS NOT NULL"""


def _reasons(changed: Changed) -> list[dict[str, Any]]:
    """What moves by the first reason, in the order of the pipeline, that keeps it out on the other side."""
    enters = changed.after == 0
    kinds, counts = np.unique(
        np.stack([~enters, first_reason(changed.before | changed.after)]), axis=1, return_counts=True
    )
    return [
        {"change": "leave" if leaves else "enter", "reason": list(reasons.BIT)[number - 1], "count": count}
        for (leaves, number), count in zip(kinds.T.tolist(), counts.tolist(), strict=True)
    ]


def _shown(
    con: Connection, columns: Columns, changed: Changed, part: slice, *, texts: bool = False
) -> list[dict[str, Any]]:
    """Some of what moves, with the ids of what it is a duplicate of and what supersedes it, and how it begins."""
    rows, before, after = (column[part] for column in changed)
    others = {
        "duplicate_of": columns["duplicate_of"][rows].tolist(),
        "superseded_by": np.where(
            columns["superseded_by"][rows] != 0, columns["superseded_by"][rows], columns["disputed_by"][rows]
        ).tolist(),
    }
    seqs = columns["seq"][rows].tolist()
    wanted = sorted({*seqs, *others["duplicate_of"], *others["superseded_by"]} - {0})
    known = {
        seq: more
        for seq, *more in con.execute(
            f"SELECT seq, example_id{', left(prompt, 200)' if texts else ''} FROM examples {AMONG}", {"seqs": wanted}
        ).fetchall()
    }
    return [
        {
            "example_id": known[seq][0],
            "seq": seq,
            "change": "enter" if now == 0 else "leave",
            "before": reasons.names(then),
            "after": reasons.names(now),
        }
        | {name: known[other[n]][0] if other[n] else None for name, other in others.items()}
        | ({"prompt": known[seq][1]} if texts else {})
        for n, (seq, then, now) in enumerate(zip(seqs, before.tolist(), after.tolist(), strict=True))
    ]
