"""Coverage: what a decision on many would cover, page by page, and what it would change in the training set."""

from __future__ import annotations

import operator
from bisect import bisect_right
from typing import Any, Literal

from events.errors import InputError

from ..store.checkpoint import checkpoint
from ..tables.examples import id_key
from ..verdicts.columns import Columns
from ..verdicts.judgement import APPROVED, CORRECTION, NEGATIVE, REJECTED
from ..verdicts.memory import Reader
from ..verdicts.stored import SOME
from . import examples, foreseen
from .review_queue import PAGE, PLACES, SEARCHED, beginnings, of_reason, of_stage, search
from .selection import Mask, Matches, both, in_place, named, newest

Doing = Literal["approve", "reject", "reopen", "exclude", "include", "tag", "untag", "move"]
"""What is to be done with many examples: the last three with a tag that they get or lose, or with their project."""

_DECISIONS = {"approve": APPROVED, "reject": REJECTED, "reopen": 0}

_CHANGES: dict[str, dict[str, int]] = {
    **{doing: {"decision": decision, "decision_context": 0} for doing, decision in _DECISIONS.items()},
    "exclude": {"include_in_training": False},
    "include": {"include_in_training": True},
}
"""What becomes of the columns of the evidence."""


def covered(
    reader: Reader,
    *,
    doing: Doing = "approve",
    value: str | None = None,
    ids: list[str] | None = None,
    why: str | None = None,
    sign: str | None = None,
    stage: str | None = None,
    reason: str | None = None,
    relevance: str | None = None,
    source: str | None = None,
    project: str | None = None,
    tag: str | None = None,
    since: str | None = None,
    until: str | None = None,
    text: str | None = None,
    plain: bool = False,
    seen: int | None = None,
    limit: int = PAGE,
    after: int | None = None,
) -> dict[str, Any]:
    """What a decision on many would cover: each with its revision, and what a reviewer would want to look at.

    `value` is the tag to give or take, or the project. `ids` or the filters of the lists say which; without a `stage`
    or `ids`, an approval and a rejection cover what waits, and `any` stands for all. What is so already is left out,
    and what was erased; where all is to be `plain`, also what needs a look. The newest first; `after` goes on, None at
    the end. The first page foresees the `effect` of a decision or exclusion. Of what somebody spoke about after the
    checkpoint `seen` it only counts how many `changed`. Raises InputError for an unknown name, and where words are
    looked for in too many examples.
    """
    tag = None if tag is None else examples.meant(reader, tag)
    value = examples.meant(reader, value) if value is not None and doing != "move" else value
    place = PLACES.get(why, 0) if why else None
    names = {"source": source, "project": project, "tag": tag, "relevance": relevance, "since": since, "until": until}
    wanted = both(
        examples.fitting(reader, names if sign is None else names | {"sign": sign}),
        _in_place(reader, place),
        of_reason(reader.columns, reason),
        of_stage(reader, _meant_stage(stage, doing, ids)),
        _undone(reader.columns, doing, value),
        _plain(reader.columns) if plain else named(reader.columns),
    )
    seqs = _among(reader.columns, wanted, ids)
    changes = _CHANGES.get(doing)
    effect = None if after is not None or changes is None else foreseen.effects(reader, seqs, changes)
    if text:
        seqs = _holding(reader, seqs, text)
    start = 0 if after is None else bisect_right(seqs, -after, key=operator.neg)
    limit = max(1, min(limit, PAGE))
    page = seqs[start : start + limit]
    items = _items(reader, page)
    kept = [item for item in items if seen is None or item["revision"] <= seen]
    return {
        "items": kept,
        "changed": len(items) - len(kept),
        "total": len(seqs),
        "effect": effect(seqs) if effect else None,
        "value": value,
        "after": page[-1] if start + limit < len(seqs) else None,
        "checkpoint": checkpoint(reader.con).seq,
    }


