"""What the tables answer: review queue, statistics, one example with its verdict, the training set."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgspec

from events.errors import InputError

from ..policy.policy import RELEVANCE, Policy, Relevance
from ..store.checkpoint import checkpoint
from ..store.database import AMONG, Connection, first
from ..tables import awaited, policies
from ..tables.examples import id_key
from ..tables.quarantine import SUBJECT_ID
from ..verdicts import verdicts
from ..verdicts.reasons import BIT, FIRST, OF_STAGE, QUEUE, names

PAGE = 1_000
"""Rows in one answer at most; more is asked for page by page."""

NEW_TOPIC = next(number for number, name in QUEUE.items() if name == "new_topic")


def status(con: Connection) -> dict[str, Any]:
    """Where the tables stand, what is in quarantine, and what waits for an example that has not arrived."""
    now = checkpoint(con)
    return {
        "checkpoint": now.seq,
        "log_digest": now.log_digest.hex(),
        "policy_digest": policies.current(con).digest,
        "examples": _one(con, "SELECT count(*) FROM examples")[0],
        "quarantined": dict(
            con.execute("SELECT category, count(*) FROM quarantine GROUP BY ALL ORDER BY 1").fetchall()
        ),
        "waiting_for_example": awaited.waiting(con),
    }


def funnel(con: Connection, relation: str | None = None) -> dict[str, Any]:
    """From captured to unique: how many are left after each stage, and how many each reason took away.

    Of the verdicts that hold, or of a relation of others. An example that fails for several reasons is counted under
    the first in the order of the pipeline.
    """
    counted = "SELECT key, total FROM tallies WHERE dimension = '{0}'" if relation is None else (
        f"SELECT ({{1}})::VARCHAR, count(*) FROM {relation} GROUP BY ALL"
    )  # fmt: skip
    kinds = dict(con.execute(counted.format("kind", "kind")).fetchall())
    lost = {int(bit): count for bit, count in con.execute(counted.format("reason", FIRST)).fetchall()}
    total = sum(kinds.values())
    filtered = total - sum(count for bit, count in lost.items() if bit & OF_STAGE["filters"])
    approved = filtered - sum(count for bit, count in lost.items() if bit & OF_STAGE["approval"])
    return {
        "captured": kinds.get("capture", 0),
        "corrections": kinds.get("correction", 0),
        "lost": {name: lost[bit] for name, bit in BIT.items() if bit in lost},
        "filtered": filtered,
        "approved": approved,
        "unique": lost.get(0, 0),
    }


def stats(con: Connection) -> dict[str, Any]:
    """The numbers of the dashboard, all of one moment."""
    policy = policies.current(con)
    numbers = funnel(con)
    sources, tags = (_tally(con, dimension) for dimension in ("source", "tag"))
    relevance = {name: total for name, total, _ in _tally(con, "relevance")}
    feedback = dict(con.execute("SELECT feedback, count(*) FROM feedback GROUP BY ALL").fetchall())
    decisions = dict(con.execute("SELECT decision, count(*) FROM decisions GROUP BY ALL").fetchall())
    return {
        "total": numbers["captured"] + numbers["corrections"],
        "training_goal": policy.training.goal,
        "funnel": numbers,
        "by_source": [
            {"source": s, "total": n, "in_training": t, "high_value": s in _HIGH_VALUE} for s, n, t in sources
        ],
        "relevance": {name: relevance.get(name, 0) for name in reversed(RELEVANCE)},
        "tags": [{"tag": tag, "total": n, "in_training": t} for tag, n, t in tags[:TAGS]],
        "feedback": {name: feedback.get(name, 0) for name in ("positive", "negative")},
        "decisions": {name: decisions.get(name, 0) for name in ("approved", "rejected")},
        "review_queue": sum(total for place, total, _ in _tally(con, "queue") if place != "0"),
        "checkpoint": checkpoint(con).seq,
    }


def tallied(con: Connection, dimension: str, key: str) -> int:
    """How many wait of one kind."""
    known = first(con, "SELECT waiting FROM tallies WHERE dimension = ? AND key = ?", [dimension, key])
    return known[0] if known else 0


def _tally(con: Connection, dimension: str) -> list[tuple[str, int, int]]:
    """Key, total and how many are in the training set, the most frequent first."""
    return con.execute(
        "SELECT key, total, in_training FROM tallies WHERE dimension = ? ORDER BY total DESC, key", [dimension]
    ).fetchall()


TAGS = 100
"""Tags that the statistics tell, the most frequent ones."""

_HIGH_VALUE = ("user_correction", "verified_correction", "spec_interpretation")


WAITING = """(
    SELECT q.seq, q.source, q.project_context, CASE WHEN n.seq IS NOT NULL THEN 3 ELSE q.place END AS place
    FROM queued q LEFT JOIN new_topics n USING (seq))"""
"""The relation of everything in the queue with its `place`."""

_FILTERS = {"place": "place", "source": "source", "project": "project_context"}
"""The columns of what is filtered by, beside the tag."""


def waiting(filters: dict[str, Any]) -> str:
    """What of WAITING matches filters (`place`, `source`, `project`, `tag`), as a FROM with its condition."""
    wanted = [f"{column} = ${name}" for name, column in _FILTERS.items() if name in filters]
    return f"FROM {WAITING} {_TAGGED if 'tag' in filters else ''} WHERE {' AND '.join(wanted) or 'true'}"


_TAGGED = "SEMI JOIN (SELECT seq FROM queued_tags WHERE tag = $tag) USING (seq)"


def page(
    con: Connection, filters: dict[str, Any], began: tuple[int, int], limit: int, counts: dict[str, int]
) -> tuple[list[tuple[int, int]], int]:
    """What waits behind a place and sequence, as (place, seq) in the order of the queue, and how many match in all.

    `counts` are those of `by_reason`.
    """
    rows: list[tuple[int, int]] = []
    conditions = [f"{column} = ${name}" for name, column in _FILTERS.items() if name in filters and name != "place"]
    values = {name: value for name, value in filters.items() if name != "place"}
    tagged = _TAGGED if "tag" in filters else ""
    for place in sorted(QUEUE):  # place by place, until there are enough
        if place < began[0] or len(rows) == limit or filters.get("place", place) != place:
            continue
        join, wanted = ("SEMI", conditions) if place == NEW_TOPIC else ("ANTI", [f"place = {place}", *conditions])
        wanted = [*wanted, f"seq < {began[1]}"] if place == began[0] else wanted
        waiting_seqs = con.execute(
            f"""SELECT seq FROM queued {join} JOIN new_topics USING (seq) {tagged}
                WHERE {" AND ".join(wanted) or "true"} ORDER BY seq DESC LIMIT {limit - len(rows)}""",
            values,
        )
        rows += [(place, seq) for (seq,) in waiting_seqs.fetchall()]
    return rows, _matching(con, filters, counts)


def _matching(con: Connection, filters: dict[str, Any], counts: dict[str, int]) -> int:
    """How many examples in the queue match filters; from the tallies where they count it."""
    match list(filters):
        case []:
            return sum(counts.values())
        case ["place"]:
            return counts.get(QUEUE.get(filters["place"], ""), 0)
        case ["source" | "project" | "tag" as dimension]:
            return tallied(con, dimension, filters[dimension])
    return int(_one(con, f"SELECT count(*) {waiting(filters)}", filters)[0])


def queue(
    con: Connection,
    *,
    limit: int = 20,
    tag: str | None = None,
    source: str | None = None,
    why: str | None = None,
    after: str | None = None,
) -> dict[str, Any]:
    """What waits for a reviewer, most urgent first, each with the reason for its place and the revision to decide on.

    `after` goes on, None at the end.

    An unapproved example with a tag of which the training set holds fewer than the policy's `new_topic_below` is a new
    topic. `because` tells the reasons in words.
    """
    limit = max(0, min(limit, PAGE))
    numbers = {name: number for number, name in QUEUE.items()}
    given = {"tag": tag, "source": source, "place": numbers.get(why, 0) if why else None}
    filters = {name: value for name, value in given.items() if value is not None}
    counts = by_reason(con)
    rows, total = page(con, filters, place_of(after), limit, counts)
    seqs = [seq for _, seq in rows]
    new = [seq for place, seq in rows if place == NEW_TOPIC]
    below, thin = _thin(con, new) if new else (0, {})
    shown = _examples(con, seqs)
    items = [
        {"why": QUEUE[place], "because": because(place, thin.get(seq, []), below, shown[seq])} | shown[seq]
        for place, seq in rows
    ]
    return {
        "total": total,
        "by_reason": counts,
        "items": items,
        "after": cursor(rows, limit),
        "checkpoint": checkpoint(con).seq,
    }


def cursor(rows: list[tuple[int, int]], limit: int) -> str | None:
    """Where to go on behind a page of (place, seq); None where it is not full."""
    return f"{rows[-1][0]}.{rows[-1][1]}" if rows and len(rows) == limit else None


def place_of(after: str | None) -> tuple[int, int]:
    """The two numbers of a cursor, both 0 for none. Raises InputError."""
    if after is None:
        return 0, 0
    place, _, seq = after.partition(".")
    if not (place.isdecimal() and seq.isdecimal()):
        raise InputError(f"after = {after!r}: take it from the page before")
    return int(place), int(seq)


def _thin(con: Connection, seqs: list[int]) -> tuple[int, dict[int, list[str]]]:
    """How many examples of a tag are enough, and the tags of some new topics that have fewer, by sequence."""
    below = policies.current(con).review.new_topic_below
    return below, dict(con.execute(f"SELECT seq, thin_tags FROM new_topics {AMONG}", {"seqs": seqs}).fetchall())


def by_reason(con: Connection) -> dict[str, int]:
    """How many wait for each reason, the most urgent first, from the tallies."""
    counts: dict[int, int] = {}
    for place, count, moved in con.execute(
        """SELECT key::BIGINT, total, 0 FROM tallies WHERE dimension = 'queue'
           UNION ALL SELECT place, 0, count(*) FROM new_topics GROUP BY place"""
    ).fetchall():
        counts[place] = counts.get(place, 0) + count - moved
        counts[NEW_TOPIC] = counts.get(NEW_TOPIC, 0) + moved
    return {name: counts.get(number, 0) for number, name in QUEUE.items()}


def because(place: int, thin_tags: list[str], below: int, example: dict[str, Any]) -> list[str]:
    """Why an example has its place in the queue, in words: the place's own reason first."""
    reasons = {
        1: "a correction is always reviewed"
        if example["kind"] == "correction"
        else f"it was approved, and {example['superseded_by']} disputes it",
        2: f"somebody gave it a thumbs down{' after it was ' + example['decision'] if example['decision'] else ''}",
        3: f"the training set has fewer than {below} examples of {', '.join(thin_tags)}",
    }
    because = [reasons[place]] if place in reasons else []
    if example["contradicts"]:
        because.append(f"its answer and that of {example['contradicts']} contradict each other")
    if example["personal_data"]:
        because.append(f"personal data: {', '.join(example['personal_data'])}")
    if example["flags"]:
        because.append(f"to look at: {', '.join(example['flags'])}")
    if example["approval"] is None and example["is_borderline"]:
        because.append("its relevance is close to the threshold")
    return because or ["nobody has approved it yet"]


