"""One fact with one text of each shape, from 100 kB to 1 MB: how long the slowest take, and how that grows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

from projections.fold.projector import Projector
from tests.projections.given import captured
from tests.projections.texts.shapes import SHAPES
from tests.projections.texts.steps import STEPS

from ..place import Place
from ..side import NOTE
from .batches import folding

SMALL, LARGE = 100_000, 1_000_000
"""Bytes of a text."""

SHOWN = 6
"""How many of the slowest shapes are measured at the larger size."""


def cut(shape: str, size: int) -> str:
    """A text of a shape with so many bytes."""
    return SHAPES[shape](size).encode()[:size].decode("utf-8", "ignore")


def seconds(shape: str, size: int) -> float:
    """Seconds to fold a capture whose prompt, or another whose answer, is a text of a shape; the greater of both."""
    text = cut(shape, size)
    with closing(Projector(None)) as projector:
        facts = [captured("a"), captured("b", prompt=text), captured("c", "Which membrane is it?", text)]
        return max([folding(projector, [fact]) / 1000 for fact in facts][1:])


def slowest_step(text: str) -> str:
    """The name of the step of the analysis that takes longest, with its seconds."""
    times = {}
    for name, work in STEPS.items():
        began = time.process_time()
        work(text)
        times[name] = time.process_time() - began
    most = max(times, key=times.__getitem__)
    return f"{most} {times[most]:.2f} s"


def slowest() -> dict[str, float]:
    """The shapes that take longest at the smaller size, with their seconds; the slowest comes first."""
    times = {shape: seconds(shape, SMALL) for shape in SHAPES}
    return {shape: times[shape] for shape in sorted(times, key=times.__getitem__, reverse=True)[:SHOWN]}


@contextmanager
def large(place: Place) -> Iterator[Callable[[int], dict[str, Any]]]:
    """Seconds of the slowest shape, and of some of the slowest."""

    def measure(number: int) -> dict[str, Any]:
        times = {shape: seconds(shape, LARGE) for shape in slowest()}
        note = "; ".join(f"{shape} {spent:.2f} s ({slowest_step(cut(shape, LARGE))})" for shape, spent in times.items())
        return {"slowest": max(times.values()), "slow": sum(times.values()), NOTE: note}

    yield measure


@contextmanager
def small(place: Place) -> Iterator[Callable[[int], dict[str, float]]]:
    """The same of texts of a tenth of the size, times ten: what the large ones take where time grows with size."""

    def measure(number: int) -> dict[str, float]:
        times = [LARGE // SMALL * spent for spent in slowest().values()]
        return {"slowest": max(times), "slow": sum(times)}

    yield measure
