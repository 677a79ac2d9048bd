"""What the tables answer: review queue, statistics, one example with its verdict, the training set."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from events import tags as tags_
from events.errors import InputError

from ..policy.policy import RELEVANCE
from ..store.checkpoint import checkpoint
from ..store.database import AMONG, Connection, among, first
from ..tables import awaited, policies
from ..tables.examples import id_key, known
from ..tables.quarantine import SUBJECT_ID
from ..texts.analysis import terms
from ..verdicts.counters import Counts
from ..verdicts.memory import Reader
from ..verdicts.reasons import BIT, OF_STAGE, QUEUE, causes, names
from ..verdicts.stored import SOME
from . import conversations, likeness, personal_data, signs
from .selection import Matches, arranged, at_stage, both, count, in_place, named, newest, oldest

PAGE = 1_000
"""Rows in one answer at most; more is asked for page by page."""


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


def funnel(counts: Counts) -> dict[str, Any]:
    """From captured to unique: how many are left after each stage, and how many each reason took away.

    An example that fails for several reasons is counted under the first in the order of the pipeline.
    """
    kinds = {tally.key: tally.total for tally in counts.by("kind")}
    lost = {tally.key: tally.total for tally in counts.by("reason")}
    total = sum(kinds.values())
    filtered = total - sum(n for name, n in lost.items() if name and BIT[name] & OF_STAGE["filters"])
    approved = filtered - sum(n for name, n in lost.items() if name and BIT[name] & OF_STAGE["approval"])
    return {
        "captured": kinds.get("capture", 0),
        "corrections": kinds.get("correction", 0),
        "lost": {name: lost[name] for name in BIT if name in lost},
        "filtered": filtered,
        "approved": approved,
        "unique": lost.get("", 0),
    }


def stats(reader: Reader) -> dict[str, Any]:
    """The numbers of the dashboard, all of one moment."""
    counts = reader.columns.counts
    numbers = funnel(counts)
    sources, tags = counts.by("source"), counts.by("tag")
    relevance = {tally.key: tally.total for tally in counts.by("relevance")}
    queue = sum(tally.total for tally in counts.by("queue") if tally.key)
    con = reader.con
    feedback = dict(con.execute("SELECT feedback, count(*) FROM feedback GROUP BY ALL").fetchall())
    decisions = dict(con.execute("SELECT decision, count(*) FROM decisions GROUP BY ALL").fetchall())
    return {
        "total": numbers["captured"] + numbers["corrections"],
        "training_goal": reader.policy.training.goal,
        "funnel": numbers,
        "by_source": [
            {"source": s, "total": n, "in_training": t, "high_value": s in _HIGH_VALUE} for s, n, t, _ in sources
        ],
        "relevance": {name: relevance.get(name, 0) for name in reversed(RELEVANCE)},
        "tags": [{"tag": tag, "total": n, "in_training": t} for tag, n, t, _ in tags[:TAGS]],
        "feedback": {name: feedback.get(name, 0) for name in ("positive", "negative")},
        "decisions": {name: decisions.get(name, 0) for name in ("approved", "rejected")},
        "review_queue": queue,
        "checkpoint": checkpoint(con).seq,
    }


TAGS = 100
"""Tags that the statistics tell, the most frequent ones."""

_HIGH_VALUE = ("user_correction", "verified_correction", "spec_interpretation")


def page(reader: Reader, filters: dict[str, Any], began: tuple[int, int], limit: int) -> list[tuple[int, int]]:
    """What waits behind a place and sequence, as (place, seq) in the order of the queue.

    Filters are `place`, `sign` and those of `selection.named`.
    """
    columns, below = reader.columns, reader.policy.review.new_topic_below
    fits = fitting(reader, filters)
    rows: list[tuple[int, int]] = []
    for place in sorted(QUEUE):  # place by place, until there are enough
        if place < began[0] or len(rows) == limit or filters.get("place", place) != place:
            continue
        wanted = both(in_place(columns, place, below), fits)
        top = began[1] if place == began[0] else None
        rows += [(place, seq) for seq in newest(columns, wanted, top, limit - len(rows))]
    return rows


def sorted_page(
    reader: Reader, filters: dict[str, Any], sort: str, began: tuple[int, int], limit: int
) -> tuple[list[tuple[int, int]], str | None]:
    """What waits, as (place, seq) in another order than that of the queue, and the cursor to go on from."""
    columns, below = reader.columns, reader.policy.review.new_topic_below
    place = filters.get("place")
    waits = at_stage(columns, "waiting") if place is None else in_place(columns, place, below)
    rows = arranged(columns, both(waits, fitting(reader, filters)), sort, began, limit)
    seqs = [seq for _, seq in rows]
    places: dict[int, int] = {}
    for number in QUEUE:
        is_in = in_place(columns, number, below)
        for seq, row in zip(seqs, np.searchsorted(columns["seq"][: columns.published], seqs).tolist(), strict=True):
            if is_in(slice(row, row + 1))[0]:
                places[seq] = number
    return [(places[seq], seq) for seq in seqs], cursor(rows, limit)


def matching(reader: Reader, filters: dict[str, Any]) -> int:
    """How many examples in the queue match filters; from the tallies where they count it."""
    columns, below = reader.columns, reader.policy.review.new_topic_below
    counts = columns.counts
    match list(filters):
        case []:
            return sum(counts.places(below).values())
        case ["place"]:
            return counts.places(below).get(filters["place"], 0)
        case ["source" | "project" | "tag" as dimension]:
            return counts.of(dimension, filters[dimension]).waiting
    place = filters.get("place")
    waits = at_stage(columns, "waiting") if place is None else in_place(columns, place, below)
    return count(columns, both(waits, fitting(reader, filters)))


def fitting(reader: Reader, filters: dict[str, Any]) -> Matches:
    """What matches filters of the queue, whatever its place. Raises InputError for an unknown sign or example."""
    names = {name: value for name, value in filters.items() if name not in ("place", "sign", "like")}
    fits = named(reader.columns, **names)
    if filters.get("like"):
        fits = both(fits, likeness.like(reader.columns, filters["like"]))
    sign, below = filters.get("sign"), reader.policy.review.new_topic_below
    return fits if sign is None else both(fits, signs.having(reader.columns, sign, below))


def queue(
    reader: Reader,
    *,
    limit: int = 20,
    tag: str | None = None,
    source: str | None = None,
    why: str | None = None,
    sign: str | None = None,
    since: str | None = None,
    until: str | None = None,
    sort: str | None = None,
    after: str | None = None,
) -> dict[str, Any]:
    """What waits for a reviewer, most urgent first, each with the reason for its place and the revision to decide on.

    `after` goes on, None at the end. `sort` is another order, of `selection.SORTS`.

    An unapproved example with a tag of which the training set holds fewer than the policy's `new_topic_below` is a new
    topic. `because` tells the reasons in words, and `sign` is as in `review_queue.waiting`.
    """
    limit = max(0, min(limit, PAGE))
    numbers = {name: number for number, name in QUEUE.items()}
    tag = tag and meant(reader, tag)
    given = {"tag": tag, "source": source, "place": numbers.get(why, 0) if why else None, "sign": sign}
    given |= {"since": since, "until": until}
    filters = {name: value for name, value in given.items() if value is not None}
    counts, began, total = by_reason(reader), place_of(after), matching(reader, filters)
    if sort is None:
        rows = page(reader, filters, began, limit)
        goes_on = cursor(rows, limit)
    else:
        rows, goes_on = sorted_page(reader, filters, sort, began, limit)
    few = thin_tags(reader)
    shown = _examples(reader.con, [seq for _, seq in rows])
    below = reader.policy.review.new_topic_below
    items = [
        {"why": QUEUE[place], "because": because(place, few.intersection(shown[seq]["tags"]), below, shown[seq])}
        | shown[seq]
        for place, seq in rows
    ]
    return {
        "total": total,
        "by_reason": counts,
        "items": items,
        "after": goes_on,
        "checkpoint": checkpoint(reader.con).seq,
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


def thin_tags(reader: Reader) -> set[str]:
    """The tags of which the training set has too few examples."""
    is_thin = reader.columns.counts.thin(reader.policy.review.new_topic_below)
    names = reader.columns.tag_sets.tags.values
    return {names[tag] for tag in np.flatnonzero(is_thin).tolist()}


def by_reason(reader: Reader) -> dict[str, int]:
    """How many wait for each reason, the most urgent first."""
    places = reader.columns.counts.places(reader.policy.review.new_topic_below)
    return {name: places.get(number, 0) for number, name in QUEUE.items()}


def because(place: int, thin_tags: Iterable[str], below: int, example: dict[str, Any]) -> list[str]:
    """Why an example has its place in the queue, in words: the place's own reason first."""
    reasons = {
        1: "a correction is always reviewed"
        if example["kind"] == "correction"
        else f"it was approved, and {example['superseded_by']} disputes it",
        2: f"somebody gave it a thumbs down{' after it was ' + example['decision'] if example['decision'] else ''}",
        3: f"the training set has fewer than {below} examples of {', '.join(sorted(thin_tags))}",
    }
    because = [reasons[place]] if place in reasons else []
    if example["decision"] == "approved" and example["approval"] is None and example["context"]:
        because.append("it was approved before its conversation became another")
    if example["contradicts"]:
        because.append(f"its answer and that of {example['contradicts']} contradict each other")
    private = sorted({*example["personal_data"], *example["more_personal_data"]})
    if private:
        because.append(f"personal data: {plain(private)}")
    if example["flags"]:
        because.append(f"to look at: {plain(example['flags'])}")
    if example["approval"] is None and example["is_borderline"]:
        because.append("its relevance is close to the threshold")
    return because or ["nobody has approved it yet"]


