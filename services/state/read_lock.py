"""A lock for the database file: many readers at a time, or one writer."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class ReadLock:
    """Readers hold the lock together; the writer holds it alone, and goes before new readers."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._readers = 0
        self._is_closed = False

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Read; waits while a writer holds the lock or waits for it."""
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
    def writing(self, seconds: float) -> Iterator[None]:
        """Write once the readers have ended. Raises TimeoutError where a reader goes on for `seconds`."""
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
