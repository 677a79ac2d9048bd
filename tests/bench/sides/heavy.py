"""Heavy work: what a text costs a worker and whoever asks, with one worker and with two, here and on Ray."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from importlib.util import find_spec
from threading import Event
from typing import Any

from projections.policy import policy
from projections.texts import analysis
from projections.work.jobs import Driver, job, on
from projections.work.workers import Processes

from ..place import Place
from ..texts import Texts

TEXTS = 10_000
"""Examples that are analysed at most."""

TOGETHER = 500
"""Examples of a page."""


@job("bench: processor of a page")
def spent(by: analysis.Analyser, rows: Sequence[tuple[Any, ...]]) -> float:
    """Seconds of processor to analyse a page."""
    began = time.process_time()
    analysis._page(by, rows)
    return time.process_time() - began


def two(place: Place) -> Any:
    """With two workers."""
    return _measured(place, 2)


def one(place: Place) -> Any:
    """With one."""
    return _measured(place, 1)


@contextmanager
def _measured(place: Place, workers: int) -> Iterator[Callable[[int], dict[str, float]]]:
    by = analysis.analyser(policy.default())
    with ExitStack() as stack:
        local = Processes(workers)
        stack.callback(local.end)
        drivers: dict[str, Driver] = {"local": local}
        if find_spec("ray"):
            drivers["ray"] = stack.enter_context(_on_ray(workers))
        for driver in drivers.values():  # a worker compiles the lexicon once
            list(on(driver)(partial(spent, by), [[("", "a", "b", None)]] * 4 * workers))

        def measure(number: int) -> dict[str, float]:
            texts = Texts(f"heavy{number}")
            rows = [(str(key), texts.question(), texts.answer(), None) for key in range(place.load(TEXTS))]
            pages = [rows[start : start + TOGETHER] for start in range(0, len(rows), TOGETHER)]
            values: dict[str, float] = {}
            for name, driver in drivers.items():
                wall, own = time.perf_counter(), time.process_time()
                seconds = sum(on(driver)(partial(spent, by), pages))
                values |= {
                    f"{name}.worker": 1e6 * seconds / len(rows),
                    f"{name}.asker": 1e6 * (time.process_time() - own) / len(rows),
                    f"{name}.wall": time.perf_counter() - wall,
                }
            return values

        yield measure


@contextmanager
def _on_ray(nodes: int) -> Iterator[Driver]:
    from tests.services.heavy.cluster import cluster

    with cluster(nodes) as started:
        from services.heavy.on_ray import opened

        with opened(started.settings, Event()) as driver:
            yield driver
