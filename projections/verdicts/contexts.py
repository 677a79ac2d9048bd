"""Contexts: what came before each turn of a conversation, followed from turn to turn.

A context is never stored: each turn takes what the turn before it has, and adds that one. So a turn costs the same
wherever it stands, and what becomes of an earlier turn reaches all that follow it. A correction has the context of
what it corrects.

| column | says of a row |
|---|---|
| `root` | the seq of the first turn of its conversation, its own where it follows none |
| `turns`, `context_chars` | how many turns came before, and their characters as they stand |
| `context_key` | those turns as they stand: equal keys are equal texts |
| `context_gaps` | the causes for which the context is incomplete |
| `asked_before`, `exactly_before` | the questions before its own, by near-duplicates and by words; 0 for none |
| `field_score`, `field_context` | the relevance of its context, which a short prompt takes over |
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..policy.causes import CAUSE_BIT
from ..policy.policy import MOST_TURNS
from .columns import CONTEXT, MISSING, Columns, Rows
from .judgement import CORRECTION, LENT, NEGATIVE, REJECTED, Rules, lent, mixed

Column = npt.NDArray[Any]

ALONE = 1
"""The `context_key` of what follows nothing; those of contexts are odd too, so that 0 is none."""

_ASIDE = CAUSE_BIT["cut_off"] | CAUSE_BIT["refusal"] | CAUSE_BIT["tool_call"]
"""The causes of an answer for which it is not to be learned in a context either."""

NOT_LEARNED = CAUSE_BIT["withheld"] | CAUSE_BIT["personal_data"]
"""The causes for which only the last answer of a conversation may be learned."""


class Named(Protocol):
    """Columns by their names."""

    def __getitem__(self, name: str, /) -> Column:
        """The column of a name."""


def derive(columns: Columns, rows: Rows, rules: Rules) -> None:
    """Set the columns CONTEXT of some rows; what follows one of them is among them."""
    for name, kind in CONTEXT.items():
        columns[name][rows] = np.zeros(1, kind)
    columns["root"][rows], columns["context_key"][rows] = columns["seq"][rows], ALONE
    if not rules.in_context:
        return
    parent = columns["parent"]
    columns["context_gaps"][rows[parent[rows] == MISSING]] = CAUSE_BIT["missing"]
    left = rows[parent[rows] > 0]
    if not len(left):
        return
    before = np.searchsorted(columns["seq"], parent[left])
    is_left = np.zeros(columns.count, np.bool_)
    is_left[left] = True
    order = np.argsort(before, kind="stable")
    followed, followers = before[order], left[order]
    _follow_on(columns, left[~is_left[before]], before[~is_left[before]], followed, followers, rules, is_left)
    if (alone := _in_circles(columns, left[is_left[left]])).size:
        columns["context_gaps"][alone[columns["kind"][alone] != CORRECTION]] = CAUSE_BIT["missing"]
        is_left[alone] = False
        behind = np.flatnonzero(is_left[followers] & ~is_left[followed] & np.isin(followed, alone))
        _follow_on(columns, followers[behind], followed[behind], followed, followers, rules, is_left)


def _follow_on(
    columns: Columns, turns: Rows, before: Rows, followed: Rows, followers: Rows, rules: Rules, is_left: Column
) -> None:
    """Derive turns whose earlier turn stands, and what follows them, turn by turn: each row is looked at once.

    `followers` are all rows that are left, in the order of the rows that they follow.
    """
    while len(turns):
        corrects = columns["kind"][turns] == CORRECTION
        for name in CONTEXT:
            columns[name][turns[corrects]] = columns[name][before[corrects]]
        _add_turn(columns, turns[~corrects], before[~corrects], rules)
        is_left[turns] = False
        low, high = np.searchsorted(followed, turns), np.searchsorted(followed, turns, side="right")
        counts = high - low
        at = np.repeat(low - (np.cumsum(counts) - counts), counts) + np.arange(counts.sum())
        turns, before = followers[at], np.repeat(turns, counts)


def _in_circles(columns: Columns, rows: Rows) -> Rows:
    """Those of some rows, each of which follows another of them, that follow themselves: they stand alone.

    Whoever follows for long enough is in a circle; twice as far each time.
    """
    jump = np.searchsorted(rows, np.searchsorted(columns["seq"], columns["parent"][rows]))
    for _ in range(len(rows).bit_length()):
        jump = jump[jump]
    return rows[np.unique(jump)]


def _add_turn(columns: Columns, rows: Rows, before: Rows, rules: Rules) -> None:
    """Give rows the context of the rows before them, with those as one turn more."""
    is_deep = columns["turns"][before] >= MOST_TURNS
    columns["context_gaps"][rows[is_deep]] = CAUSE_BIT["missing"]
    rows, before = rows[~is_deep], before[~is_deep]
    answers = _standing(columns, before)
    turns = columns["turns"][before] + 1
    chars = columns["context_chars"][before] + columns["prompt_chars"][answers] + columns["response_chars"][answers]
    causes = columns["context_gaps"][before] & ~np.int16(CAUSE_BIT["too_long"])
    causes |= _causes(columns, before, answers, rules)
    causes[(turns > rules.max_turns) | (chars > rules.max_chars)] |= CAUSE_BIT["too_long"]
    score, context = lent(columns.of(before, LENT), rules)
    values = {
        "root": columns["root"][before],
        "turns": turns,
        "context_key": mixed(columns["context_key"][before], columns["text_high"][answers]),
        "context_chars": chars,
        "context_gaps": causes,
        "asked_before": mixed(columns["asked_before"][before], columns["cluster"][before].astype(np.uint64)),
        "exactly_before": mixed(columns["exactly_before"][before], columns["question"][before]),
        "field_score": score,
        "field_context": context,
    }
    for name, column in values.items():
        columns[name][rows] = column


def _standing(columns: Columns, turns: Rows) -> Rows:
    """The rows of the texts of turns as they stand: those of the corrections that stand against them, or their own."""
    corrections = columns["superseded_by"][turns]
    is_corrected = corrections > 0
    answers = turns.copy()
    answers[is_corrected] = np.searchsorted(columns["seq"], corrections[is_corrected])
    return answers


def _causes(columns: Columns, turns: Rows, answers: Rows, rules: Rules) -> Column:
    """The causes that turns, whose texts are those of `answers`, give what follows them."""
    withheld = (
        (columns["decision"][answers] == REJECTED)
        | (columns["feedback"][answers] == NEGATIVE)
        | ~columns["include_in_training"][answers]
        | np.isin(columns["source"][answers], rules.excluded_sources)
        | (columns["disputed_by"][turns] > 0)
        | (turns == answers) & (columns["was_corrected"][turns] | (columns["gaps"][turns] & _ASIDE > 0))
    )
    causes = columns["gaps"][turns] & np.int16(CAUSE_BIT["attachment"])
    causes[withheld] |= CAUSE_BIT["withheld"]
    is_unanswered = (columns["response_chars"][answers] == 0) & ~columns["is_erased"][answers]
    causes[is_unanswered] |= CAUSE_BIT["missing"]
    causes[columns["has_personal_data"][answers]] |= CAUSE_BIT["personal_data"]
    causes[columns["is_erased"][turns] | columns["is_erased"][answers]] |= CAUSE_BIT["erased"]
    return causes


def turns(columns: Named, rows: Rows) -> pa.Table:
    """The turns before some rows, the oldest first: `seq` of the row, `place` from 0, `turn_seq` and `text_seq`.

    `turn_seq` is the turn, and `text_seq` the example whose texts stand: a correction, or the turn itself. It reads
    `seq`, `kind`, `parent`, `turns` and `superseded_by` of the rows and of what is before them.
    """
    counts = columns["turns"][rows].astype(np.int64)
    starts = np.cumsum(counts) - counts
    earlier = np.zeros(int(counts.sum()), np.int64)
    at, places = rows[counts > 0], starts[counts > 0]
    while len(at):
        before = np.searchsorted(columns["seq"], columns["parent"][at])
        is_turn = columns["kind"][at] != CORRECTION
        place = columns["turns"][before]
        earlier[(places + place)[is_turn]] = before[is_turn]
        goes_on = place > 0
        at, places = before[goes_on], places[goes_on]
    turn_seq, corrections = columns["seq"][earlier], columns["superseded_by"][earlier]
    return pa.table(
        {
            "seq": np.repeat(columns["seq"][rows], counts),
            "place": np.arange(len(earlier)) - np.repeat(starts, counts),
            "turn_seq": turn_seq,
            "text_seq": np.where(corrections > 0, corrections, turn_seq),
        }
    )


def chains(columns: Columns) -> pa.Table:
    """Every row that follows or corrects another one, the rows before it and what stands in their place.

    It has what `turns` reads, `context_chars`, and more: `turn` is the seq of the capture that the row is or corrects,
    `beside` the seq of what represents the near-duplicates of the first question of its conversation, and `is_silent`
    says that its prompt or its answer, as they stand, are empty.
    """
    parent, seq = columns["parent"], columns["seq"]
    behind = np.flatnonzero((columns["turns"] > 0) | (columns["kind"] == CORRECTION) & (parent > 0))
    rows = columns.union(behind, np.searchsorted(seq, parent[behind]))
    rows = columns.union(rows, _standing(columns, rows))
    answers = _standing(columns, rows)
    firsts = np.searchsorted(seq, columns["root"][rows])
    return pa.table(
        columns.of(rows, ("seq", "kind", "parent", "superseded_by", "turns", "context_chars"))
        | {
            "turn": seq[_captures(columns, rows)],
            "beside": seq[columns["cluster"][firsts]],
            "is_silent": (columns["prompt_chars"][answers] == 0) | (columns["response_chars"][answers] == 0),
        }
    )


def _captures(columns: Columns, rows: Rows) -> Rows:
    """The rows of the captures that rows are or correct, however many corrections are between them."""
    captures = rows.copy()
    for _ in range(MOST_TURNS):  # corrections may correct one another
        left = np.flatnonzero((columns["kind"][captures] == CORRECTION) & (columns["parent"][captures] > 0))
        if not len(left):
            break
        captures[left] = np.searchsorted(columns["seq"], columns["parent"][captures[left]])
    return captures
