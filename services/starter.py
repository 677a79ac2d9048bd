"""Whoever has started a process: `rooflog up` holds the other end of the standard input of each of its services."""

from __future__ import annotations

import os
import signal
import threading
import time

from .private_files import TOLD

STOP_SECONDS = 20.0
"""How long a service may take to end when it is told to."""


def end_with_starter() -> None:
    """End this service when the `rooflog up` that started it is gone, however that ended: a new one starts its own."""
    if TOLD in os.environ:
        threading.Thread(target=_watch, name="starter", daemon=True).start()


def _watch() -> None:
    while os.read(0, 1):  # nobody writes: it returns when the other end is closed
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(STOP_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)
