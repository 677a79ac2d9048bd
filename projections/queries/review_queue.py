"""Review: what a reviewer works through, a page at a time, with filters and a search that never takes long."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from events.errors import InputError

from ..store.checkpoint import checkpoint
from ..store.database import AMONG, Connection, first
from ..tables import policies
from ..tables.examples import id_key
from ..verdicts.reasons import BIT, FIRST, OF_STAGE, QUEUE, names
from . import examples

PAGE = 200
"""Rows in one answer at most."""

BEGINNING = 200
"""Characters of a text that a list shows."""

RELATED = 20
"""Corrections of an example, and other answers to its question, in one answer."""

WINDOW = 10_000
"""Sequences of the log whose texts are searched in one step."""

SEARCH_SECONDS = 0.01
"""A search answers with what it has found after this, and tells where to go on."""

FACETS = 100
"""Values of a filter that are offered at most."""

PLACES = {name: number for number, name in QUEUE.items()}


def waiting(
    con: Connection,
    *,
    why: str | None = None,
    tag: str | None = None,
    source: str | None = None,
    project: str | None = None,
    text: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> dict[str, Any]:
    """A page of the review queue, most urgent first: how each begins, why it is here, and `after` to go on from.

    `text` are words that all occur in prompt or response; then `after` may come with few items or none, because a
    search pauses, and `matching` is None: nobody has counted.
    """
    given = {"tag": tag, "source": source, "project": project, "place": PLACES.get(why, 0) if why else None}
    filters: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    by_reason = examples.by_reason(con)
    limit = max(1, min(limit, PAGE))
    began = examples.place_of(after)
    goes_on: tuple[int, int] | None
    matching: int | None = None
    if text:
        rows, goes_on = _search_places(con, filters, text, began, limit)
    else:
        rows, matching = examples.page(con, filters, began, limit, by_reason)
        goes_on = rows[-1] if len(rows) == limit else None
    shown = beginnings(con, [seq for _, seq in rows])
    return {
        "items": [shown[seq] | {"why": QUEUE[place]} for place, seq in rows if seq in shown],
        "matching": matching,
        "total": sum(by_reason.values()),
        "by_reason": by_reason,
        "after": f"{goes_on[0]}.{goes_on[1]}" if goes_on else None,
        "checkpoint": checkpoint(con).seq,
    }


def considered(con: Connection, *, example_id: str) -> dict[str, Any] | None:
    """One example in full with the reason for its place in the queue; None where the tables hold no such id."""
    example = examples.show(con, example_id=example_id)
    if example is None or example["queue"] is None:
        return example
    below = policies.current(con).review.new_topic_below
    place, thin = PLACES[example["queue"]], []
    if place > examples.NEW_TOPIC and example["approval"] is None:
        thin = [tag for tag in example["tags"] if _is_thin(con, tag, below)]
        place = examples.NEW_TOPIC if thin else place
    return example | {"why": QUEUE[place], "because": examples.because(place, thin, below, example)}


def _is_thin(con: Connection, tag: str, below: int) -> bool:
    known = first(con, "SELECT in_training FROM tallies WHERE dimension = 'tag' AND key = ?", [tag])
    return known is None or known[0] < below


def facets(con: Connection) -> dict[str, Any]:
    """The sources, projects and tags of the queue with how many wait, the most frequent first: what to filter by."""
    dimensions = {"sources": "source", "projects": "project", "tags": "tag"}
    return {
        facet: [
            {"name": name, "waiting": n}
            for name, n in con.execute(
                f"""SELECT key, waiting FROM tallies WHERE dimension = ? AND waiting > 0
                    ORDER BY waiting DESC, key LIMIT {FACETS}""",
                [dimension],
            ).fetchall()
        ]
        for facet, dimension in dimensions.items()
    }


def covered(con: Connection, *, tag: str, limit: int = PAGE, after: int | None = None) -> dict[str, Any]:
    """What a bulk approval of a tag would cover: each with its revision, and what a reviewer would want to look at.

    The newest first; `after` goes on, None at the end.
    """
    limit = max(1, min(limit, PAGE))
    newest = con.execute(
        f"SELECT seq FROM queued_tags WHERE tag = ? AND (? IS NULL OR seq < ?) ORDER BY seq DESC LIMIT {limit}",
        [tag, after, after],
    ).fetchall()
    seqs = [seq for (seq,) in newest]
    rows = con.execute(
        f"""SELECT example_id, kind, seq, feedback_seq, decision_seq, personal_data, flags, contradicts, feedback
            FROM verdicts {AMONG} ORDER BY seq DESC""",
        {"seqs": seqs},
    ).fetchall()
    shown = beginnings(con, seqs)
    seen = examples.revisions(con, [row[:5] for row in rows])
    items = []
    for example_id, kind, seq, _, _, personal_data, flags, contradicts, feedback in rows:
        looks = [f"personal data: {', '.join(personal_data)}"] if personal_data else []
        looks += [f"to look at: {', '.join(flags)}"] if flags else []
        looks += ["its answer contradicts another one"] if contradicts else []
        looks += ["somebody gave it a thumbs down"] if feedback == "negative" else []
        looks += ["a correction"] if kind == "correction" else []
        items.append(shown[seq] | {"revision": seen[example_id], "looks": looks})
    return {
        "items": items,
        "total": examples.tallied(con, "tag", tag),
        "after": seqs[-1] if len(seqs) == limit else None,
        "checkpoint": checkpoint(con).seq,
    }


def found(
    con: Connection,
    *,
    reason: str | None = None,
    stage: str | None = None,
    source: str | None = None,
    tag: str | None = None,
    project: str | None = None,
    relevance: str | None = None,
    text: str | None = None,
    before: int | None = None,
    limit: int = 50,
) -> dict[str, Any]:
    """A page of examples, the newest first: all, or those that one reason keeps out, that are trained on, or wait.

    `reason` is the first one in the order of the pipeline, as the funnel counts; `stage` is training, waiting, filtered
    or approved, the latter two as after those stages of the funnel. `text` and pauses as in `waiting`; go on with
    `before`. Raises InputError for an unknown reason or stage.
    """
    condition = " AND ".join(
        [
            "($source IS NULL OR source = $source)",
            "($tag IS NULL OR list_contains(tags, $tag))",
            "($project IS NULL OR project_context = $project)",
            "($relevance IS NULL OR relevance = $relevance)",
            _of_reason(reason),
            _of_stage(stage),
        ]
    )
    filters = {"source": source, "tag": tag, "project": project, "relevance": relevance}
    limit = max(1, min(limit, PAGE))
    top = checkpoint(con).seq + 1 if before is None else before
    goes_on: int | None
    if text:
        seqs, goes_on = _search(con, f"FROM verdicts WHERE {condition}", filters, text, top, limit, _deadline())
        matching = None
    else:
        matching = _tallied(con, filters, reason, stage)
        if matching is None:
            # One after the other: to keep the newest of a million while they are counted takes longer than both.
            ((matching,),) = con.execute(f"SELECT count(*) FROM verdicts WHERE {condition}", filters).fetchall()
        newest = con.execute(
            f"SELECT seq FROM verdicts WHERE {condition} AND seq < {int(top)} ORDER BY seq DESC LIMIT {limit}", filters
        ).fetchall()
        seqs = [seq for (seq,) in newest]
        goes_on = seqs[-1] if len(seqs) == limit else None
    shown = beginnings(con, seqs)
    return {
        "items": [shown[seq] for seq in seqs if seq in shown],
        "matching": matching,
        "before": goes_on,
        "checkpoint": checkpoint(con).seq,
    }


def related(con: Connection, *, example_id: str, limit: int = RELATED, after: str | None = None) -> dict[str, Any]:
    """The lineage of an example: what it corrects and what corrects it, and the other answers to its question.

    `limit` holds for each of the latter two; `after` goes on with both, None at the end. What the example corrects is
    on the first page.
    """
    known = first(con, "SELECT seq, corrects FROM examples WHERE id_key = ?", [id_key(example_id).hex()])
    if known is None:
        return {"corrects": [], "corrections": [], "same_question": [], "same_question_total": 0, "after": None}
    limit = max(1, min(limit, PAGE))
    last_correction, last_answer = examples.place_of(after)
    seq, corrected = known
    ((cluster, superseded_by),) = con.execute(
        "SELECT cluster, superseded_by FROM verdicts WHERE seq = ?", [seq]
    ).fetchall()
    rows = con.execute(
        "SELECT seq FROM corrections WHERE corrects = ? OR example_id = ? ORDER BY seq", [example_id, superseded_by]
    ).fetchall()
    corrections = [n for (n,) in rows]
    corrects: list[int] = []
    if corrected:
        rows = con.execute("SELECT seq FROM examples WHERE id_key = ?", [id_key(corrected).hex()]).fetchall()
        corrects = [n for (n,) in rows]
    rows = con.execute(
        "SELECT seq, rank FROM verdicts WHERE cluster = ? AND seq <> ? ORDER BY rank DESC, seq DESC", [cluster, seq]
    ).fetchall()
    ranks = {n: rank for n, rank in rows if n not in {*corrections, *corrects}}
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


def beginnings(con: Connection, seqs: list[int]) -> dict[int, dict[str, Any]]:
    """How examples begin and where they stand, by sequence: a row of a list."""
    if not seqs:
        return {}
    result = con.execute(
        f"""SELECT seq, example_id, kind, strftime(e.occurred_at, '%Y-%m-%dT%H:%M:%S.%fZ') AS occurred_at, e.actor,
                e.source, e.project_context, v.tags, v.relevance, v.feedback, v.decision, v.queue, v.reasons,
                left(e.prompt, {BEGINNING}) AS prompt, left(e.response, {BEGINNING}) AS response,
                left(e.reason, {BEGINNING}) AS correction_reason, e.corrector
            FROM (SELECT * FROM examples {AMONG}) e
            JOIN (SELECT * EXCLUDE (example_id, kind, occurred_at, source, project_context)
                  FROM verdicts {AMONG}) v USING (seq)""",
        {"seqs": seqs},
    )
    columns = [column[0] for column in result.description]
    rows = [dict(zip(columns, row, strict=True)) for row in result.fetchall()]
    return {
        row["seq"]: row | {"reasons": names(row["reasons"]), "queue": QUEUE.get(row["queue"]), "tags": row["tags"][:8]}
        for row in rows
    }


def _of_reason(reason: str | None) -> str:
    if reason is None:
        return "true"
    if reason not in BIT:
        raise InputError(f"no reason {reason!r}; there are {', '.join(BIT)}")
    return f"({FIRST}) = {BIT[reason]}"


def _of_stage(stage: str | None) -> str:
    stages = {
        None: "true",
        "training": "reasons = 0",
        "waiting": "queue IS NOT NULL",
        "filtered": f"reasons & {OF_STAGE['filters']} = 0",
        "approved": f"reasons & {OF_STAGE['filters'] | OF_STAGE['approval']} = 0",
        "corrections": "kind = 'correction'",
    }
    if stage not in stages:
        raise InputError(f"no stage {stage!r}; there are {', '.join(name for name in stages if name)}")
    return stages[stage]


_TALLIES_OF_STAGES = {"training": ("reason", "0"), "corrections": ("kind", "correction")}
"""The stages that a tally counts."""


def _tallied(con: Connection, filters: dict[str, Any], reason: str | None, stage: str | None) -> int | None:
    """How many examples match, from the tallies, which know it for one filter at most."""
    if stage is not None and stage not in _TALLIES_OF_STAGES:
        return None
    conditions = [(name, value) for name, value in filters.items() if value is not None]
    conditions += [("reason", str(BIT[reason]))] if reason else []
    conditions += [_TALLIES_OF_STAGES[stage]] if stage else []
    if len(conditions) > 1:
        return None
    dimension, key = conditions[0] if conditions else ("kind", None)
    ((total,),) = con.execute(
        """SELECT coalesce(sum(total), 0)::BIGINT FROM tallies
           WHERE dimension = $dimension AND ($key IS NULL OR key = $key)""",
        {"dimension": dimension, "key": key},
    ).fetchall()
    return int(total)


def _search_places(
    con: Connection, filters: dict[str, Any], text: str, began: tuple[int, int], limit: int
) -> tuple[list[tuple[int, int]], tuple[int, int] | None]:
    """The queue's matches (place, seq) in its order, and where to go on where time or page ran out."""
    rows: list[tuple[int, int]] = []
    deadline = _deadline()
    for place in sorted(QUEUE):
        if place < began[0] or filters.get("place", place) != place:
            continue
        top = began[1] if place == began[0] else checkpoint(con).seq + 1
        seqs, goes_on = _search(
            con,
            examples.waiting(filters | {"place": place}),
            filters | {"place": place},
            text,
            top,
            limit - len(rows),
            deadline,
        )
        rows += [(place, seq) for seq in seqs]
        if goes_on is not None:
            return rows, (place, goes_on)
    return rows, None


