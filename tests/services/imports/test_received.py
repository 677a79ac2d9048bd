"""Spans of a request: facts in their order, what is wrong beside them, and what was said before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from events import calls
from events.errors import InvalidFact
from events.facts import ExampleCaptured
from services.imports.calls_memory import Memory
from services.imports.received import received

from .test_spans import FOLLOW, A, Q, span, text, turn


def test_facts_come_in_the_order_of_their_times() -> None:
    data = {"resourceSpans": [*turn(2, Q, A, FOLLOW, answer="The same.")["resourceSpans"],
                              *turn(1, Q, answer="1/4 in per foot.")["resourceSpans"]]}  # fmt: skip
    first, second = received(data, "assistant", Memory()).facts
    assert (first.actor, second.follows) == ("assistant", first.example_id)


def test_a_request_knows_what_was_published_before() -> None:
    behind = Memory()
    first = received(turn(1, Q, answer="1/4 in per foot."), "assistant", behind)
    later = turn(2, Q, A, FOLLOW, answer="The same.")
    (earlier, _) = received(later, "assistant", behind).facts
    assert earlier.example_id.startswith("turn_")
    behind.absorb(first.memory, {fact.event_id for fact in first.facts})
    (second,) = received(later, "assistant", behind).facts
    assert second.follows == first.facts[0].example_id


def test_what_cannot_be_read_is_told() -> None:
    data = span(startTimeUnixNano="soon")
    data["resourceSpans"] += [*span(spanId="c" * 16)["resourceSpans"], 3]
    request = received(data, "assistant", Memory())
    assert (len(request.facts), len(request.refused)) == (1, 2)
    assert "is no time" in request.refused[0]


def test_a_span_without_a_time_harms_no_other() -> None:
    for moment in ("-" + "9" * 30, "9" * 30, "-1"):
        bad = turn(2, Q, A, FOLLOW, answer="The same.")
        bad["resourceSpans"][0]["scopeSpans"][0]["spans"][0] |= {"startTimeUnixNano": moment, "spanId": "d" * 16}
        data = {"resourceSpans": [*bad["resourceSpans"], *turn(3, Q, A, FOLLOW, answer="No.")["resourceSpans"]]}
        request = received(data, "assistant", Memory())
        assert [fact.response for fact in request.facts] == [A["parts"][0]["content"], "No."]
        (reason,) = request.refused
        assert f"startTimeUnixNano '{moment}' is no time" in reason


def test_a_turn_that_is_no_fact_harms_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(question: str, *given: Any, **more: Any) -> ExampleCaptured:
        if more["example_id"].startswith("turn_"):
            raise InvalidFact("invalid", "too long")
        return capture(question, *given, **more)

    capture = calls.capture
    monkeypatch.setattr(calls, "capture", refuse)
    request = received(turn(2, Q, A, FOLLOW, answer="The same."), "assistant", Memory())
    assert [fact.response for fact in request.facts] == ["The same."]
    assert ["too long" in reason for reason in request.refused] == [True]


def test_each_earlier_turn_is_looked_at_a_few_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many turns a call has, the work on each is the same."""
    looked_at = 0

    def counted(memory: Memory, digests: Sequence[str]) -> bytes | None:
        nonlocal looked_at
        looked_at += len(digests)
        return held(memory, digests)

    held = Memory.held
    monkeypatch.setattr(Memory, "held", counted)
    said = [text(role, f"{n}") for n in range(200) for role in ("user", "assistant")]
    request = received(turn(500, *said, FOLLOW, answer="The same."), "assistant", Memory())
    assert len(request.facts) == 201
    assert looked_at <= 5 * 200
