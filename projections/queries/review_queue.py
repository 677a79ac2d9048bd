"""Review: what a reviewer works through, a page at a time, with filters and a search that never takes long."""

from __future__ import annotations

import operator
import time
from bisect import bisect_right
from collections.abc import Callable
from typing import Any

import numpy as np

from events.errors import InputError
from events.message import conversation_key

from ..store.checkpoint import checkpoint
from ..store.database import Connection, among
from ..tables.examples import id_key
from ..verdicts.columns import Columns
from ..verdicts.counters import Counts
from ..verdicts.memory import Reader
from ..verdicts.reasons import BIT, NEW_TOPIC, QUEUE, names
from ..verdicts.stored import SOME
from . import examples, foreseen, personal_data, signs
from .selection import STAGES, Matches, arranged, at_stage, both, count, in_place, kept_out, named, newest

PAGE = 200
"""Rows in one answer at most."""

BEGINNING = 200
"""Characters of a text that a list shows."""

BEFORE_WORD = 60
"""Characters that a list shows before a word of a search."""

WORDS = 8
"""Words of one search; more are left out."""

RELATED = 20
"""Corrections of an example, and other answers to its question, in one answer."""

WINDOW = 10_000
"""Sequences of the log whose texts are searched in one step."""

SEARCHED = 10 * WINDOW
"""Examples that one search looks through at most."""

SEARCH_SECONDS = 0.01
"""A search answers with what it has found after this, and tells where to go on."""

FACETS = 100
"""Values of a filter that are offered at most."""

PLACES = {name: number for number, name in QUEUE.items()}


