"""One fact with one text of each shape, from 10 kB to 1 MB: `make bench` runs this in a process of its own."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import closing
from itertools import pairwise

from rich.console import Console
from rich.table import Table

from events.codec import encode
from events.message import Message
from events.subjects import subject_of
from projections.fold.projector import Projector
from tests.projections.given import captured
from tests.projections.texts.shapes import SHAPES
from tests.projections.texts.steps import STEPS

SIZES = (10_000, 100_000, 1_000_000)
"""Bytes of a text."""

NOISE = 0.02
"""Seconds that are not worth a comparison."""


def cut(shape: str, size: int) -> str:
    """A text of a shape with so many bytes."""
    return SHAPES[shape](size).encode()[:size].decode("utf-8", "ignore")


def seconds(work: Callable[[], object]) -> float:
    """The processor time of this process that some work takes."""
    began = time.process_time()
    work()
    return time.process_time() - began


def folding(shape: str, size: int) -> float:
    """Seconds to fold a capture whose prompt, or another whose answer, is a text of a shape; the greater of both."""
    text = cut(shape, size)
    with closing(Projector(None)) as projector:
        projector.con.execute("SET threads = 1")
        facts = [captured("a"), captured("b", prompt=text), captured("c", "Which membrane is it?", text)]
        times = []
        for seq, fact in enumerate(facts, 1):
            message = Message(seq, subject_of(fact), encode(fact), 1_742_299_200_000_000_000)
            times.append(seconds(lambda: projector.apply([message])))  # noqa: B023 -- called at once
    return max(times[1:])


def growth(times: list[float]) -> float:
    """How many times as fast as the size the time grows, at most, between sizes."""
    return max(later / max(earlier, NOISE) / 10 for earlier, later in pairwise(times))


def main(count: int) -> None:
    """Print the slowest shapes, with the step that is slowest of each."""
    largest = sorted(((folding(shape, SIZES[-1]), shape) for shape in SHAPES), reverse=True)
    columns = [f"fold, {size / 1000:,.0f} kB" for size in SIZES]
    table = Table("shape of a text", "slowest step", *columns, "growth", box=None)
    for last, shape in largest[:count]:
        times = [*(folding(shape, size) for size in SIZES[:-1]), last]
        text = cut(shape, SIZES[-1])
        most, step = max((seconds(lambda: work(text)), name) for name, work in STEPS.items())  # noqa: B023
        table.add_row(shape, f"{step}, {most:.2f} s", *(f"{one:.2f} s" for one in times), f"{growth(times):.2f}")
    Console(width=140).print(table)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 12)