def plain(names: Iterable[str]) -> str:
    """Names of kinds as people write them."""
    return ", ".join(names).replace("_", " ")


def show(con: Connection, *, example_id: str) -> dict[str, Any] | None:
    """One example with its verdict and every reason; None where the tables hold no such id.

    An id under which another store knew a correction leads to that correction.
    """
    alias = {}
    row = first(con, "SELECT seq FROM examples WHERE id_key = ?", [id_key(example_id).hex()])
    if row is None:
        row = first(con, "SELECT seq FROM examples WHERE list_contains(aliases, ?) LIMIT 1", [example_id])
        alias = {"alias": example_id}
    if row is None:
        return None
    example = _examples(con, [row[0]])[row[0]]
    key, reason = con.execute("SELECT analysis_key, reason FROM examples WHERE seq = ?", row).fetchall()[0]
    own = (row[0], example["actor"], reason) if reason else None
    example["found"] = personal_data.found(con, example["example_id"], key)
    example["comments"] = personal_data.comments(con, example["example_id"], own)
    turns = conversations.earlier(con, row[0], example["root"]) if example["turns"] else []
    return example | {"earlier": turns} | alias


def whole(con: Connection, *, ids: list[str]) -> list[dict[str, Any]]:
    """Some examples in full with their verdicts, in the order of the ids; those that are not known are left out."""
    seqs = known(con, ids)
    shown = _examples(con, list(seqs.values()))
    return [shown[seqs[example_id]] for example_id in ids if example_id in seqs]


