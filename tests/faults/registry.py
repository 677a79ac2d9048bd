"""The faults that are played: each is a coroutine in a module of `kinds`, which declares it here."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, Literal

from msgspec import Struct

from . import kinds
from .installation import Installation

Play = Callable[[Installation, random.Random], Awaitable[None]]
"""Do the harm to an installation under load. It returns as soon as the harm is over: recovery is counted from there.

Raises AssertionError where the installation did not behave as it must meanwhile, and NotRun where this machine cannot.
"""

Install = Callable[[Path], AbstractContextManager[Installation]]
"""Make an installation below a directory; at the end, undo what it needed."""


class Fault(Struct, frozen=True):
    """Something that goes wrong.

    `is_short` plays it among the tests as well, and `most` is how often it is played at most. `leaves` says what holds
    afterwards: everything, all but facts that the log itself has lost, or nothing as the log is damaged. In the latter
    two the play asserts what is told of that.
    """

    name: str
    play: Play
    install: Install
    is_short: bool = False
    leaves: Literal["everything", "less", "broken"] = "everything"
    most: int | None = None


FAULTS: dict[str, Fault] = {}
"""Every fault by its name, in the order of the modules."""


@contextmanager
def plain(home: Path) -> Iterator[Installation]:
    """An installation as `rooflog up` makes it, with nothing special about it."""
    yield Installation(home)


def fault(name: str, *, install: Install = plain, **traits: Any) -> Callable[[Play], Play]:
    """Declare a fault with its traits."""

    def declare(play: Play) -> Play:
        FAULTS[name] = Fault(name, play, install, **traits)
        return play

    return declare


def load() -> dict[str, Fault]:
    """All faults by name."""
    for module in iter_modules(kinds.__path__):
        import_module(f"{kinds.__name__}.{module.name}")
    return FAULTS
