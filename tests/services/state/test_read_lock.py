"""Readers hold the lock together, a writer alone, and nobody waits for ever."""

from __future__ import annotations

import threading

import pytest

from services.state.read_lock import ReadLock


def test_many_read_together() -> None:
    lock = ReadLock()
    with lock.reading(), lock.reading():
        pass


def test_a_writer_waits_for_readers_and_new_readers_wait() -> None:
    lock, order = ReadLock(), []
    reading, waits = threading.Event(), threading.Event()

    def read_first() -> None:
        with lock.reading():
            reading.set()
            waits.wait(5)
            order.append("first")

    def replace() -> None:
        with lock.writing(5):
            order.append("replaced")

    def read_later() -> None:
        with lock.reading():
            order.append("later")

    threads = [threading.Thread(target=work) for work in (read_first, replace, read_later)]
    threads[0].start()
    reading.wait(5)
    threads[1].start()
    while not lock._is_closed:
        pass
    threads[2].start()
    waits.set()
    for thread in threads:
        thread.join(5)
    assert order == ["first", "replaced", "later"]


def test_a_reader_that_does_not_end_is_left_in_peace() -> None:
    lock = ReadLock()
    with lock.reading():
        with pytest.raises(TimeoutError, match="readers did not end"), lock.writing(0.01):
            pass
        with lock.reading():
            pass
    with lock.writing(0.01):
        pass
