"""GenAI until 1.36: an event for each message, its body under one of three names."""

from __future__ import annotations

import json
from typing import Any

import pytest

from services.imports.conventions import events

from .test_genai import span

BODIES: list[tuple[str, dict[str, Any]]] = [
    ("gen_ai.system.message", {"content": "You are a roofer."}),
    ("gen_ai.user.message", {"content": "Curb height?"}),
    ("gen_ai.assistant.message", {"tool_calls": [{"id": "c", "function": {"name": "find", "arguments": "{}"}}]}),
    ("gen_ai.tool.message", {"id": "c", "content": "8 in"}),
    ("gen_ai.choice", {"index": 0, "finish_reason": "stop", "message": {"content": "8 inches."}}),
]
AS_CONTENT = span({}, *((name, {"gen_ai.event.content": json.dumps(body)}) for name, body in BODIES))
AS_ATTRIBUTES = span({}, *((name, body) for name, body in BODIES))
AS_ONE = span({"events": json.dumps([{"event.name": name} | body for name, body in BODIES])})


@pytest.mark.parametrize("held", [AS_CONTENT, AS_ATTRIBUTES, AS_ONE], ids=["content", "attributes", "one"])
def test_an_event_is_a_message(held: Any) -> None:
    texts = events.read(held)
    assert texts is not None
    assert [(heard.role, heard.text) for heard in texts.asked] == [
        ("system", "You are a roofer."), ("user", "Curb height?"), ("assistant", ""), ("tool", "8 in"),
    ]  # fmt: skip
    assert (texts.asked[2].calls, texts.asked[3].results) == ((("c", "find", "{}"),), (("c", "8 in"),))
    assert [(each.message.text, each.finish_reason) for each in texts.answers] == [("8 inches.", "stop")]


def test_a_choice_may_hold_its_message_as_text() -> None:
    texts = events.read(span(
        {}, ("gen_ai.user.message", {"content": '[{"text": "Slope?"}]'}),
        ("gen_ai.choice", {"message": '[{"text": "1/4 in per foot."}]', "finish_reason": "end_turn"}),
    ))  # fmt: skip
    assert texts is not None
    assert [heard.text for heard in texts.asked] == ["Slope?"]
    assert [(each.message.text, each.finish_reason) for each in texts.answers] == [("1/4 in per foot.", "end_turn")]


def test_the_first_conventions_hold_all_in_two_events() -> None:
    asked = json.dumps([{"role": "user", "content": "Slope?"}])
    answered = json.dumps([{"role": "assistant", "content": "1/4 in per foot."}])
    texts = events.read(span(
        {}, ("gen_ai.content.prompt", {"gen_ai.prompt": asked}),
        ("gen_ai.content.completion", {"gen_ai.completion": answered}),
    ))  # fmt: skip
    assert texts is not None
    assert (texts.asked[0].text, texts.answers[0].message.text) == ("Slope?", "1/4 in per foot.")


def test_other_events_say_nothing() -> None:
    assert events.read(span({}, ("exception", {"exception.message": "x"}))) is None
