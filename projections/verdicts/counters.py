"""Counters: what pages count of a million examples, moved along with their judgements.

They follow from the columns and could be counted again at any time; a test does.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..policy.policy import RELEVANCE
from .judgement import KINDS
from .names import NEVER, Column, Names, Sets
from .reasons import NEW_TOPIC, QUEUE, REASONS

SEEN = ("seq", "occurred_at", "kind", "source", "project", "tags", "relevance", "approval", "reasons", "queue")
"""The columns that are counted by."""

HOUR = 3_600_000_000
"""Microseconds."""

_MAY_BE_NEW = tuple(number for number in QUEUE if number > NEW_TOPIC)
"""The places of what is a new topic instead if the training set knows too little of one of its tags."""


class Tally(NamedTuple):
    """How many examples share something: all, those that are trained on, and those that wait for review."""

    key: str
    total: int
    in_training: int
    waiting: int


class Counts:
    """Tallies by dimension (`kind`, `source`, `project`, `relevance`, `reason`, `queue`, `tag`), and by hour."""

    def __init__(self, sources: Names, projects: Names, sets: Sets) -> None:
        """Nothing counted; the names are those of the columns, and grow with them."""
        self._sets = sets
        self._names: dict[str, Names | tuple[str, ...]] = {
            "kind": KINDS,
            "source": sources,
            "project": projects,
            "relevance": RELEVANCE,
            "reason": ("", *(reason.name for reason in REASONS)),
            "queue": ("", *map(str, QUEUE)),
            "tag": sets.tags,
        }
        self._of = {name: np.zeros((8, 3), np.int64) for name in self._names}
        self._waiting_new = np.zeros((8, len(_MAY_BE_NEW)), np.int64)
        self.hours: dict[tuple[int, int], int] = {}

    def move(self, before: dict[str, Column], after: dict[str, Column]) -> None:
        """Count the rows `after` in the place of the rows `before`; both have the columns SEEN."""
        self._count(before, -1)
        self._count(after, 1)

    def _count(self, of: dict[str, Column], sign: int) -> None:
        if not len(of["seq"]):
            return
        is_trained, waits = of["reasons"] == 0, of["queue"] > 0
        # Names that are not there (-1) are counted as the first; the others follow.
        numbers = {name: of[name].astype(np.int64) for name in ("kind", "relevance", "queue")}
        numbers |= {name: of[name].astype(np.int64) + 1 for name in ("source", "project")}
        numbers["reason"] = first_reason(of["reasons"])
        for name, column in numbers.items():
            counted = self._sized(name, int(column.max()) + 1)
            for n, some in enumerate((slice(None), is_trained, waits)):
                by_number = np.bincount(column[some])
                counted[: len(by_number), n] += sign * by_number
        self._count_tags(of, sign, is_trained, waits)
        dated = of["occurred_at"] != NEVER
        hours, counts = np.unique(of["occurred_at"][dated] // HOUR * 2 + of["kind"][dated], return_counts=True)
        for hour, count in zip(hours.tolist(), counts.tolist(), strict=True):
            key = hour // 2, hour % 2
            self.hours[key] = self.hours.get(key, 0) + sign * count
            if not self.hours[key]:
                del self.hours[key]

    def _count_tags(self, of: dict[str, Column], sign: int, is_trained: Column, waits: Column) -> None:
        sets, which = np.unique(of["tags"], return_inverse=True)
        owners, members = self._sets.members_of(sets.tolist())
        counted = self._sized("tag", len(self._sets.tags.values))
        for n, some in enumerate((which, which[is_trained], which[waits])):
            np.add.at(counted[:, n], members, sign * np.bincount(some, minlength=len(sets))[owners])
        if len(self._sets) > len(self._waiting_new):
            self._waiting_new.resize((2 * len(self._sets), len(_MAY_BE_NEW)), refcheck=False)
        for n, place in enumerate(_MAY_BE_NEW):
            new = (of["queue"] == place) & (of["approval"] == 0)
            np.add.at(self._waiting_new[:, n], of["tags"][new], sign)

    def _sized(self, dimension: str, size: int) -> Column:
        if size > len(self._of[dimension]):
            self._of[dimension].resize((2 * size, 3), refcheck=False)
        return self._of[dimension]

    def by(self, dimension: str) -> list[Tally]:
        """Every tally of a dimension that counts an example, the most frequent first; what has no name is ''."""
        names = self._names[dimension]
        counted = self._of[dimension]
        keys = names if isinstance(names, tuple) else names.values
        if dimension in ("source", "project"):
            keys = ("", *keys)
        numbers = np.flatnonzero(counted[:, 0])
        tallies = [Tally(keys[n], *row) for n, row in zip(numbers.tolist(), counted[numbers].tolist(), strict=True)]
        return sorted(tallies, key=lambda tally: (-tally.total, tally.key))

    def of(self, dimension: str, key: str) -> Tally:
        """One tally; of what nobody has counted it is 0."""
        names = self._names[dimension]
        if isinstance(names, tuple):
            number = names.index(key) if key in names else -1
        else:
            number = names.numbers.get(key, -1)
            if dimension in ("source", "project") and (key == "" or number >= 0):
                number += 1
        if number < 0 or number >= len(self._of[dimension]):
            return Tally(key, 0, 0, 0)
        return Tally(key, *self._of[dimension][number].tolist())

    def thin(self, below: int) -> Column:
        """Of each tag by its number: whether the training set has fewer than so many examples of it."""
        count = len(self._sets.tags.values)
        is_thin: Column = self._sized("tag", count)[:count, 1] < below
        return is_thin

    def thin_sets(self, below: int) -> Column:
        """Of each set of tags by its number: whether one of its tags is thin."""
        return self._sets.holding(self.thin(below))

    def places(self, below: int) -> dict[int, int]:
        """How many wait in each place of the queue, new topics in a place of their own."""
        counts = {int(tally.key): tally.total for tally in self.by("queue") if tally.key}
        is_thin = self.thin_sets(below)
        for place, moved in zip(
            _MAY_BE_NEW, self._waiting_new[: len(is_thin)][is_thin].sum(axis=0).tolist(), strict=True
        ):
            counts[place] = counts.get(place, 0) - moved
            counts[NEW_TOPIC] = counts.get(NEW_TOPIC, 0) + moved
        return counts

    def everything(self) -> Iterator[object]:
        """All that is counted, for comparison."""
        for dimension in self._names:
            yield dimension, self.by(dimension)
        yield sorted(self.hours.items())
        yield self._waiting_new[: len(self._sets)].sum(axis=0).tolist()


def first_reason(reasons: Column) -> Column:
    """The number of the first reason in the order of the pipeline that keeps an example out, from 1 on; 0 for none."""
    lowest = reasons.astype(np.int64) & -reasons.astype(np.int64)
    numbers: Column = np.frexp(lowest.astype(np.float64))[1].astype(np.int64)
    return numbers
