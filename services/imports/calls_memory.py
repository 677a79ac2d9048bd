"""What is remembered of calls: which conversation each has answered, by the words of it."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Container, Iterable
from typing import TypeVar

from msgspec import Struct

from events import chat

MOST = 20_000
"""Turns and traces of one caller that a process remembers: some 10 MB."""

V = TypeVar("V")


class Call(Struct, frozen=True):
    """A call that answered a conversation so far: since when, the digest of its system text, and of its first turn.

    `first` is None where it is the first turn itself. `trace_id` is that of a call of a model.
    """

    began: int
    example_id: str
    digest: str
    system: bytes | None
    first: str | None
    trace_id: str | None


class Memory:
    """The calls of an import; or those of one request, before everything that a process remembers."""

    def __init__(self, behind: Memory | None = None) -> None:
        self._calls: ChainMap[str, Call] = _layer(None if behind is None else behind._calls)
        self._began: ChainMap[str, int] = _layer(None if behind is None else behind._began)
        self._told: ChainMap[str, bytes | None] = _layer(None if behind is None else behind._told)
        self._traces: ChainMap[str, Call] = _layer(None if behind is None else behind._traces)

    def keep(self, digests: Iterable[str], call: Call | None) -> None:
        """Remember a call, and that its earlier turns were said before it; None for one that failed."""
        if call is None:
            return
        for digest in digests:
            self._began[digest] = min(call.began, self._began.get(digest, call.began))
        known = self._calls.get(call.digest, call)
        self._calls[call.digest] = min(call, known, key=lambda each: (each.began, each.example_id))
        if call.trace_id is not None:
            last = self._traces.get(call.trace_id, call)
            self._traces[call.trace_id] = call if call.began >= last.began else last

    def absorb(self, other: Memory, published: Container[str]) -> None:
        """Take over what a request has learned, of the examples that were published; too much is forgotten."""
        if len(self._calls) + len(self._told) + len(self._traces) > MOST:
            for held in (self._calls, self._began, self._told, self._traces):
                held.clear()
        self._calls.update({digest: call for digest, call in _own(other._calls) if call.example_id in published})
        self._told.update({digest: system for digest, system in _own(other._told) if chat.turn_id(digest) in published})
        self._traces.update({trace: call for trace, call in _own(other._traces) if call.example_id in published})

    def knows(self, digest: str) -> bool:
        """Whether the conversation until a turn has an example that ends with it."""
        return digest in self._calls or digest in self._told

    def tell(self, digest: str, system: bytes | None) -> None:
        """Remember that a turn became an example of its own, under a system text."""
        self._told[digest] = system

    def has_call(self, trace_id: str | None) -> bool:
        """Whether a model has answered in a trace."""
        return self.last_of(trace_id) is not None

    def last_of(self, trace_id: str | None) -> str | None:
        """The example that is the last answer of a model in a trace."""
        call = None if trace_id is None else self._traces.get(trace_id)
        return call.example_id if call else None

    def began(self, digest: str, otherwise: int) -> int:
        """When the first call was made that knows a turn."""
        return self._began.get(digest, otherwise)

    def example_id(self, digest: str) -> str:
        """The example that is the last turn of a conversation of this digest."""
        call = self._calls.get(digest)
        return call.example_id if call else chat.turn_id(digest)

    def conversation(self, digest: str) -> str:
        """The name of a conversation without one, from its first turn: the example of that."""
        call = self._calls.get(digest)
        return self.conversation(call.first) if call and call.first else self.example_id(digest)

    def held(self, digests: Iterable[str]) -> bytes | None:
        """The digest of the system text that holds after some turns."""
        held: bytes | None = None
        for digest in digests:
            call = self._calls.get(digest)
            held = (call.system if call else self._told.get(digest)) or held
        return held


def _layer(behind: ChainMap[str, V] | None) -> ChainMap[str, V]:
    return ChainMap({}) if behind is None else behind.new_child()


def _own(layered: ChainMap[str, V]) -> Iterable[tuple[str, V]]:
    return layered.maps[0].items()
