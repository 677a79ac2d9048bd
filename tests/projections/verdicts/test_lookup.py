"""Keys are found in every row in which they lie, however they were added."""

from __future__ import annotations

import hypothesis
import numpy as np
from hypothesis import strategies as st

from projections.verdicts.lookup import Lookup

keys = st.lists(st.integers(0, 9) | st.integers(2**64 - 5, 2**64 - 1), max_size=6)


@hypothesis.given(batches=st.lists(keys, max_size=12), wanted=keys)
def test_every_row_of_a_key_is_found(batches: list[list[int]], wanted: list[int]) -> None:
    lookup, rows_of = Lookup(), {key: set[int]() for key in wanted}
    row = 0
    for batch in batches:
        lookup.add(np.array(batch, np.uint64), np.arange(row, row + len(batch)))
        for key in batch:
            rows_of.setdefault(key, set()).add(row)
            row += 1
    numbers, rows = lookup.find(np.array(wanted, np.uint64))
    found = sorted(zip(numbers.tolist(), rows.tolist(), strict=True))
    assert found == sorted((n, row) for n, key in enumerate(wanted) for row in rows_of[key])
