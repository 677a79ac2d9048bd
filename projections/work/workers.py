"""Worker processes: heavy work on all cores of this machine, for as long as it takes."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import threading
from collections.abc import Generator, Iterator
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from contextlib import contextmanager

from .jobs import Lost, Order, Reply, Run, in_order, on, perform

MOST = 8
"""Processes at most: each takes about 200 MiB."""

NICE = 5
"""Added to the niceness of a worker, so that answering and folding go first."""


@contextmanager
def workers(wanted: int, given: Run | None = None) -> Iterator[Run]:
    """A `map` that works in so many processes, at most one a core; below two it works in this one.

    It is the given one where somebody has one already: a process takes a second to start, and none starts before work.
    Few pages are under way at a time, and results keep their order. The processes end with the context, with an error
    in it, and when this process is killed. The calling script must be importable.
    """
    if given is not None:
        yield given
        return
    processes = min(wanted, os.cpu_count() or 1, MOST)
    if processes < 2:
        yield map
        return
    driver = Processes(processes)
    try:
        yield on(driver)
    finally:
        driver.end()


class Processes:
    """The driver of so many processes; others take their place when one of them is killed."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._pool = begun(count)

    def __call__(self, orders: Iterator[Order]) -> Generator[Reply | Lost]:
        """See `Driver`."""
        return in_order(self._begin, _end, 2 * self._count, orders)

    def _begin(self, order: Order) -> Future[Reply]:
        try:
            return self._pool.submit(perform, order)
        except BrokenExecutor:
            self._pool = begun(self._count)
            return self._pool.submit(perform, order)

    def end(self) -> None:
        """End the processes."""
        self._pool.shutdown(cancel_futures=True)


def _end(future: Future[Reply]) -> Reply | Lost:
    try:
        return future.result()
    except BrokenExecutor:
        return Lost("a worker process ended before it was done; was it killed, or out of memory?")
    except MemoryError:
        return Lost("a worker process had too little memory")


def begun(processes: int) -> ProcessPoolExecutor:
    """So many processes, started as there is work, which end when this process is killed."""
    return ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), initializer=_begin)


def _begin() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent process ends it
    os.nice(NICE)
    gc.disable()  # see `perform`; the text readers' work is not an order
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    if parent := multiprocessing.parent_process():
        parent.join()
    os._exit(1)
