"""Foreseen: what a decision would do to the training set, on one example or on many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..tables.examples import id_key
from ..verdicts import judgement
from ..verdicts.columns import CONTEXT, EVIDENCE, SAID
from ..verdicts.counters import first_reason
from ..verdicts.memory import Reader
from ..verdicts.reasons import BIT, names

COMPARED = 10_000
"""Answers to like questions among which an example is judged; where there are more, it is judged alone."""


def after_approval(reader: Reader, example_id: str) -> list[str]:
    """The names of the reasons that an approval leaves, in the order of the pipeline; none of an unknown id."""
    columns = reader.columns
    known = columns.by_id([id_key(example_id)])
    if not known or known[0] >= columns.published:
        return []
    row = known[0]
    rows = columns.members(columns["cluster"][[row]].astype(np.int64))
    rows = rows[rows < columns.published]
    if len(rows) > COMPARED:
        rows = np.array([row])
    e = {name: columns[name][rows] for name in (*EVIDENCE, *SAID, *CONTEXT)}
    own = rows == row
    e["decision"][own], e["decision_context"][own] = judgement.APPROVED, 0
    rules = judgement.rules(reader.policy, columns.sources.numbers, columns.uses.numbers)
    return names(int(judgement.judge(e, rules)["reasons"][own][0]))


def effects(reader: Reader, seqs: list[int], changes: Mapping[str, int]) -> Callable[[list[int]], dict[str, Any]]:
    """What tells what it changes to decide on some of many examples, also once the columns have moved on.

    How many examples `enter` and `leave` the training set, others included. `stays_out` counts those of them that it
    leaves out, by their first reason in the order of the pipeline; `stays_in` those that stay. What follows for later
    turns of a conversation is not foreseen. `changes` is what becomes of columns of the evidence.
    """
    columns = reader.columns
    rows = columns.rows(np.array(sorted(seqs), np.int64))
    rows = np.union1d(rows, columns.members(np.unique(columns["cluster"][rows]).astype(np.int64)))
    rows = rows[rows < columns.published]
    e = {name: columns[name][rows] for name in (*EVIDENCE, *SAID, *CONTEXT)}
    of_rows, before = columns["seq"][rows], columns["reasons"][rows] == 0
    rules = judgement.rules(reader.policy, columns.sources.numbers, columns.uses.numbers)

    def of(chosen: list[int]) -> dict[str, Any]:
        own = np.isin(of_rows, np.array(chosen, np.int64))
        for name, value in changes.items():
            e[name][own] = value
        later = judgement.judge(e, rules)["reasons"]
        reasons = [*BIT]
        out = Counter(reasons[number - 1] for number in first_reason(later[own & (later != 0)]).tolist())
        return {
            "enter": int(np.count_nonzero(~before & (later == 0))),
            "leave": int(np.count_nonzero(before & (later != 0))),
            "stays_in": int(np.count_nonzero(own & before & (later == 0))),
            "stays_out": {name: out[name] for name in reasons if out[name]},
        }

    return of
