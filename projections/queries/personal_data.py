"""Personal data of examples: where it stands, whatever string it is in, and the comments in which it may stand."""

from __future__ import annotations

from typing import Any

import numpy as np
from msgspec import json

from ..store.database import Connection, first
from ..tables import policies
from ..texts.analysis import analyser
from ..texts.personal_data import Span
from ..verdicts.memory import Reader
from .selection import Mask, Matches

COMMENTS = 200
"""Comments about one example that an answer has, the last ones."""

_ANSWERS = ("prompt", "response", "original_response")


def found(con: Connection, example_id: str, analysis_key: object) -> list[dict[str, Any]]:
    """Every span of an example, with its guesses, by place and start; `is_trained_on` tells the texts of a row.

    The last digits of `comments.4711` are the sequence of the fact that says the comment.
    """
    policy = policies.current(con)
    of_analysis = "SELECT spans FROM analysis WHERE analysis_key = ? AND analyser = ?"
    analysed = first(con, of_analysis, [analysis_key, analyser(policy).name])
    of_places = "SELECT spans, in_training FROM private_places WHERE example_id = ? AND rules = ?"
    rows = con.execute(of_places, [example_id, policy.rules]).fetchall()
    spans = [_told(span, is_trained_on=True) for span in _spans(analysed[0] if analysed else "[]")]
    for data, kinds in rows:
        spans += [_told(span, is_trained_on=span.kind in kinds) for span in _spans(data)]
    order = {field: number for number, field in enumerate(_ANSWERS)}
    return sorted(spans, key=lambda span: (order.get(span["field"], len(order)), span["field"], span["start"]))


def _spans(data: str) -> list[Span]:
    return json.decode(data, type=list[Span])


def _told(span: Span, *, is_trained_on: bool) -> dict[str, Any]:
    where = {"field": span.field, "start": span.start, "end": span.end, "kind": span.kind}
    return where | {"is_guess": span.is_flag, "is_trained_on": is_trained_on and not span.is_flag}


def comments(con: Connection, example_id: str, correction: tuple[int, str, str] | None) -> list[dict[str, Any]]:
    """What people said about an example in their own words, in the order of the log, at most COMMENTS.

    `correction` are the sequence, the actor and the reason of an example that is a correction with a reason.
    """
    rows = con.execute(
        f"""SELECT * FROM (
                SELECT seq, actor, 'feedback.given' AS fact, comment AS text FROM feedback WHERE example_id = $id
                UNION ALL SELECT seq, actor, 'example.' || decision, reason FROM decisions WHERE example_id = $id
                UNION ALL SELECT seq, actor, 'example.described', reason FROM descriptions WHERE example_id = $id
                UNION ALL SELECT seq, actor, 'example.noted', note FROM notes WHERE example_id = $id)
            WHERE text IS NOT NULL AND text <> '' ORDER BY seq DESC LIMIT {COMMENTS}""",
        {"id": example_id},
    ).fetchall()
    if correction:
        seq, actor, reason = correction
        rows.append((seq, actor, "correction.recorded", reason))
    return [dict(zip(("seq", "actor", "fact", "text"), row, strict=True)) for row in reversed(rows)]


def elsewhere(con: Connection, ids: list[str]) -> dict[str, list[str]]:
    """By example the certain kinds that stand beside prompt and answers; examples without any are left out."""
    rows = con.execute(
        """SELECT example_id, list_sort(list_distinct(flatten(list(kinds)))) FROM private_places
           WHERE len(kinds) > 0 AND rules = $rules AND example_id IN (SELECT unnest($ids::VARCHAR[])) GROUP BY ALL""",
        {"ids": ids, "rules": policies.current(con).rules},
    ).fetchall()
    return dict(rows)


def private(reader: Reader) -> Matches:
    """The examples with certain personal data anywhere, in comments, names and details too."""
    columns = reader.columns
    with_any = "SELECT example_id FROM private_places WHERE len(kinds) > 0 AND rules = ?"
    beside = reader.con.execute(
        f"SELECT seq FROM examples WHERE example_id IN ({with_any})", [reader.policy.rules]
    ).fetchall()
    seqs = np.array([seq for (seq,) in beside], np.int64)

    def matches(part: slice) -> Mask:
        is_private: Mask = columns["has_personal_data"][part] | np.isin(columns["seq"][part], seqs)
        return is_private

    return matches