def show(con: Connection, *, example_id: str) -> dict[str, Any] | None:
    """One example with its verdict and every reason; None where the tables hold no such id.

    An id under which another store knew a correction leads to that correction.
    """
    alias = {}
    row = first(con, "SELECT seq FROM examples WHERE id_key = ?", [id_key(example_id).hex()])
    if row is None:
        row = first(con, "SELECT seq FROM examples WHERE list_contains(aliases, ?) LIMIT 1", [example_id])
        alias = {"alias": example_id}
    return None if row is None else _examples(con, [row[0]])[row[0]] | alias


def tagged(con: Connection, *, tag: str, limit: int = PAGE, after: int = 0) -> dict[str, Any]:
    """What one tag would approve in bulk: every example of it in the review queue, with its revision.

    In the order of the log; `after` goes on, None at the end.
    """
    rows = con.execute(
        "SELECT seq FROM queued_tags WHERE tag = ? AND seq > ? ORDER BY seq LIMIT ?", [tag, after, limit]
    ).fetchall()
    seqs = [seq for (seq,) in rows]
    shown = _examples(con, seqs)
    return {"items": [shown[seq] for seq in seqs], "after": seqs[-1] if seqs and len(seqs) == limit else None}


def training_set(con: Connection, *, min_relevance: Relevance | None = None) -> tuple[dict[str, Any], str]:
    """The funnel to the training set, and the relation that holds its verdicts in this connection.

    Another `min_relevance` than the policy's judges every example anew, for this connection only.
    """
    policy = policies.current(con)
    if min_relevance in (None, policy.filters.min_relevance):
        return funnel(con), "verdicts"
    filters = msgspec.structs.replace(policy.filters, min_relevance=min_relevance)
    candidate: Policy = msgspec.structs.replace(policy, filters=filters)
    relation = verdicts.candidate(con, candidate)
    return funnel(con, "judged"), relation