def waiting(
    reader: Reader,
    *,
    why: str | None = None,
    sign: str | None = None,
    tag: str | None = None,
    source: str | None = None,
    project: str | None = None,
    like: str | None = None,
    since: str | None = None,
    until: str | None = None,
    text: str | None = None,
    sort: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> dict[str, Any]:
    """A page of the review queue, most urgent first: how each begins, why it is here, and `after` to go on from.

    `why` is the reason for the place, of which each has one; `sign` one of all that speak for a look (SIGNS), and
    `by_sign` counts them. `text` are words that all occur in prompt or response; then `after` may come with few items
    or none, because a search pauses, and `matching` is None: nobody has counted. `sort` is another order, of
    `selection.SORTS`; a search has none. Raises InputError for both.
    """
    _refuse_sorted_search(text, sort)
    place = PLACES.get(why, 0) if why else None
    given = {"tag": tag, "source": source, "project": project, "place": place, "sign": sign}
    given |= {"like": like, "since": since, "until": until}
    filters: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    by_reason, below = examples.by_reason(reader), reader.policy.review.new_topic_below
    by_sign = signs.counted(reader.columns, below)
    limit = max(1, min(limit, PAGE))
    began = examples.place_of(after)
    goes_on: str | None
    matching: int | None = None
    if text:
        rows, last, of = _search_places(reader, filters, text, began, limit)
        goes_on = f"{last[0]}.{last[1]}" if last else None
    else:
        matching = examples.matching(reader, filters)
        if sort is None:
            rows = examples.page(reader, filters, began, limit)
            goes_on = examples.cursor(rows, limit)
        else:
            rows, goes_on = examples.sorted_page(reader, filters, sort, began, limit)
        of = signs.of(reader.columns, [seq for _, seq in rows], below)
    con = reader.con
    shown = beginnings(con, [seq for _, seq in rows], text)
    return {
        "items": [shown[seq] | {"why": QUEUE[place], "signs": of(seq)} for place, seq in rows if seq in shown],
        "matching": matching,
        "total": sum(by_reason.values()),
        "by_reason": by_reason,
        "by_sign": by_sign,
        "after": goes_on,
        "checkpoint": checkpoint(con).seq,
    }


def considered(reader: Reader, *, example_id: str) -> dict[str, Any] | None:
    """One example in full with the reason for its place in the queue; None where the tables hold no such id.

    `after_approval` are the reasons that keep it out also where a reviewer approves it.
    """
    below = reader.policy.review.new_topic_below
    few, left = examples.thin_tags(reader), foreseen.after_approval(reader, example_id)
    example = examples.show(reader.con, example_id=example_id)
    if example is None:
        return None
    example["after_approval"] = left
    if example["queue"] is None:
        return example
    place, thin = PLACES[example["queue"]], []
    if place > NEW_TOPIC and example["approval"] is None:
        thin = [tag for tag in example["tags"] if tag in few]
        place = NEW_TOPIC if thin else place
    return example | {"why": QUEUE[place], "because": examples.because(place, thin, below, example)}


def facets(reader: Reader) -> dict[str, Any]:
    """The sources, projects and tags of the queue with how many wait, the most frequent first: what to filter by."""
    dimensions = {"sources": "source", "projects": "project", "tags": "tag"}
    offered: dict[str, Any] = {}
    for facet, dimension in dimensions.items():
        waits = [tally for tally in reader.columns.counts.by(dimension) if tally.waiting]
        waits.sort(key=lambda tally: (-tally.waiting, tally.key))
        offered[facet] = [{"name": tally.key, "waiting": tally.waiting} for tally in waits[:FACETS]]
    return offered


def selected(
    reader: Reader,
    *,
    actor: str | None = None,
    tag: str | None = None,
    project: str | None = None,
    source: str | None = None,
    conversation: str | None = None,
) -> list[str]:
    """Every example with all of the given names that was not erased, in the order of the log.

    The actor is who captured it, corrected it, or is named as its corrector. Of a conversation are the turns that name
    it, all that belong together with one of them, and their corrections.
    """
    columns = reader.columns
    wanted = named(columns, tag=tag, project=project, source=source)
    if conversation is not None:
        wanted = both(wanted, _of_conversation(columns, conversation))
    seqs = newest(columns, wanted, None, columns.published)
    rows = reader.con.execute(
        """SELECT example_id FROM examples WHERE seq IN (SELECT unnest($seqs::BIGINT[])) AND erased_seq IS NULL
           AND ($actor IS NULL OR actor = $actor OR corrector = $actor) ORDER BY seq""",
        {"seqs": seqs, "actor": actor},
    ).fetchall()
    return [example_id for (example_id,) in rows]


def _of_conversation(columns: Columns, conversation: str) -> Matches:
    key = int(conversation_key(conversation)[:16], 16)
    roots = np.unique(columns["root"][columns["conversation"] == np.uint64(key)])
    return lambda part: np.isin(columns["root"][part], roots)


def found(
    reader: Reader,
    *,
    reason: str | None = None,
    stage: str | None = None,
    source: str | None = None,
    tag: str | None = None,
    project: str | None = None,
    relevance: str | None = None,
    like: str | None = None,
    since: str | None = None,
    until: str | None = None,
    text: str | None = None,
    sort: str | None = None,
    before: int | None = None,
    after: str | None = None,
    limit: int = 50,
) -> dict[str, Any]:
    """A page of examples, the newest first: all, or those that one reason keeps out, that are trained on, or wait.

    `reason` is the first one in the order of the pipeline, as the funnel counts; `stage` is training, waiting, filtered
    or approved, the latter two as after those stages of the funnel, or private: with personal data anywhere.
    `text` pauses as in `waiting`; go on with `before`, in another `sort` with `after`. Raises InputError for an unknown
    reason, stage or order, and for an order of a search.
    """
    _refuse_sorted_search(text, sort)
    names = {"source": source, "tag": tag, "project": project, "relevance": relevance, "since": since, "until": until}
    columns = reader.columns
    fits = named(columns, **names) if like is None else examples.fitting(reader, names | {"like": like})
    wanted = both(fits, of_reason(columns, reason), of_stage(reader, stage))
    limit = max(1, min(limit, PAGE))
    goes_on: int | None = None
    next_page: str | None = None
    matching: int | None = None
    if text:
        among = newest(columns, wanted, before, SEARCHED)
        seqs, goes_on = search(reader.con, among, text, limit, _deadline())
    else:
        matching = None if like else _tallied(columns.counts, names, reason, stage)
        matching = count(columns, wanted) if matching is None else matching
        if sort is None:
            seqs = newest(columns, wanted, before, limit)
            goes_on = seqs[-1] if len(seqs) == limit else None
        else:
            rows = arranged(columns, wanted, sort, examples.place_of(after), limit)
            seqs, next_page = [seq for _, seq in rows], examples.cursor(rows, limit)
    con = reader.con
    shown = beginnings(con, seqs, text)
    return {
        "items": [shown[seq] for seq in seqs if seq in shown],
        "matching": matching,
        "before": goes_on,
        "after": next_page,
        "checkpoint": checkpoint(con).seq,
    }


def related(reader: Reader, *, example_id: str, limit: int = RELATED, after: str | None = None) -> dict[str, Any]:
    """The lineage of an example: what it corrects and what corrects it, and the other answers to its question.

    `limit` holds for each of the latter two; `after` goes on with both, None at the end. What the example corrects is
    on the first page.
    """
    columns = reader.columns
    known = columns.by_id([id_key(example_id)])
    if not known or known[0] >= columns.published:
        return {"corrects": [], "corrections": [], "same_question": [], "same_question_total": 0, "after": None}
    limit = max(1, min(limit, PAGE))
    last_correction, last_answer = examples.place_of(after)
    row = known[0]
    seq, superseded_by = int(columns["seq"][row]), int(columns["superseded_by"][row])
    same = columns.members(columns["cluster"][[row]].astype(np.int64))
    same = same[(same != row) & (same < columns.published)]
    same = same[np.lexsort((-same, -columns["rank"][same].astype(np.int64)))]
    others = dict(zip(columns["seq"][same].tolist(), columns["rank"][same].tolist(), strict=True))
    con = reader.con
    rows = con.execute(
        "SELECT seq FROM corrections WHERE corrects = ? OR seq = ? ORDER BY seq", [example_id, superseded_by]
    ).fetchall()
    corrections = [n for (n,) in rows]
    ((corrected,),) = con.execute("SELECT corrects FROM examples WHERE seq = ?", [seq]).fetchall()
    corrects: list[int] = []
    if corrected:
        rows = con.execute("SELECT seq FROM examples WHERE id_key = ?", [id_key(corrected).hex()]).fetchall()
        corrects = [n for (n,) in rows]
    ranks = {n: rank for n, rank in others.items() if n not in {*corrections, *corrects}}
    if last_answer and last_answer not in ranks:
        raise InputError(f"after = {after!r}: another page came before it, begin anew")
    reached = (ranks[last_answer], last_answer) if last_answer else None
    lists = {
        "corrects": [] if after else corrects,
        "corrections": [n for n in corrections if n > last_correction][:limit],
        "same_question": [n for n, rank in ranks.items() if reached is None or (rank, n) < reached][:limit],
    }
    shown = beginnings(con, [n for seqs in lists.values() for n in seqs])
    lasts = [*lists["corrections"][-1:], last_correction][0], [*lists["same_question"][-1:], last_answer][0]
    is_full = limit in (len(lists["corrections"]), len(lists["same_question"]))
    return {name: [shown[n] for n in seqs if n in shown] for name, seqs in lists.items()} | {
        "same_question_total": len(ranks),
        "after": f"{lasts[0]}.{lasts[1]}" if is_full else None,
    }


def beginnings(con: Connection, seqs: list[int], text: str | None = None) -> dict[int, dict[str, Any]]:
    """How examples begin and where they stand, by sequence: a row of a list.

    Of a text that holds a word of the search `text` far from its beginning, the place around that word is shown.
    """
    if not seqs:
        return {}
    words = (text or "").lower().split()[:WORDS]
    result = con.execute(
        f"""SELECT seq, example_id, kind, strftime(e.occurred_at, '%Y-%m-%dT%H:%M:%S.%fZ') AS occurred_at, e.actor,
                e.source, v.project_context, v.tags, v.relevance, v.feedback, v.decision, v.queue, v.reasons,
                {_excerpt("e.prompt", len(words))} AS prompt, {_excerpt("e.response", len(words))} AS response,
                left(e.reason, {BEGINNING}) AS correction_reason, e.corrector
            FROM {among("examples")} e
            JOIN (SELECT * EXCLUDE (example_id, kind, occurred_at, source)
                  FROM ({SOME})) v USING (seq)""",
        {"seqs": seqs} | {f"w{n}": word for n, word in enumerate(words)},
    )
    columns = [column[0] for column in result.description]
    rows = [dict(zip(columns, row, strict=True)) for row in result.fetchall()]
    beside = personal_data.elsewhere(con, [row["example_id"] for row in rows])
    for row in rows:
        row["personal_data_elsewhere"] = beside.get(row["example_id"], [])
    return {
        row["seq"]: row | {"reasons": names(row["reasons"]), "queue": QUEUE.get(row["queue"]), "tags": row["tags"][:8]}
        for row in rows
    }


def _excerpt(text: str, words: int) -> str:
    """SQL for the beginning of a text, or for what is around the first of some words `$w0` that is behind it."""
    if not words:
        return f"left({text}, {BEGINNING})"
    places = ", ".join(f"nullif(instr(lower({text}), $w{n}), 0)" for n in range(words))
    place = f"coalesce(least({places}), 0)" if words > 1 else f"coalesce({places}, 0)"
    around = f"'…' || substr({text}, {place} - {BEFORE_WORD}, {BEGINNING})"
    return f"CASE WHEN {place} > {BEGINNING - BEFORE_WORD} THEN {around} ELSE left({text}, {BEGINNING}) END"


def _refuse_sorted_search(text: str | None, sort: str | None) -> None:
    if text and sort:
        raise InputError("a search has an order of its own: leave out the text or the sort")


def of_reason(columns: Columns, reason: str | None) -> Matches:
    """What a reason keeps out first; None stands for any. Raises InputError for an unknown one."""
    if reason is None:
        return named(columns)
    if reason not in BIT:
        raise InputError(f"no reason {reason!r}; there are {', '.join(BIT)}")
    return kept_out(columns, reason)


def of_stage(reader: Reader, stage: str | None) -> Matches:
    """What is at a stage; None stands for any. Raises InputError for an unknown one."""
    columns = reader.columns
    if stage is None:
        return named(columns)
    if stage not in STAGES:
        raise InputError(f"no stage {stage!r}; there are {', '.join(STAGES)}")
    return personal_data.private(reader) if stage == "private" else at_stage(columns, stage)


_TALLIES_OF_STAGES = {"training": ("reason", ""), "corrections": ("kind", "correction")}
"""The stages that a tally counts."""


def _tallied(counts: Counts, names: dict[str, Any], reason: str | None, stage: str | None) -> int | None:
    """How many examples match, from the tallies, which know it for one filter at most."""
    if stage is not None and stage not in _TALLIES_OF_STAGES:
        return None
    if names["since"] or names["until"]:
        return None
    conditions = [(name, value) for name, value in names.items() if value is not None]
    conditions += [("reason", reason)] if reason else []
    conditions += [_TALLIES_OF_STAGES[stage]] if stage else []
    if len(conditions) > 1:
        return None
    if conditions:
        return counts.of(*conditions[0]).total
    return sum(tally.total for tally in counts.by("kind"))


def _search_places(
    reader: Reader, filters: dict[str, Any], text: str, began: tuple[int, int], limit: int
) -> tuple[list[tuple[int, int]], tuple[int, int] | None, Callable[[int], list[str]]]:
    """The queue's matches (place, seq) in its order, where to go on where time or page ran out, and signs by seq."""
    columns, below = reader.columns, reader.policy.review.new_topic_below
    fits = examples.fitting(reader, filters)
    among: dict[int, list[int]] = {}
    for place in sorted(QUEUE):
        if place >= began[0] and filters.get("place", place) == place:
            wanted = both(in_place(columns, place, below), fits)
            among[place] = newest(columns, wanted, began[1] if place == began[0] else None, SEARCHED)
    of = signs.of(columns, [seq for seqs in among.values() for seq in seqs], below)
    rows: list[tuple[int, int]] = []
    deadline = _deadline()
    is_first = True
    for place, seqs in among.items():
        if not seqs:
            continue
        if not is_first and deadline():
            return rows, (place, seqs[0] + 1), of
        is_first = False
        matching, goes_on = search(reader.con, seqs, text, limit - len(rows), deadline)
        rows += [(place, seq) for seq in matching]
        if goes_on is not None:
            return rows, (place, goes_on), of
    return rows, None, of


def search(
    con: Connection, among: list[int], text: str, limit: int, is_late: Callable[[], bool]
) -> tuple[list[int], int | None]:
    """Those of some sequences, the newest first, whose texts hold every word, and where to go on, None at the end."""
    words = [f"%{word.replace('!', '!!').replace('%', '!%').replace('_', '!_')}%" for word in text.split()[:WORDS]]
    holds = " AND ".join(
        f"(prompt ILIKE $w{n} ESCAPE '!' OR response ILIKE $w{n} ESCAPE '!')" for n in range(len(words))
    )
    values = {f"w{n}": word for n, word in enumerate(words)}
    seqs: list[int] = []
    start = 0
    while start < len(among):
        low = among[start] - WINDOW
        end = bisect_right(among, -low, start, key=operator.neg)
        looked_at = set(among[start:end])
        rows = con.execute(
            f"""SELECT seq FROM examples WHERE seq >= {among[end - 1]} AND seq <= {among[start]} AND {holds or "true"}
                ORDER BY seq DESC""",
            values,
        ).fetchall()
        seqs += [seq for (seq,) in rows if seq in looked_at]
        if len(seqs) >= limit:
            return seqs[:limit], seqs[limit - 1] if limit else among[start] + 1
        start = end
        if start == len(among):
            return seqs, among[-1] if len(among) == SEARCHED else None
        if is_late():
            return seqs, among[start - 1]
    return seqs, None


def _deadline() -> Callable[[], bool]:
    end = time.monotonic() + SEARCH_SECONDS
    return lambda: time.monotonic() > end
