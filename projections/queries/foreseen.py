"""Foreseen: what would keep an example out of the training set if a reviewer approved it now."""

from __future__ import annotations

import numpy as np

from ..tables.examples import id_key
from ..verdicts import judgement
from ..verdicts.columns import CONTEXT, EVIDENCE, SAID
from ..verdicts.memory import Reader
from ..verdicts.reasons import names

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
