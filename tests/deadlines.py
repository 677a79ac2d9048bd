"""How long tests wait, and how the growth of work is measured: neither depends on the machine's speed or its load."""

from __future__ import annotations

import time
from collections.abc import Callable

FAR_SECONDS = 120.0
"""The deadline of what must come: far longer than a busy machine needs, so missing it means that it never comes."""


def assert_linear(work: Callable[[int], object], size: int) -> None:
    """Assert that ten times the size costs about ten times the processor time, not a hundred times as quadratic work.

    Other processes can slow a try down but never speed it up, so the best of three tries counts.
    """
    work(size)
    small = max(min(processor_seconds(lambda: work(size)) for _ in range(3)), 1e-4)
    ratios: list[float] = []
    while len(ratios) < 3:
        ratios.append(processor_seconds(lambda: work(10 * size)) / small)
        if ratios[-1] < 40:
            return
    raise AssertionError(f"ten times the size costs {min(ratios):.0f} times the processor time")


def processor_seconds(work: Callable[[], object]) -> float:
    """The seconds of processor that this thread needs for some work."""
    began = time.thread_time()
    work()
    return time.thread_time() - began
