"""Spans of a request: facts in their order, what is wrong beside them, and what was said before."""

from __future__ import annotations

from services.imports.calls_memory import Memory
from services.imports.received import received

from .test_spans import FOLLOW, A, Q, span, turn


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
