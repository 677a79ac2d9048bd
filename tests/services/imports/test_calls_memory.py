"""Memory of calls: a request sees what the process knows, and leaves only what was published."""

from __future__ import annotations

from events import chat
from services.imports import calls_memory
from services.imports.calls_memory import Call, Memory


def call(name: str, digest: str, first: str | None = None, began: int = 1) -> Call:
    return Call(began=began, example_id=name, digest=digest, system=None, first=first, trace_id=f"trace of {name}")


def test_a_request_sees_what_is_behind_it() -> None:
    behind = Memory()
    behind.keep([], call("one", "d1"))
    memory = Memory(behind)
    memory.keep(["d1"], call("two", "d2", first="d1"))
    assert (memory.example_id("d1"), memory.conversation("d2"), memory.has_call("trace of one")) == ("one", "one", True)
    assert not behind.knows("d2")


def test_only_what_was_published_is_taken_over() -> None:
    behind = Memory()
    memory = Memory(behind)
    memory.keep([], call("one", "d1"))
    memory.keep([], call("two", "d2"))
    memory.tell("d3", None)
    behind.absorb(memory, {"one", chat.turn_id("d3")})
    assert [behind.knows(digest) for digest in ("d1", "d2", "d3")] == [True, False, True]
    assert not behind.has_call("trace of two")


def test_the_earliest_of_two_calls_gives_a_turn() -> None:
    memory = Memory()
    memory.keep([], call("later", "d1", began=2))
    memory.keep([], call("earlier", "d1", began=1))
    assert memory.example_id("d1") == "earlier"


def test_too_much_is_forgotten() -> None:
    behind = Memory()
    for n in range(calls_memory.MOST // 2 + 1):
        behind.keep([], call(f"c{n}", f"d{n}"))
    memory = Memory(behind)
    memory.keep([], call("new", "dn"))
    behind.absorb(memory, {"new"})
    assert [behind.knows(digest) for digest in ("d0", "dn")] == [False, True]