def _search(
    con: Connection,
    among: str,
    filters: dict[str, Any],
    text: str,
    top: int,
    limit: int,
    is_late: Callable[[], bool],
) -> tuple[list[int], int | None]:
    """Sequences below `top` whose texts hold every word, the newest first, and where to go on, None at the end.

    `among` is a FROM with a condition, on `filters`.
    """
    words = [f"%{word.replace('!', '!!').replace('%', '!%').replace('_', '!_')}%" for word in text.split()[:8]]
    holds = " AND ".join(
        f"(prompt ILIKE $w{n} ESCAPE '!' OR response ILIKE $w{n} ESCAPE '!')" for n in range(len(words))
    )
    values = filters | {f"w{n}": word for n, word in enumerate(words)}
    seqs: list[int] = []
    while top > 1:
        low = max(0, top - WINDOW)
        window = f"seq >= {low} AND seq < {int(top)}"
        rows = con.execute(
            f"""SELECT seq FROM (SELECT seq {among} AND {window})
                JOIN (SELECT seq FROM examples WHERE {window} AND {holds or "true"}) USING (seq)
                ORDER BY seq DESC LIMIT {limit - len(seqs)}""",
            values,
        ).fetchall()
        seqs += [seq for (seq,) in rows]
        if len(seqs) == limit:
            return seqs, seqs[-1]
        top = low
        if is_late() and top > 1:
            return seqs, top
    return seqs, None


def _deadline() -> Callable[[], bool]:
    end = time.monotonic() + SEARCH_SECONDS
    return lambda: time.monotonic() > end
