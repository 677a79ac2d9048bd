"""Suggestions: no model is told what may be personal, and what it answers is read or refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from events.errors import InputError
from services.curation.suggestions import MOST_CHARS, NoAnswer, answer_of, request_of


def example(prompt: str = "How high?", response: str = "4 inches.", **more: Any) -> dict[str, Any]:
    return {"prompt": prompt, "response": response, "earlier": [], "comments": []} | more


def test_nothing_that_may_be_personal_is_sent() -> None:
    mail = "write to maria.keller@example.com"
    asked = example(
        f"How high? {mail}",
        f"4 inches, at 12 Maple Street, {mail}",
        earlier=[{"prompt": "Call 312-555-0147.", "response": f"Hello, {mail}"}],
        comments=[{"seq": 7, "text": f"call 212-555-0147, {mail}"}],
    )
    sent = json.dumps(request_of(asked, "model-1"))
    assert "[EMAIL]" in sent
    assert not [word for word in ("maria.keller", "Maple", "555-0147") if word in sent]


def test_a_model_reads_the_conversation_and_its_comments() -> None:
    asked = example(
        earlier=[{"prompt": "Which roof?", "response": "TPO."}], comments=[{"seq": 7, "text": "too low for snow"}]
    )
    document = request_of(asked, "model-1")
    assert document["model"] == "model-1"
    assert [(m["role"], m["content"]) for m in document["messages"][1:-1]] == [
        ("user", "Which roof?"),
        ("assistant", "TPO."),
        ("user", "How high?"),
        ("assistant", "4 inches."),
    ]
    assert "too low for snow" in document["messages"][-1]["content"]


def test_texts_that_are_too_long_are_not_sent() -> None:
    with pytest.raises(InputError, match=f"{MOST_CHARS:,} at most"):
        request_of(example("x" * (MOST_CHARS + 1)), "model-1")


def test_an_erased_example_is_not_sent() -> None:
    with pytest.raises(InputError, match="no question"):
        request_of(example("", ""), "model-1")


def test_an_answer_is_the_text_of_the_first_choice() -> None:
    assert answer_of(b'{"id": "x", "choices": [{"message": {"role": "assistant", "content": " 8 inches. "}}]}') == (
        "8 inches."
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"{}",
        b'{"choices": []}',
        b'{"choices": [{"message": {"content": null}}]}',
        b'{"choices": [{"message": {"content": "  "}}]}',
        b'{"choices": 3}',
        b'{"error": {"message": "no"}}',
        b"\xff",
    ],
)
def test_what_holds_no_answer_is_refused(body: bytes) -> None:
    with pytest.raises(NoAnswer):
        answer_of(body)
