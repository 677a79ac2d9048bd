"""Conversations: the turns before an example, as they stand now."""

from __future__ import annotations

import json
from typing import Any

from ..store.database import AMONG, Connection
from ..verdicts.judgement import CORRECTION, KINDS

SHOWN = 50
"""Earlier turns in one answer at most, the last ones."""


def earlier(con: Connection, seq: int, root: int) -> list[dict[str, Any]]:
    """The turns before an example of a conversation, the oldest first, at most SHOWN.

    `prompt` and `response` are the texts as they stand; where a correction stands in the turn's place `corrected_by` is
    its id. An erased turn has no texts.
    """
    rows = con.execute(
        """SELECT seq, parent, kind, superseded_seq FROM evidence
           JOIN (SELECT seq, superseded_by AS superseded_seq FROM judged WHERE root = $root) USING (seq)""",
        {"root": root},
    ).fetchall()
    parents = {turn: parent for turn, parent, *_ in rows}
    kinds = {turn: kind for turn, _, kind, _ in rows}
    stands = {turn: correction or turn for turn, *_, correction in rows}
    turns: list[int] = []
    at = seq
    while len(turns) < SHOWN:
        while kinds.get(at) == KINDS[CORRECTION]:  # a correction has the context of what it corrects
            at = parents[at]
        if at == root:  # it may follow another conversation's turn, or too many
            break
        at = parents[at]
        turns.append(at)
    texts = _texts(con, {*turns, *(stands[turn] for turn in turns)})
    return [_turn(texts[turn], texts[stands[turn]]) for turn in reversed(turns)]


def _texts(con: Connection, seqs: set[int]) -> dict[int, dict[str, Any]]:
    names = ("seq", "example_id", "prompt", "response", "system", "tools", "attachments", "is_erased")
    rows = con.execute(
        f"""SELECT seq, example_id, prompt, response, system, tools, attachments, erased_seq IS NOT NULL
            FROM examples {AMONG}""",
        {"seqs": list(seqs)},
    ).fetchall()
    return {row[0]: dict(zip(names, row, strict=True)) for row in rows}


def _turn(turn: dict[str, Any], stands: dict[str, Any]) -> dict[str, Any]:
    return {
        "example_id": turn["example_id"],
        "prompt": stands["prompt"],
        "response": stands["response"],
        "system": turn["system"],
        "tools": json.loads(turn["tools"] or "[]"),
        "attachments": json.loads(turn["attachments"] or "[]"),
        "corrected_by": stands["example_id"] if stands is not turn else None,
        "is_erased": turn["is_erased"] or stands["is_erased"],
    }