def sequences(con: Connection, *, ids: list[str]) -> dict[str, int]:
    """The sequences of those of some examples that the log holds or held."""
    return known(con, ids)


def tagged(reader: Reader, *, tag: str, limit: int = PAGE, after: int = 0) -> dict[str, Any]:
    """What one tag would approve in bulk: every example of it in the review queue, with its revision.

    In the order of the log; `after` goes on, None at the end.
    """
    columns = reader.columns
    tag, limit = meant(reader, tag), max(1, min(limit, PAGE))
    seqs = oldest(columns, both(at_stage(columns, "waiting"), named(columns, tag=tag)), after, limit)
    total = columns.counts.of("tag", tag).waiting
    shown = _examples(reader.con, seqs)
    goes_on = seqs[-1] if len(seqs) == limit else None
    return {"items": [shown[seq] for seq in seqs], "total": total, "after": goes_on}


def tags(reader: Reader, *, limit: int = PAGE, after: int = 0) -> dict[str, Any]:
    """The tags by how many examples have each, the most frequent first; `after` so many goes on, None at the end."""
    tallies = [tally for tally in reader.columns.counts.by("tag") if tally.key]
    limit = max(1, min(limit, PAGE))
    shown = tallies[after : after + limit]
    return {
        "total": len(tallies),
        "items": [{"tag": t.key, "total": t.total, "in_training": t.in_training, "waiting": t.waiting} for t in shown],
        "after": after + limit if after + limit < len(tallies) else None,
    }


