"""Worker processes: a pure function of many portions, on all cores for as long as it takes."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

MOST = 8
"""Processes at most: each takes about 200 MiB."""

NICE = 5
"""Added to the niceness of a worker, so that answering and folding go first."""

In = TypeVar("In")
Out = TypeVar("Out")
Run = Callable[[Callable[[Any], Any], Iterable[Any]], Iterator[Any]]
"""`map` of one iterable."""


@contextmanager
def workers(wanted: int, given: Run | None = None) -> Iterator[Run]:
    """A `map` that works in so many processes, at most one a core; below two it works in this one.

    It is the given one where somebody has one already: a process takes a second to start, and none starts before work.
    Few portions are under way at a time, and results keep their order. The processes end with the context, with an
    error in it, and when this process is killed. The calling script must be importable.
    """
    if given is not None:
        yield given
        return
    processes = min(wanted, os.cpu_count() or 1, MOST)
    if processes < 2:
        yield map
        return
    pool = begun(processes)
    try:
        yield lambda work, portions: _in_order(pool, 2 * processes, work, portions)
    finally:
        pool.shutdown(cancel_futures=True)


def begun(processes: int) -> ProcessPoolExecutor:
    """So many processes, started as there is work, which end when this process is killed."""
    return ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), initializer=_begin)


def _in_order(
    pool: ProcessPoolExecutor, under_way: int, work: Callable[[In], Out], portions: Iterable[In]
) -> Iterator[Out]:
    futures: deque[Future[Out]] = deque()
    for portion in portions:
        futures.append(pool.submit(work, portion))
        if len(futures) >= under_way:
            yield futures.popleft().result()
    while futures:
        yield futures.popleft().result()


def _begin() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent process ends it
    os.nice(NICE)
    gc.disable()  # what is made has no cycles, and to look for some takes a sixth of the time
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    if parent := multiprocessing.parent_process():
        parent.join()
    os._exit(1)