def _examples(con: Connection, seqs: list[int]) -> dict[int, dict[str, Any]]:
    """Examples in full, by sequence."""
    if not seqs:
        return {}
    result = con.execute(
        f"""SELECT e.example_id, e.kind, strftime(e.occurred_at, '%Y-%m-%dT%H:%M:%S.%fZ') AS occurred_at, e.actor,
            e.source, e.prompt, e.response, e.original_response, e.project_context, v.tags, e.skill_used,
            e.tier_handled, e.latency_ms, e.tokens_in, e.tokens_out, e.document_type, e.was_used, e.modifications_made,
            e.details, e.corrects, e.reason AS correction_reason, e.corrector, e.aliases, v.score, v.relevance, v.terms,
            v.personal_data, v.flags, v.feedback, v.decision, NULL AS reviewer, NULL AS decision_reason, v.approval,
            CASE WHEN v.reasons & {BIT["superseded_by"]} > 0 THEN coalesce(v.superseded_by, v.disputed_by) END
            AS superseded_by, v.duplicate_of, v.contradicts, v.is_borderline, v.cluster, v.reasons, v.queue,
            0 AS revision, v.seq, v.feedback_seq, v.decision_seq
        FROM (SELECT * FROM examples {AMONG}) e JOIN (SELECT * FROM verdicts {AMONG}) v USING (seq)""",
        {"seqs": seqs},
    )
    names = [column[0] for column in result.description]
    examples = [dict(zip(names, row, strict=True)) for row in result.fetchall()]
    # In statements of their own: in one, DuckDB takes the few for many and reads every decision.
    decided = [example["decision_seq"] for example in examples if example["decision_seq"] is not None]
    decisions = (
        con.execute(f"SELECT seq, actor, reason FROM decisions {AMONG}", {"seqs": decided}).fetchall()
        if decided
        else []
    )
    reviewers = {seq: decision for seq, *decision in decisions}
    seen = revisions(con, [tuple(example[name] for name in _SAID) for example in examples])
    others = {example[name] for example in examples for name in ("duplicate_of", "contradicts")} - {None}
    ids = dict(
        con.execute(f"SELECT seq, example_id FROM examples {AMONG}", {"seqs": list(others)}).fetchall()
        if others
        else []
    )
    by_seq = {}
    for example in examples:
        example["revision"] = seen[example["example_id"]]
        del example["feedback_seq"]
        example["reviewer"], example["decision_reason"] = reviewers.get(example.pop("decision_seq"), (None, None))
        example["details"] = json.loads(example["details"]) if example["details"] else {}
        example["queue"] = QUEUE.get(example["queue"])
        example |= {name: ids.get(example[name]) for name in ("duplicate_of", "contradicts")}
        example["verdict"] = _verdict(example)
        by_seq[example.pop("seq")] = example
    return by_seq


