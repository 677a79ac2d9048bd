"""Opinions: where question and answer are in the fields of a form, and which columns ask about the answer."""

from __future__ import annotations

from typing import Any

import pytest

from services.imports.opinions import is_asked, messages

ASKED = [{"role": "user", "content": "Which slope?"}, {"role": "assistant", "content": "1/4 in per foot."}]


@pytest.mark.parametrize(
    "fields",
    [
        {"prompt": "Which slope?", "response": "1/4 in per foot."},
        {"question": "Which slope?", "answer": "1/4 in per foot.", "model": "m"},
        {"text": "Which slope?", "summary": "1/4 in per foot."},
        {"chat": ASKED},
    ],
)
def test_question_and_answer_are_found_by_name(fields: dict[str, Any]) -> None:
    assert messages(fields) == ASKED


def test_the_context_stands_below_an_instruction() -> None:
    fields = {"instruction": "Name the slope.", "input": "TPO", "output": "1/4 in."}
    assert (messages(fields) or [{}])[0]["content"] == "Name the slope.\n\nTPO"


@pytest.mark.parametrize("fields", [{}, {"prompt": "Which slope?"}, {"a": "x", "b": "y", "c": "z"}, {"a": "x", "b": 3}])
def test_fields_without_an_answer_are_no_example(fields: dict[str, Any]) -> None:
    assert messages(fields) is None


def test_columns_of_the_answer_ask_nothing() -> None:
    asked = ["quality", "corrected_answer", "comment", "is_incorrect", "prompt", "credit", "generated_by"]
    assert [is_asked(name) for name in asked] == [True, True, True, True, False, False, False]
