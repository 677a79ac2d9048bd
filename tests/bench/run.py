"""A run: every chosen stage, its sides in turns, and what came of each figure."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from msgspec import Struct, field, structs

from .place import Place
from .processes import Process, SideError, running
from .registry import Figure, Side, Stage
from .side import NOTE, PEAK
from .trees import Trees


class Values(Struct, frozen=True):
    """What one side has measured of a figure, a value for each round, and its memory in MiB; else why nothing."""

    rounds: tuple[float, ...] = ()
    peak: float = 0.0
    error: str | None = None

    @property
    def median(self) -> float:
        """The median of the rounds."""
        return statistics.median(self.rounds)


class Result(Struct, frozen=True):
    """A figure with what both sides have measured."""

    name: str
    figure: Figure
    ours: Values
    baseline: Values

    @property
    def ratios(self) -> tuple[float, ...]:
        """Ours by the baseline's, round by round; none where a side failed."""
        pairs = zip(self.ours.rounds, self.baseline.rounds, strict=False)
        return tuple(ours / baseline for ours, baseline in pairs if baseline)

    @property
    def ratio(self) -> float | None:
        """The median of the ratios."""
        return statistics.median(self.ratios) if self.ratios else None

    @property
    def is_beyond(self) -> bool:
        """Is the ratio beyond its limit?"""
        limit = self.figure.limit
        return limit is not None and self.ratio is not None and self.figure.exceeds(self.ratio, limit)

    @property
    def misses(self) -> bool:
        """Is our value beyond its goal?"""
        goal = self.figure.goal
        return goal is not None and bool(self.ours.rounds) and self.figure.exceeds(self.ours.median, goal)

    @property
    def has_failed(self) -> bool:
        """Is the ratio beyond its limit, or was nothing of ours measured?"""
        return self.is_beyond or self.ours.error is not None


class Outcome(Struct):
    """All results of a run, and lines that its sides have noted."""

    results: list[Result] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class _Turns:
    """One side through all rounds; from its first error on it measures nothing more."""

    def __init__(self, side: Side, place: Place, trees: Trees, stack: ExitStack) -> None:
        self.rounds: list[dict[str, Any]] = []
        self.error: str | None = None
        self._process: Process | None = None
        try:
            count = max(1, place.count // side.part)
            at = structs.replace(place, count=count, tree=trees.tree(side.tree))
            self._process = stack.enter_context(running(side, at))
        except SideError as error:
            self.error = str(error)

    def take(self, number: int) -> None:
        """Measure a round."""
        if self._process is None or self.error is not None:
            return
        try:
            self.rounds.append(self._process.measure(number))
        except SideError as error:
            self.error = str(error)

    def values(self, name: str) -> Values:
        """What was measured of a figure."""
        rounds = tuple(float(values[name]) for values in self.rounds if name in values)
        missing = None if rounds else "not measured"
        return Values(rounds, max((values[PEAK] for values in self.rounds), default=0.0), self.error or missing)


def measure(stage: Stage, figures: Sequence[Figure], place: Place, trees: Trees, rounds: int, outcome: Outcome) -> None:
    """Measure figures of a stage and add them to an outcome."""
    with ExitStack() as stack:
        ours, baseline = (_Turns(side, place, trees, stack) for side in (stage.ours, stage.baseline))
        for number in range(rounds):
            for turns in (ours, baseline) if number % 2 == 0 else (baseline, ours):
                turns.take(number)
    for figure in figures:
        values = [turns.values(figure.name) for turns in (ours, baseline)]
        outcome.results.append(Result(f"{stage.name}.{figure.name}", figure, *values))
    for turns in (ours, baseline):
        outcome.notes += [f"{stage.name}: {values[NOTE]}" for values in turns.rounds[-1:] if NOTE in values]