def revisions(con: Connection, rows_of_verdicts: Sequence[Said]) -> dict[str, int]:
    """By example id, the last sequence on its subject, also of a message in quarantine.

    A verdict has the sequences of the last feedback and of the last decision, unless that was taken back.
    """
    known = {
        example_id: max(seq if kind == "capture" else 0, feedback_seq or 0, decision_seq or 0)
        for example_id, kind, seq, feedback_seq, decision_seq in rows_of_verdicts
    }
    rows = con.execute(
        f"""SELECT example_id, max(seq) FROM (
            SELECT example_id, seq FROM decisions WHERE decision = 'reopened'
            UNION ALL SELECT example_id, seq FROM redactions
            UNION ALL SELECT example_id, seq FROM erasures
            UNION ALL SELECT coalesce(corrects, example_id) AS example_id, seq FROM corrections
            UNION ALL SELECT {SUBJECT_ID} AS example_id, seq FROM quarantine)
            SEMI JOIN (SELECT unnest($ids::VARCHAR[]) AS example_id) USING (example_id)
            GROUP BY example_id""",
        {"ids": list(known)},
    ).fetchall()
    return known | {example_id: max(seq, known[example_id]) for example_id, seq in rows}


Said = tuple[str, str, int, int | None, int | None]
_SAID = ("example_id", "kind", "seq", "feedback_seq", "decision_seq")
"""What a verdict knows of what was said about an example."""


def _verdict(example: dict[str, Any]) -> dict[str, Any]:
    """The verdict in the words of the pipeline; `superseded_by` and `duplicate_of` name the other example."""
    reasons = []
    for name in names(example.pop("reasons")):
        other_id = example.get(name) if name in ("superseded_by", "duplicate_of") else None
        reasons.append(f"{name} {other_id}" if other_id else name)
    return {"in_training": not reasons, "reasons": reasons}


def _one(con: Connection, statement: str, parameters: dict[str, Any] | None = None) -> tuple[Any, ...]:
    row = first(con, statement, parameters)
    if row is None:
        raise LookupError(statement)
    return row
