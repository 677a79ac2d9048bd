"""Signs: everything that speaks for a look at an example that waits, counted and selected; an example may have many."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from events.errors import InputError

from ..verdicts.columns import Columns, Rows
from ..verdicts.judgement import CORRECTION, NEGATIVE, Column
from ..verdicts.reasons import SIGNS
from .selection import CHUNK, Mask, Matches


def having(columns: Columns, sign: str, below: int) -> Matches:
    """What waits and has a sign, if the training set should hold `below` examples of each tag. Raises InputError."""
    names = [known.name for known in SIGNS]
    if sign not in names:
        raise InputError(f"no sign {sign!r}; there are {', '.join(names)}")
    is_thin = columns.counts.thin_sets(below)
    return lambda part: (columns["queue"][part] > 0) & _has(columns, part, sign, is_thin)


def counted(columns: Columns, below: int) -> dict[str, int]:
    """How many of those that wait have each sign, in their order."""
    is_thin = columns.counts.thin_sets(below)
    counts = dict.fromkeys((sign.name for sign in SIGNS), 0)
    for start in range(0, columns.published, CHUNK):
        part = slice(start, min(start + CHUNK, columns.published))
        waits = columns["queue"][part] > 0
        if waits.any():
            for sign in counts:
                counts[sign] += int(np.count_nonzero(waits & _has(columns, part, sign, is_thin)))
    return counts


def of(columns: Columns, seqs: list[int], below: int) -> Callable[[int], list[str]]:
    """What tells the signs of one of some examples by its sequence, also once the columns have moved on."""
    among = np.unique(np.array(seqs, np.int64))
    rows, is_thin = columns.rows(among), columns.counts.thin_sets(below)
    masks = {sign.name: _has(columns, rows, sign.name, is_thin) for sign in SIGNS}
    return lambda seq: [name for name, mask in masks.items() if mask[np.searchsorted(among, seq)]]


def _has(columns: Columns, rows: slice | Rows, sign: str, is_thin: Mask) -> Mask:
    """Which of some rows have a sign."""

    def values(name: str) -> Column:
        return columns[name][rows]

    masks: dict[str, Callable[[], Mask]] = {
        "correction": lambda: values("kind") == CORRECTION,
        "negative_feedback": lambda: values("feedback") == NEGATIVE,
        "contradiction": lambda: values("contradicts") != 0,
        "personal_data": lambda: values("has_personal_data") | values("has_more_personal_data"),
        "to_look_at": lambda: values("has_flags"),
        "new_topic": lambda: (values("approval") == 0) & is_thin[values("tags")],
        "borderline": lambda: (values("approval") == 0) & values("is_borderline"),
    }
    return masks[sign]()
