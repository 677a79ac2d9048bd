"""Spans as they are received: those of one request as facts, without a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from events.facts import ExampleCaptured

from .calls_memory import Memory
from .report import reason_of
from .spans import Spans


class Received(Struct):
    """The facts of a request in the order of their times, and what of it could not be read, each with its reason.

    `memory` is what the request has told of its calls, for the time when its facts are published.
    """

    memory: Memory
    facts: list[ExampleCaptured] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def received(data: Mapping[str, Any], actor: str, behind: Memory) -> Received:
    """What a request in OTLP's JSON encoding says; `actor` says it, and `behind` is what was said before."""
    request = Received(Memory(behind))
    spans = Spans(request.memory, actor)
    spans.learn(data)
    for label, part in spans.parts(data):
        try:
            facts = [fact for fact in spans.facts_of(part) if isinstance(fact, ExampleCaptured)]
        except Exception as error:
            request.refused.append(f"{label}: {reason_of(error)}")
        else:
            request.facts += facts
    request.facts.sort(key=lambda fact: fact.occurred_at)
    return request
