"""Likeness: which examples are like one, from what the columns know of them."""

from __future__ import annotations

import numpy as np

from events.errors import InputError

from ..tables.examples import id_key
from ..verdicts.columns import Columns
from .selection import Mask, Matches


def like(columns: Columns, example_id: str) -> Matches:
    """The other examples that ask nearly the same as one, or have all of its tags. Raises InputError for no example."""
    known = columns.by_id([id_key(example_id)])
    if not known or known[0] >= columns.published:
        raise InputError(f"no example {example_id!r} that others could be like")
    row = known[0]
    sets, cluster, seq = columns.tag_sets, columns["cluster"][row], columns["seq"][row]
    numbers = [sets.tags.numbers[tag] for tag in sets.tags_of(int(columns["tags"][row]))]
    has_all = np.full(len(sets), bool(numbers))
    for number in numbers:
        has_all &= sets.holding(np.arange(len(sets.tags.values)) == number)

    def matches(part: slice) -> Mask:
        mask: Mask = (columns["cluster"][part] == cluster) | has_all[columns["tags"][part]]
        mask &= columns["seq"][part] != seq
        return mask

    return matches
