"""GenAI since 1.37: messages in parts, on the span or in its details event."""

from __future__ import annotations

import json
from typing import Any

import pytest

from services.imports.conventions import genai
from services.imports.otlp import Span


def span(attributes: dict[str, Any], *events: tuple[str, dict[str, Any]]) -> Span:
    """A span with these attributes and events."""
    return Span(trace_id="a" * 32, span_id="b" * 16, attributes=attributes, events=list(events))


PARTS = {
    "gen_ai.system_instructions": json.dumps([{"type": "text", "content": "You are a roofer."}]),
    "gen_ai.input.messages": json.dumps([
        {"role": "user", "parts": [{"type": "text", "content": "Curb height?"}]},
        {"role": "assistant", "parts": [{"type": "tool_call", "id": "c", "name": "find", "arguments": {"a": 1}}]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c", "response": "8 in"}]},
    ]),
    "gen_ai.output.messages": json.dumps([
        {"role": "assistant", "finish_reason": "stop",
         "parts": [{"type": "reasoning", "content": "See E-3."}, {"type": "text", "content": "8 inches."}]},
    ]),
}  # fmt: skip


@pytest.mark.parametrize("held", [span(PARTS), span({}, (genai.DETAILS, PARTS))], ids=["attributes", "event"])
def test_messages_in_parts_are_read(held: Span) -> None:
    texts = genai.read(held)
    assert texts is not None
    assert [(heard.role, heard.text) for heard in texts.asked] == [
        ("user", "Curb height?"), ("assistant", ""), ("tool", ""),
    ]  # fmt: skip
    assert (texts.asked[1].calls, texts.asked[2].results) == ((("c", "find", '{"a":1}'),), (("c", "8 in"),))
    (answer,) = texts.answers
    assert (answer.message.text, answer.thoughts, answer.finish_reason) == ("8 inches.", "See E-3.", "stop")
    assert (texts.system, texts.is_outer) == ("You are a roofer.", False)


def test_a_span_without_messages_is_another_ones() -> None:
    assert genai.read(span({"gen_ai.prompt.0.content": "Slope?"})) is None


def test_an_agents_span_is_outer() -> None:
    texts = genai.read(span(PARTS | {"gen_ai.operation.name": "invoke_agent"}))
    assert texts is not None
    assert texts.is_outer


def test_content_as_openai_has_it_is_read_too() -> None:
    texts = genai.read(span({"gen_ai.input.messages": '[{"role": "user", "content": "Slope?"}]'}))
    assert texts is not None
    assert [heard.text for heard in texts.asked] == ["Slope?"]
