"""A check: one thing that may be wrong with an installation, looked at without changing anything."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from msgspec import Struct

from .installation import Installation, Part


class Trouble(Struct, frozen=True):
    """What is wrong, and what to do about it."""

    what: str
    cure: str


def of(error: Exception, cure: str) -> Trouble:
    """The trouble that an error tells of: our errors say what is wrong and, behind a semicolon, what to do."""
    what, _, advice = str(error).partition("; ")
    return Trouble(what or type(error).__name__, advice or cure)


Look = Callable[[Installation], AsyncIterator[Trouble]]


class Check(Struct, frozen=True):
    """A check under the noun that it is about, and what must be there before anything can be said about that."""

    name: str
    look: Look
    needs: Part = "directory"
