"""Aliases: examples that the log knows by the id which 0.1.0 gave them are said under that id again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from events.codec import decode, encode
from events.facts import ExampleCaptured
from events.subjects import subject_of

from .spool import Spooled

if TYPE_CHECKING:
    from events.log.log import Log

_NAMES = ("event_id", "example_id", "follows", "conversation")


class Aliases:
    """Which examples of an import are known by another id, learned as its facts come in the order of their times."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    async def resolved(self, log: Log, facts: list[Spooled]) -> list[Spooled]:
        """The facts, each under the id by which the log knows its example."""
        before = {fact.subject: _before(fact) for fact in facts if fact.known_as}
        known = await log.last([*before, *before.values()]) if before else {}
        for fact in facts:
            if fact.known_as and fact.subject not in known and before[fact.subject] in known:
                self._known[_example_id(fact)] = fact.known_as
        return [self._renamed(fact) for fact in facts] if self._known else facts

    def _renamed(self, fact: Spooled) -> Spooled:
        decoded = decode(fact.data)
        if not isinstance(decoded, ExampleCaptured):
            return fact
        changes: dict[str, Any] = {
            name: self._known[value] for name in _NAMES if (value := getattr(decoded, name)) in self._known
        }
        if not changes:
            return fact
        renamed = msgspec.structs.replace(decoded, **changes)
        return msgspec.structs.replace(fact, subject=subject_of(renamed), data=encode(renamed))


def _example_id(fact: Spooled) -> str:
    return fact.subject.rpartition(".")[2]


def _before(fact: Spooled) -> str:
    """The subject that a capture had under the other id."""
    return fact.subject.replace(_example_id(fact), fact.known_as)