def called(reader: Reader, *, tag: str, limit: int = PAGE, after: int = 0) -> dict[str, Any]:
    """A page of the examples with a tag, as it is written, each with its revision, and how many have it.

    In the order of the log; `after` goes on, None at the end.
    """
    columns = reader.columns
    tag, limit = meant(reader, tag), max(1, min(limit, PAGE))
    wanted = both(named(columns, tag=tag), lambda part: ~columns["is_erased"][part])
    total = count(columns, wanted)
    seqs = oldest(columns, wanted, after, limit)
    rows = (
        reader.con.execute(f"SELECT {', '.join(_SAID)} FROM ({SOME}) ORDER BY seq", {"seqs": seqs}).fetchall()
        if seqs
        else []
    )
    seen = revisions(reader.con, rows)
    return {
        "tag": tag,
        "total": total,
        "items": [{"example_id": row[0], "revision": seen[row[0]]} for row in rows],
        "after": seqs[-1] if len(seqs) == limit else None,
    }


def meant(reader: Reader, tag: str) -> str:
    """The tag as examples have it: as it is given, or else as the policy calls it."""
    return tag if tag in reader.columns.tag_sets.tags.numbers else reader.policy.tag_name(tags_.normal(tag))


def _examples(con: Connection, seqs: list[int]) -> dict[int, dict[str, Any]]:
    """Examples in full, by sequence."""
    if not seqs:
        return {}
    result = con.execute(
        f"""SELECT e.example_id, e.kind, strftime(e.occurred_at, '%Y-%m-%dT%H:%M:%S.%fZ') AS occurred_at, e.actor,
            e.source, e.prompt, e.response, e.original_response, e.original_prompt, v.project_context, v.tags,
            e.skill_used, e.tier_handled, e.latency_ms, e.tokens_in, e.tokens_out, e.document_type, e.was_used,
            e.modifications_made, e.details, e.conversation, e.follows, e.system, e.tools, e.attachments,
            e.finish_reason, e.model, e.corrects, e.reason AS correction_reason, e.corrector, e.aliases,
            v.score, v.relevance, v.personal_data, v.more_personal_data, v.flags, v.feedback, v.decision,
            NULL AS reviewer, NULL AS decision_reason, v.approval,
            CASE WHEN v.reasons & {BIT["superseded_by"]} > 0 THEN coalesce(v.superseded_by, v.disputed_by) END
            AS superseded_by, v.duplicate_of, v.contradicts, v.is_borderline, v.cluster, v.reasons, v.queue,
            v.include_in_training, v.turns, v.root, v.context_key AS context, v.causes, 0 AS revision, v.seq,
            v.feedback_seq, v.decision_seq
        FROM {among("examples")} e JOIN ({SOME}) v USING (seq)""",
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
    beside = personal_data.elsewhere(con, [example["example_id"] for example in examples])
    seen = revisions(con, [tuple(example[name] for name in _SAID) for example in examples])
    others = {example[name] for example in examples for name in ("duplicate_of", "contradicts")} - {None}
    ids = dict(
        con.execute(f"SELECT seq, example_id FROM examples {AMONG}", {"seqs": list(others)}).fetchall()
        if others
        else []
    )
    by_seq = {}
    lexicon = policies.current(con).lexicon
    for example in examples:
        example["revision"] = seen[example["example_id"]]
        example["personal_data_elsewhere"] = beside.get(example["example_id"], [])
        del example["feedback_seq"]
        example["reviewer"], example["decision_reason"] = reviewers.get(example.pop("decision_seq"), (None, None))
        example["details"] = json.loads(example["details"]) if example["details"] else {}
        example |= {name: json.loads(example[name] or "[]") for name in ("tools", "attachments")}
        example["terms"] = terms(example["prompt"] or "", example["response"], lexicon)
        example["queue"] = QUEUE.get(example["queue"])
        example["incomplete"] = causes(example.pop("causes"))
        if not example["turns"]:
            example["context"] = None
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
            UNION ALL SELECT example_id, seq FROM restatements
            UNION ALL SELECT example_id, seq FROM descriptions
            UNION ALL SELECT example_id, seq FROM notes
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
