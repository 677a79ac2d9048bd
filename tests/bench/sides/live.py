"""Through NATS and a running projector: how late an answer knows a fact, and how many facts are folded in a second."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from events.facts import Fact
from events.log.log import Log

from ..office import Office
from ..place import Place, connect
from ..side import PEAK, peak
from ..site import Site, ask, opened, until_answering

LOADS = {"idle": 0, "100": 100, "500": 500}
"""Facts that arrive in a second beside those that are waited for."""

PAUSE_SECONDS, IDLE_SECONDS = 0.05, 0.5
"""Between an answer and the next fact; where nothing else arrives, long enough for the projector to be at rest."""

BACKLOG = 4_000
"""Facts that are published at once to see how fast they are folded."""

SETTLE_SECONDS = 1.0
"""After a load has begun, before anything is measured."""


def share(times: list[float], part: float) -> float:
    """The time, in ms, below which this part of them lies."""
    return 1000 * sorted(times)[min(len(times) - 1, int(part * len(times)))]


def processor(pid: int) -> float:
    """Seconds of processor that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def _projecting(place: Place) -> Iterator[tuple[Site, subprocess.Popen[str], Log, asyncio.Runner]]:
    """A projector that has caught up, and a connection to its log."""
    with opened(place) as site, asyncio.Runner() as runner:
        projector = site.projector()
        log = runner.run(connect(site.server))
        runner.run(until_answering(log))
        yield site, projector, log, runner
        runner.run(log.close())


@contextmanager
def lag(place: Place) -> Iterator[Callable[[int], dict[str, float]]]:
    """Milliseconds from publishing a fact until an answer about its example holds it, at each load."""
    with _projecting(place) as (site, projector, log, runner):

        def measure(number: int) -> dict[str, float]:
            values: dict[str, float] = {}
            for name, rate in LOADS.items():
                label = f"lag{number}x{name}"
                if rate:
                    with site.arriving(rate, f"{label}load"):
                        time.sleep(SETTLE_SECONDS)
                        times = runner.run(_answered(log, label, place.seconds, PAUSE_SECONDS))
                else:
                    times = runner.run(_answered(log, label, place.seconds, IDLE_SECONDS))
                values |= {f"{name}.p50": share(times, 0.5), f"{name}.p99": share(times, 0.99)}
            return values | {PEAK: peak(projector.pid)}

        runner.run(_answered(log, "lagfirst", 1.0, PAUSE_SECONDS))  # the first batches compile expressions
        yield measure


async def _answered(log: Log, label: str, seconds: float, pause: float) -> list[float]:
    """Seconds until each fact was in an answer, of a capture and of feedback on it in turns."""
    office, times = Office(label), []
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for make in (office.capture, office.feedback):
            fact: Any = make()
            began = time.perf_counter()
            await log.publish([fact])
            await ask(log, "show", await log.revision(fact.example_id), example_id=fact.example_id)
            times.append(time.perf_counter() - began)
            await asyncio.sleep(pause)
    return times


@contextmanager
def sustained(place: Place) -> Iterator[Callable[[int], dict[str, float]]]:
    """Facts/s from publishing many to an answer that holds them, and the projector's microseconds for each of them."""
    with _projecting(place) as (site, projector, log, runner):

        async def folded(facts: list[Fact]) -> tuple[float, float]:
            spent, began = processor(projector.pid), time.perf_counter()
            await log.publish(facts)
            await ask(log, "status", await log.last_sequence())
            seconds = time.perf_counter() - began
            return len(facts) / seconds, 1e6 * (processor(projector.pid) - spent) / len(facts)

        def measure(number: int) -> dict[str, float]:
            office = Office(f"s{number}", site.captures)
            feedback: list[Fact] = [office.feedback() for _ in range(BACKLOG)]
            values = dict(zip(("feedback", "feedback_cpu"), runner.run(folded(feedback)), strict=True))
            mixed = list(islice(office.mixed(), BACKLOG))
            values |= zip(("mixed", "mixed_cpu"), runner.run(folded(mixed)), strict=True)
            return values | {PEAK: peak(projector.pid)}

        runner.run(folded(list(islice(Office("sfirst").mixed(), 500))))
        yield measure
