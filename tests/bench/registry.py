"""What can be figured: stages with the processes that measure them, and the figures that each gives."""

from __future__ import annotations

from msgspec import Struct

OURS, RELEASED = "ours", "0.1.0"
"""The trees that a side runs in: this one, and that of the first release."""


class Side(Struct, frozen=True):
    """A process that measures: MODULE:FUNCTION of `sides`, the tree it runs in, with one N-th of the examples."""

    function: str
    tree: str = OURS
    part: int = 1


class Figure(Struct, frozen=True):
    """One figure of a stage; `name` is that of the value on both sides, `unit` is per second where more is better.

    `limit` is on the ratio of ours to the baseline, which fails the run; `goal` is on our value and is only shown.
    """

    name: str
    unit: str
    baseline: str
    limit: float | None = None
    goal: float | None = None

    @property
    def is_rate(self) -> bool:
        """Is more better?"""
        return self.unit.endswith("/s")

    def exceeds(self, value: float, bound: float) -> bool:
        """Is a value on the wrong side of a bound?"""
        return value < bound if self.is_rate else value > bound


class Stage(Struct, frozen=True):
    """Figures that are measured together: the sides take turns, a round each."""

    name: str
    measures: str
    ours: Side
    baseline: Side
    figures: tuple[Figure, ...]
    rounds: int = 3

    def chosen(self, only: tuple[str, ...]) -> tuple[Figure, ...]:
        """The figures that were asked for by `STAGE` or `STAGE.FIGURE`; all where nothing was."""
        if not only or self.name in only:
            return self.figures
        return tuple(figure for figure in self.figures if f"{self.name}.{figure.name}" in only)
