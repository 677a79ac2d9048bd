"""One fact with one text of each shape, from 10 kB to 1 MB: `make bench` runs this in a process of its own."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from itertools import pairwise

from rich.console import Console
from rich.table import Table

from events.codec import encode
from events.message import Message
from events.subjects import subject_of
from projections.fold.projector import Projector
from tests.projections.given import ANSWER, captured
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


def folding(projector: Projector, number: int, text: str, *, is_prompt: bool) -> float:
    """Seconds to fold a capture whose prompt or answer is the text."""
    texts = (text, ANSWER) if is_prompt else (f"Which membrane is number {number}?", text)
    fact = captured(f"e{number}", *texts)
    message = Message(number, subject_of(fact), encode(fact), 1_742_299_200_000_000_000)
    return seconds(lambda: projector.apply([message]))


def growth(times: list[float]) -> float:
    """How many times as fast as the size the time grows, at most, between sizes."""
    return max(later / max(earlier, NOISE) / 10 for earlier, later in pairwise(times))


def main(slowest: int) -> None:
    """Print the slowest shapes, with the step that is slowest of each."""
    projector = Projector(None)
    projector.con.execute("SET threads = 1")
    found: list[tuple[str, list[float]]] = []
    number = 0
    for shape in SHAPES:
        times = []
        for size in SIZES:
            number += 2
            text = cut(shape, size)
            as_prompt = folding(projector, number - 1, text, is_prompt=True)
            times.append(max(as_prompt, folding(projector, number, text, is_prompt=False)))
        found.append((shape, times))
    columns = [f"fold, {size / 1000:,.0f} kB" for size in SIZES]
    table = Table("shape of a text", "slowest step", *columns, "growth", box=None)
    for shape, times in sorted(found, key=lambda row: -row[1][-1])[:slowest]:
        text = cut(shape, SIZES[-1])
        step, most = max(((name, seconds(lambda: work(text))) for name, work in STEPS.items()), key=lambda one: one[1])  # noqa: B023
        table.add_row(shape, f"{step}, {most:.2f} s", *(f"{one:.2f} s" for one in times), f"{growth(times):.2f}")
    Console(width=140).print(table)
    worst = max(found, key=lambda row: growth(row[1]))
    print(f"{len(found)} shapes; the greatest growth is {growth(worst[1]):.2f} times that of the size: {worst[0]}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 12)
