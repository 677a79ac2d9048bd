"""Conversations: the last example of each that was said by this process, so that the next turn names it."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterable

from msgspec import Struct, structs

from .facts import ExampleCaptured

CONVERSATIONS = 10_000
"""Conversations that a process remembers, the ones that went on last: some 3 MB."""


class Last(Struct, frozen=True):
    """The last example of a conversation, and the digest of the system text that holds in it."""

    example_id: str
    system: bytes | None

    @classmethod
    def of(cls, example_id: str, system: str | None) -> Last:
        """An example, and the system text that it was asked under."""
        return cls(example_id, None if system is None else _digest(system))

    def has(self, system: str | None) -> bool:
        """Whether this system text holds there already."""
        return system is not None and _digest(system) == self.system


class Conversations:
    """The memory of one process, for any thread; a conversation that it forgot is still named by its facts."""

    def __init__(self, most: int = CONVERSATIONS) -> None:
        self._most = most
        self._last: OrderedDict[str, Last] = OrderedDict()
        self._lock = threading.Lock()

    def linked(self, facts: Iterable[ExampleCaptured], whose: str = "") -> list[ExampleCaptured]:
        """The captures, each with the example that it follows where they know none; of `whose` conversations.

        A system text is left out where the turn before has the same one. Nothing is remembered.
        """
        earlier: dict[str, Last] = {}
        linked = []
        for fact in facts:
            key = _key(whose, fact.conversation or "")
            before = (earlier.get(key) or self.get(key)) if fact.conversation is not None else None
            linked.append(_after(fact, before))
            earlier[key] = _last(linked[-1], before)
        return linked

    def remember(self, facts: Iterable[ExampleCaptured], whose: str = "") -> None:
        """Keep these captures, as `linked` gave them, as the last ones of their conversations."""
        for fact in facts:
            if fact.conversation is not None:
                key = _key(whose, fact.conversation)
                self.keep(key, _last(fact, self.get(key)))

    def forget(self, conversation: str, whose: str = "") -> None:
        """Name no turn of a conversation any more, until the next one was said."""
        with self._lock:
            self._last.pop(_key(whose, conversation), None)

    def get(self, key: str) -> Last | None:
        """What was kept last under a key."""
        with self._lock:
            return self._last.get(key)

    def keep(self, key: str, last: Last) -> None:
        """Keep it, and forget the conversation that has rested for the longest where they are too many."""
        with self._lock:
            self._last[key] = last
            self._last.move_to_end(key)
            if len(self._last) > self._most:
                self._last.popitem(last=False)


def _key(whose: str, conversation: str) -> str:
    return f"{whose}\0{conversation}"


def _after(fact: ExampleCaptured, before: Last | None) -> ExampleCaptured:
    """A capture behind the last one of its conversation; one that comes again does not follow itself."""
    if before is None or before.example_id == fact.example_id or fact.follows not in (None, before.example_id):
        return fact
    system = None if before.has(fact.system) else fact.system
    return structs.replace(fact, follows=before.example_id, system=system)


def _last(fact: ExampleCaptured, before: Last | None) -> Last:
    if fact.system is None and before is not None and before.example_id in (fact.follows, fact.example_id):
        return Last(fact.example_id, before.system)
    return Last.of(fact.example_id, fact.system)


def _digest(text: str) -> bytes:
    whole = str(text)  # a value of another type is refused when its fact is encoded, with words for the caller
    return hashlib.sha256(whole.encode("utf-8", "surrogatepass")).digest()
