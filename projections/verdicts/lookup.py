"""Lookup: in which rows a key of 64 bits lies, found among millions in microseconds."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Keys = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.int64]


class Lookup:
    """Keys with their rows in sorted runs. What is added is a run, and runs of like size are merged.

    So adding moves a key as often as the number of keys doubles. A key may lie in several rows, and nothing is ever
    removed: whoever asks compares the rest of the key with what the row holds now. 12 bytes a key.
    """

    def __init__(self) -> None:
        """Empty."""
        self._runs: list[tuple[Keys, npt.NDArray[np.int32]]] = []

    def add(self, keys: Keys, rows: Rows) -> None:
        """Say in which row each key lies."""
        if not len(keys):
            return
        run = _in_order(keys, rows.astype(np.int32))
        while self._runs and len(self._runs[-1][0]) < 2 * len(run[0]):
            earlier = self._runs.pop()
            run = _in_order(np.concatenate([earlier[0], run[0]]), np.concatenate([earlier[1], run[1]]))
        self._runs.append(run)

    def find(self, keys: Keys) -> tuple[Rows, Rows]:
        """Pairs of the number of a key and a row that it lies in, in no order."""
        numbers, rows = [], []
        for run, in_rows in self._runs:
            low = np.searchsorted(run, keys)
            count = np.searchsorted(run, keys, side="right") - low
            if total := int(count.sum()):
                at = np.arange(total) + np.repeat(low - (np.cumsum(count) - count), count)
                numbers.append(np.repeat(np.arange(len(keys)), count))
                rows.append(in_rows[at].astype(np.int64))
        if not rows:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        return np.concatenate(numbers), np.concatenate(rows)


def _in_order(keys: Keys, rows: npt.NDArray[np.int32]) -> tuple[Keys, npt.NDArray[np.int32]]:
    order = np.argsort(keys, kind="stable")
    return keys[order], rows[order]