def _meant_stage(stage: str | None, doing: Doing, ids: list[str] | None) -> str | None:
    if stage is None and ids is None and doing in ("approve", "reject"):
        return "waiting"
    return None if stage == "any" else stage


def _in_place(reader: Reader, place: int | None) -> Matches:
    if place is None:
        return named(reader.columns)
    return in_place(reader.columns, place, reader.policy.review.new_topic_below)


def _undone(columns: Columns, doing: Doing, value: str | None) -> Matches:
    """What is not yet as it is wanted, and still has its text."""
    if doing in _DECISIONS:
        decision = _DECISIONS[doing]

        def lacks(part: slice) -> Mask:
            mask: Mask = columns["decision"][part] != decision
            return mask if decision == 0 else mask | (columns["queue"][part] > 0)

    elif doing in ("exclude", "include"):

        def lacks(part: slice) -> Mask:
            mask: Mask = columns["include_in_training"][part]
            return mask if doing == "exclude" else ~mask

    else:
        if value is None:
            raise InputError(f"say which: `value` is missing for {doing!r}")
        has = named(columns, project=value) if doing == "move" else named(columns, tag=value)

        def lacks(part: slice) -> Mask:
            return has(part) if doing == "untag" else ~has(part)

    return lambda part: lacks(part) & ~columns["is_erased"][part]


def _plain(columns: Columns) -> Matches:
    """What needs no look before many are decided."""

    def matches(part: slice) -> Mask:
        looks: Mask = columns["has_personal_data"][part] | columns["has_more_personal_data"][part]
        looks = looks | columns["has_flags"][part] | (columns["contradicts"][part] != 0)
        looks |= (columns["feedback"][part] == NEGATIVE) | (columns["kind"][part] == CORRECTION)
        return ~(looks | (columns["turns"][part] > 0))

    return matches


def _among(columns: Columns, wanted: Matches, ids: list[str] | None) -> list[int]:
    """The sequences of all that match, the newest first."""
    seqs = newest(columns, wanted, None, columns.published)
    if ids is None:
        return seqs
    rows = columns.by_id([id_key(example_id) for example_id in ids]).values()
    chosen = {int(columns["seq"][row]) for row in rows if row < columns.published}
    return [seq for seq in seqs if seq in chosen]


def _holding(reader: Reader, seqs: list[int], text: str) -> list[int]:
    """Those of some sequences whose texts hold every word. Raises InputError where they are too many."""
    if len(seqs) > SEARCHED:
        raise InputError(
            f"{len(seqs):,} examples match beside the words, and words are looked for in {SEARCHED:,} at most: "
            "filter by tag, source or project too"
        )
    holding, _ = search(reader.con, seqs, text, len(seqs), lambda: False)
    return holding


def _items(reader: Reader, seqs: list[int]) -> list[dict[str, Any]]:
    """Rows of a list with revision and context, and what speaks for a look at each."""
    if not seqs:
        return []
    rows = reader.con.execute(
        f"""SELECT example_id, kind, seq, feedback_seq, decision_seq,
                   list_sort(list_distinct(personal_data || more_personal_data)), flags, contradicts, feedback,
                   CASE WHEN turns > 0 THEN context_key END
            FROM ({SOME}) ORDER BY seq DESC""",
        {"seqs": seqs},
    ).fetchall()
    shown = beginnings(reader.con, seqs)
    seen = examples.revisions(reader.con, [row[:5] for row in rows])
    items = []
    for example_id, kind, seq, _, _, kinds, flags, contradicts, feedback, context in rows:
        looks = [f"personal data: {examples.plain(kinds)}"] if kinds else []
        looks += [f"to look at: {examples.plain(flags)}"] if flags else []
        looks += ["its answer contradicts another one"] if contradicts else []
        looks += ["somebody gave it a thumbs down"] if feedback == "negative" else []
        looks += ["a correction"] if kind == "correction" else []
        looks += ["a turn of a conversation"] if context else []
        items.append(shown[seq] | {"revision": seen[example_id], "context": context, "looks": looks})
    return items
