"""Messages: what was asked and answered, in the shapes that frameworks have."""

from __future__ import annotations

from typing import Any

import pytest

from services.imports.messages import answered_in, asked_in

CALL = [{"name": "find", "args": {"a": 1}, "id": "c", "type": "tool_call"}]


@pytest.mark.parametrize(
    "value",
    [
        "Slope?",
        {"role": "user", "content": "Slope?"},
        [{"role": "user", "content": "Slope?"}],
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "Slope?"}]}]},
        {"messages": [[{"lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages", "HumanMessage"],
                        "kwargs": {"content": "Slope?", "type": "human"}}]]},
        {"messages": [{"type": "human", "content": "Slope?"}]},
        {"messages": [{"type": "human", "data": {"content": "Slope?"}}]},
        {"input": "Slope?"},
        {"question": "Slope?", "context": "Sheet A-5"},
        {"whatever": "Slope?"},
        '{"input": {"query": "Slope?"}}',
    ],
)  # fmt: skip
def test_what_was_asked_is_found(value: Any) -> None:
    assert [(heard.role, heard.text) for heard in asked_in(value)] == [("user", "Slope?")]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("1/4 in.", None),
        ({"role": "assistant", "content": "1/4 in.", "finish_reason": "stop"}, "stop"),
        ({"choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": "1/4 in."}}]}, "stop"),
        ({"generations": [[{"text": "x", "message": {
            "lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages", "AIMessage"],
            "kwargs": {"content": "1/4 in.", "response_metadata": {"finish_reason": "stop"}}}}]]}, "stop"),
        ({"generations": [[{"text": "1/4 in."}]]}, None),
        ({"output": "1/4 in."}, None),
        ({"messages": [{"type": "human", "content": "Slope?"}, {"type": "ai", "content": "1/4 in."}]}, None),
        ('{"answer": "1/4 in."}', None),
    ],
)  # fmt: skip
def test_what_was_answered_is_found(value: Any, reason: str | None) -> None:
    assert [(each.message.text, each.finish_reason) for each in answered_in(value)] == [("1/4 in.", reason)]


@pytest.mark.parametrize("value", [None, 3, True, "", " ", [], {}, [[]], {"input": 3}, {"a": "x", "b": "y"}])
def test_what_holds_no_text_says_nothing(value: Any) -> None:
    assert (asked_in(value), answered_in(value)) == ([], [])


def test_thinking_is_taken_out_of_an_answer() -> None:
    (answer,) = answered_in("<think>Maybe 1/2.</think>1/4 in.")
    assert (answer.message.text, answer.thoughts) == ("1/4 in.", "Maybe 1/2.")


def test_calls_of_tools_are_read_as_langchain_has_them() -> None:
    (heard,) = asked_in({"messages": [{"type": "ai", "content": "", "tool_calls": CALL}]})
    assert (heard.role, heard.calls) == ("assistant", (("c", "find", '{"a":1}'),))


def test_a_text_that_only_looks_like_json_is_a_text() -> None:
    assert [heard.text for heard in asked_in("[sic] slope?")] == ["[sic] slope?"]
