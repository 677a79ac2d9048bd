"""Signs: everything that speaks for a look at an example that waits, counted and selected; an example may have many."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from events.errors import InputError

from ..verdicts.columns import Columns
from ..verdicts.judgement import CORRECTION, NEGATIVE
from ..verdicts.reasons import SIGNS
from .selection import CHUNK, Mask, Matches

Read = Callable[[str], Any]
"""The values of a column for the rows that are asked about."""


def having(columns: Columns, sign: str, below: int) -> Matches:
    """What waits and has a sign, if the training set should hold `below` examples of each tag. Raises InputError."""
    names = [known.name for known in SIGNS]
    if sign not in names:
        raise InputError(f"no sign {sign!r}; there are {', '.join(names)}")
    is_thin = columns.counts.thin_sets(below)
    return lambda part: (columns["queue"][part] > 0) & _has(lambda name: columns[name][part], sign, is_thin)


def counted(columns: Columns, below: int) -> dict[str, int]:
    """How many of those that wait have each sign, in their order."""
    is_thin = columns.counts.thin_sets(below)
    counts = dict.fromkeys((sign.name for sign in SIGNS), 0)
    for start in range(0, columns.published, CHUNK):
        part = slice(start, min(start + CHUNK, columns.published))
        waits = columns["queue"][part] > 0
        if waits.any():
            for sign in counts:
                has = _has(lambda name, part=part: columns[name][part], sign, is_thin)  # type: ignore[misc]
                counts[sign] += int(np.count_nonzero(waits & has))
    return counts


def of(columns: Columns, seqs: list[int], below: int) -> Callable[[int], list[str]]:
    """What tells the signs of one of some examples by its sequence, also once the columns have moved on."""
    among = np.unique(np.array(seqs, np.int64))
    rows, is_thin = columns.rows(among), columns.counts.thin_sets(below)
    masks = {sign.name: _has(lambda name: columns[name][rows], sign.name, is_thin) for sign in SIGNS}
    return lambda seq: [name for name, mask in masks.items() if mask[np.searchsorted(among, seq)]]


def _has(read: Read, sign: str, is_thin: Mask) -> Mask:
    """Which rows have a sign."""
    masks: dict[str, Callable[[], Mask]] = {
        "correction": lambda: read("kind") == CORRECTION,
        "negative_feedback": lambda: read("feedback") == NEGATIVE,
        "contradiction": lambda: read("contradicts") != 0,
        "personal_data": lambda: read("has_personal_data") | read("has_more_personal_data"),
        "to_look_at": lambda: read("has_flags"),
        "new_topic": lambda: (read("approval") == 0) & is_thin[read("tags")],
        "borderline": lambda: (read("approval") == 0) & read("is_borderline"),
    }
    return masks[sign]()
