"""Responses of models' interfaces: found where logs and batches have them, and told apart by their shape."""

from __future__ import annotations

from typing import Any

import pytest

from services.imports import responses

OPENAI: dict[str, Any] = {"id": "a", "choices": [{"message": {"content": "x"}, "finish_reason": "stop"}]}
ANSWER = {"role": "assistant", "content": "x"}


@pytest.mark.parametrize(
    "line",
    [
        OPENAI,
        {"response": OPENAI},
        {"response": {"status_code": 200, "body": OPENAI}},
        {"output": OPENAI},
        {"result": {"type": "succeeded", "message": OPENAI}},
    ],
)
def test_a_response_is_found_where_it_stands(line: dict[str, Any]) -> None:
    assert responses.found(line) is OPENAI


@pytest.mark.parametrize("line", [{}, {"response": "x"}, {"choices": 3}, {"type": "message", "role": "user"}])
def test_what_is_no_response_is_not_found(line: dict[str, Any]) -> None:
    assert responses.found(line) is None


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (OPENAI, [[ANSWER | {"finish_reason": "stop"}]]),
        ({"choices": [{"text": "x"}, {"text": "y"}]}, [[ANSWER], [ANSWER | {"content": "y"}]]),
        ({"type": "message", "role": "assistant", "content": "x", "stop_reason": "end_turn"},
         [[ANSWER | {"finish_reason": "end_turn"}]]),
        ({"candidates": [{"content": {"parts": ["x"]}, "finish_reason": "SAFETY"}, {"finishReason": "SAFETY"}]},
         [[ANSWER | {"finish_reason": "SAFETY"}], []]),
        ({"object": "response", "output": [ANSWER], "incomplete_details": {"reason": "content_filter"}},
         [[ANSWER | {"finish_reason": "content_filter"}]]),
    ],
)  # fmt: skip
def test_choices_become_messages(response: dict[str, Any], expected: list[Any]) -> None:
    assert responses.answers(response).choices == expected


def test_only_a_long_id_is_nobody_elses() -> None:
    values = ("a" * 20, "a" * 19, "a" * 129, "a b" * 9, 3)
    assert [responses.own_id(value) for value in values] == ["a" * 20, None, None, None, None]
