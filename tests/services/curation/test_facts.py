"""A correction takes from the example whatever is not given."""

from __future__ import annotations

from typing import Any

import pytest

from events.errors import InvalidFact
from services.curation.facts import correction

EXAMPLE: dict[str, Any] = {
    "example_id": "e1",
    "prompt": "Minimum slope for TPO?",
    "response": "Flat is fine.",
    "tags": ["tpo", "slope"],
    "project_context": "north roof",
}


def test_an_example_gives_what_is_not_given() -> None:
    fact = correction("A quarter inch a foot.", actor="ann", example=EXAMPLE)
    assert (fact.example_id, fact.original_prompt, fact.original_response) == ("e1", *list(EXAMPLE.values())[1:3])
    assert (fact.tags, fact.project_context, fact.corrector) == (("tpo", "slope"), "north roof", "ann")


def test_what_is_given_goes_before_the_example() -> None:
    fact = correction(
        "Better.",
        actor="ann",
        example=EXAMPLE,
        original_prompt="p",
        original_response="r",
        tags=(),
        project="south roof",
        corrector="bob",
    )
    assert (fact.original_prompt, fact.original_response, fact.tags) == ("p", "r", ())
    assert (fact.project_context, fact.corrector) == ("south roof", "bob")


def test_prompt_and_answer_need_no_example() -> None:
    fact = correction("Better.", actor="ann", original_prompt="p", original_response="r")
    assert (fact.example_id, fact.project_context) == (None, "general")


@pytest.mark.parametrize("given", [{}, {"original_prompt": "p"}, {"original_response": "r"}])
def test_nothing_can_be_corrected_without_prompt_and_answer(given: dict[str, Any]) -> None:
    with pytest.raises(InvalidFact, match="give example_id, or both original_prompt and original_response"):
        correction("Better.", actor="ann", **given)
