"""Refusals: what a tombstone lists is not said again, under its id or in its words."""

from __future__ import annotations

from typing import Any

import pytest

from events import calls
from events.codec import encode
from events.errors import InvalidFact
from events.facts import CorrectionRecorded, ExampleErased, Fact
from events.message import Message, remembered, tombstones
from events.refusals import Refusals, refusals
from events.subjects import subject_of

from .samples import BARE

TEXTS: dict[str, Any] = {"prompt": "How high?", "response": "8 inches", "actor": "ana"}
GONE = calls.capture(**TEXTS, example_id="gone")
SAME: dict[str, Any] = {"prompt": "How  high?\r\n", "response": "8\u00a0inches ", "actor": "bo"}


def after(erased: Fact) -> Refusals:
    message = Message(1, subject_of(erased), encode(erased))
    tombstone = ExampleErased(**BARE, example_id=_id(erased), reason="asked", erased=(remembered(message),))
    return refusals(tombstones({2: (Message(2, subject_of(tombstone), encode(tombstone)), tombstone)}, {}))


def _id(fact: Fact) -> str:
    return fact.event_id if isinstance(fact, CorrectionRecorded) else fact.about


def is_refused(refused: Refusals, fact: Fact) -> bool:
    try:
        refused.check_encoded(subject_of(fact), encode(fact))
    except InvalidFact as error:
        return (error.category, "erased on 2025-01-15" in str(error)) == ("erased", True)
    return False


@pytest.mark.parametrize(
    "fact",
    [
        GONE,
        calls.capture("Other?", "words", actor="ana", example_id="gone"),
        calls.capture(**SAME, example_id="other"),
        calls.feedback("gone", "positive", actor="ana"),
        calls.correction("How high?", "8 inches", "9 inches", actor="ana"),
        calls.correction("How high?", "9 inches", "8 inches", actor="ana"),
    ],
    ids=lambda fact: type(fact).__name__,
)
def test_what_says_an_erased_example_again_is_refused(fact: Fact) -> None:
    assert is_refused(after(GONE), fact)


def test_what_follows_a_refused_capture_is_refused() -> None:
    refused = after(GONE)
    assert not is_refused(refused, calls.feedback("other", "positive", actor="ana"))
    assert is_refused(refused, calls.capture(**SAME, example_id="other"))
    assert is_refused(refused, calls.feedback("other", "positive", actor="ana"))


def test_other_words_and_other_examples_are_taken() -> None:
    assert not is_refused(after(GONE), calls.capture("How high?", "8 feet", actor="ana", example_id="other"))
    fix = CorrectionRecorded(
        **BARE | {"event_id": "fix"}, example_id="x", original_prompt="p", original_response="w", corrected_response="r"
    )
    assert not is_refused(after(fix), calls.feedback("x", "positive", actor="ana"))
    assert is_refused(after(fix), calls.feedback(fix.event_id, "positive", actor="ana"))
