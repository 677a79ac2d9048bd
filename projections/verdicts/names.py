"""Names: values that many examples share, as numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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


class Sets:
    """Sets of tags that many examples share, as numbers; tags have numbers of their own."""

    def __init__(self) -> None:
        """Empty."""
        self.tags, self._sets = Names(), Names()
        self._members = np.empty(0, np.int32)  # the tags of every set, one set behind the other
        self._owners = np.empty(0, np.int32)
        self._laid_out = 0

    def __len__(self) -> int:
        """How many sets there are."""
        return len(self._sets.values)

    def number(self, tags: Iterable[str]) -> int:
        """The number of a set."""
        return self._sets.number(tuple(map(self.tags.number, tags)))

    def tags_of(self, number: int) -> list[str]:
        """The tags of a set."""
        return [self.tags.values[tag] for tag in self._sets.values[number]]

    def members_of(self, sets: Sequence[int]) -> tuple[Column, Column]:
        """Every tag of some sets, as the place of the set among them and the number of the tag."""
        tags = [self._sets.values[number] for number in sets]
        sizes = np.fromiter(map(len, tags), np.int64, len(tags))
        members = np.fromiter((tag for some in tags for tag in some), np.int32, int(sizes.sum()))
        return np.repeat(np.arange(len(tags)), sizes), members

    def holding(self, tags: Column) -> Column:
        """Of each set by its number: whether it holds one of the tags that a mask by their numbers names."""
        if self._laid_out < len(self):
            owners, members = self.members_of(range(self._laid_out, len(self)))
            self._owners = np.append(self._owners, owners.astype(np.int32) + self._laid_out)
            self._members = np.append(self._members, members)
            self._laid_out = len(self)
        holds: Column = np.zeros(len(self), np.bool_)
        holds[self._owners[tags[self._members]]] = True
        return holds
