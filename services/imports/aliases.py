"""Aliases: the one id of an example that has several names, for the log, its source, and by what it says.

An example that the log knows is said under the name that the log knows: by what it says, or as 0.1.0 called it. A new
one has its source's own id. An earlier turn that a call repeats is left to the line that says it itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from events.codec import decode, encode
from events.facts import ExampleCaptured
from events.subjects import ROOT, parse, subject_of

from .spool import Spooled

if TYPE_CHECKING:
    from events.log.log import Log

_CAPTURES = f"{ROOT}.{ExampleCaptured.noun}.{ExampleCaptured.verb}."
_NAMES = ("event_id", "example_id", "follows", "conversation")


class Aliases:
    """The ids under which examples of an import are said, learned as its facts come in the order of their times."""

    def __init__(self, own: dict[str, str]) -> None:
        """`own` are the own ids of examples by those that follow from what they say."""
        self._own = own
        self._known: dict[str, str] = {}

    async def resolved(self, log: Log, facts: list[Spooled]) -> tuple[list[Spooled], int]:
        """The facts, each under the id of its example, and how many are left to other lines that say them."""
        kept = [fact for fact in facts if not (fact.names.is_repeated and _about(fact) in self._own)]
        captures = [fact for fact in kept if fact.subject.startswith(_CAPTURES)]
        named = [fact for fact in captures if fact.names.known_as or _about(fact) in self._own]
        subjects = {fact.subject for fact in named} | {_before(fact) for fact in named if fact.names.known_as}
        known = await log.last(list(subjects)) if subjects else {}
        for fact in named:
            example_id, names = _about(fact), fact.names
            known_as = example_id if fact.subject in known else names.known_as if _before(fact) in known else ""
            if known_as:
                self._known |= {name: known_as for name in (example_id, names.own_id) if name and name != known_as}
                self._known[example_id] = known_as
        return [self._renamed(fact) for fact in kept] if self._known or self._own else kept, len(facts) - len(kept)

    def _renamed(self, fact: Spooled) -> Spooled:
        decoded: Any = decode(fact.data)
        about = _about(fact)
        changes: dict[str, str] = {}
        for name in _NAMES:
            value = getattr(decoded, name, None)
            own_id = fact.names.own_id if value == about else ""
            other = self._known.get(value) or own_id or self._own.get(value) if value else None
            if other and other != value:
                changes[name] = other
        if not changes:
            return fact
        renamed = msgspec.structs.replace(decoded, **changes)
        return msgspec.structs.replace(fact, subject=subject_of(renamed), data=encode(renamed))


def _about(fact: Spooled) -> str:
    return parse(fact.subject).about


def _before(fact: Spooled) -> str:
    """The subject that a capture had when 0.1.0 said it."""
    return fact.subject.replace(_about(fact), fact.names.known_as)
