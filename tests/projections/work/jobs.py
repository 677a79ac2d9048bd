"""Jobs that fail, for tests: worker processes import them by name."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from projections.work.jobs import job


@job("test: number of the process")
def pid_after(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()


@job("test: absolute values")
def absolute(number: int) -> int:
    return abs(number)


@job("test: number in a text")
def number_in(text: str) -> int:
    return int(text)


@job("test: killed once")
def killed_once(marks: Path, number: int) -> int:
    """Kill the worker of the page -1 the first time that it is worked on."""
    if number == -1 and not (mark := marks / "killed").exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return abs(number)


@job("test: always killed")
def killed(number: int) -> int:
    """Kill the worker of the page -1 whenever it is worked on."""
    if number == -1:
        os.kill(os.getpid(), signal.SIGKILL)
    return abs(number)


@job("test: too little memory")
def starved(number: int) -> int:
    if number == -1:
        raise MemoryError
    return abs(number)


@job("test: echo")
def echo(page: bytes) -> bytes:
    return page
