"""Names: values that many examples share, as numbers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

Column = npt.NDArray[Any]

NEVER = np.iinfo(np.int64).min
"""The `occurred_at` of what does not say when."""


class Names:
    """Values that many examples share, each kept once and known by a number from 0 on; None is -1."""

    def __init__(self) -> None:
        """Empty."""
        self.values: list[Any] = []
        self.numbers: dict[Any, int] = {}

    def number(self, value: Any) -> int:
        """The number of a value, a new one where it is not known."""
        if value is None:
            return -1
        if (known := self.numbers.get(value)) is not None:
            return known
        self.numbers[value] = len(self.values)
        self.values.append(value)
        return len(self.values) - 1

    def all(self, values: Iterable[Any]) -> Column:
        """The numbers of values."""
        return np.fromiter((self.number(value) for value in values), np.int32)
