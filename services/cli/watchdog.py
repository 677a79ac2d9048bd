"""The watchdog: the last resort of a command, which ends the process where nothing else does."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

ENDING_SECONDS = 20.0
"""What a command may take to end once it has its answer: a thread may be in a look-up of a name."""


REACHING_SECONDS = 60.0
"""What a command may take to reach the log: far more than the deadline that it has for that."""


@contextmanager
def limited(seconds: float, tell: Callable[[], object], code: int) -> Iterator[None]:
    """End the process with this code after so long, once `tell` has said why, unless this is over before."""
    timer = threading.Timer(seconds, _end, (tell, code))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _end(tell: Callable[[], object], code: int) -> None:
    try:
        tell()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)
