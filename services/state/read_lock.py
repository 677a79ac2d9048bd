"""A gate: many read at a time, until one wants to replace what they read."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Gate:
    """Readers hold it together; whoever replaces what they read holds it alone, for a moment."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._readers = 0
        self._is_closed = False

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Read; waits while somebody is alone or about to be."""
        with self._changed:
            self._changed.wait_for(lambda: not self._is_closed)
            self._readers += 1
        try:
            yield
        finally:
            with self._changed:
                self._readers -= 1
                self._changed.notify_all()

    @contextmanager
    def alone(self, seconds: float) -> Iterator[None]:
        """Be alone once those who read have ended. Raises TimeoutError where one reads on for `seconds`."""
        with self._changed:
            self._changed.wait_for(lambda: not self._is_closed)
            self._is_closed = True
            if not self._changed.wait_for(lambda: self._readers == 0, seconds):
                self._is_closed = False
                self._changed.notify_all()
                raise TimeoutError(f"readers did not end within {seconds:.0f} s")
        try:
            yield
        finally:
            with self._changed:
                self._is_closed = False
                self._changed.notify_all()
