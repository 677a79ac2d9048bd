"""Erasure: the text of an example is in no table any more, whatever else arrives."""

from __future__ import annotations

import pytest

from .given import (
    ANSWER,
    BETTER,
    SUPPLIER,
    approved,
    captured,
    corrected,
    erased,
    given,
    liked,
    redacted,
    tables_holding,
)

OWNER = "Kowalczyk"
PROMPT = f"How high must base flashing of the {OWNER} roof be?"
TEXTS = {"prompt": PROMPT, "response": f"{ANSWER} {OWNER}"}
FULL = captured("a", **TEXTS, details={"note": OWNER})


def test_a_text_that_was_not_erased_is_found_by_these_tests() -> None:
    assert tables_holding(given(FULL).con, OWNER) == ["examples"]


@pytest.mark.parametrize(
    "said",
    [
        [FULL, erased("a")],
        [erased("a"), FULL],
        [FULL, redacted("a", **TEXTS), erased("a")],
        [FULL, erased("a"), redacted("a", **TEXTS)],
        [redacted("a", **TEXTS), erased("a"), FULL],
        [erased("a"), redacted("a", **TEXTS), FULL],
        [FULL, erased("a"), erased("a"), redacted("a", **TEXTS), redacted("a", **TEXTS)],
        [corrected(None, TEXTS["response"], wrong=f"{OWNER}!", prompt=PROMPT, id="a", reason=OWNER), erased("a")],
        [erased("a"), corrected(None, TEXTS["response"], wrong=f"{OWNER}!", prompt=PROMPT, id="a", reason=OWNER)],
        [
            corrected(None, id="a", prompt=PROMPT),
            erased("a"),
            redacted("a", **TEXTS, original_response=OWNER),
        ],
    ],
    ids=lambda said: " ".join(type(fact).__name__.removeprefix("Example") for fact in said),
)  # fmt: skip
def test_the_text_is_gone_from_every_table_whatever_came_first(said: list) -> None:
    story = given(*said, approved("a")).then(training_set=[], why={"a": ["erased"]}, queue=[], texts={"a": ("", "")})
    assert tables_holding(story.con, OWNER) == []


def test_a_redaction_without_erasure_takes_the_old_text_out_of_every_table() -> None:
    story = given(FULL, redacted("a"), corrected(None, id="b", wrong=OWNER), redacted("b", original_response="[gone]"))
    assert tables_holding(given(captured("a", **TEXTS), redacted("a")).con, OWNER) == []
    assert story.show("b")["original_response"] == "[gone]"


def test_an_erased_correction_still_keeps_the_answer_out_that_it_corrected() -> None:
    given(corrected(None), erased("fix"), captured("a"), approved("a")).then(
        training_set=[], why={"a": ["superseded_by fix"], "fix": ["erased"]}
    )
    given(captured("a"), approved("a"), corrected("a", wrong="other"), erased("fix-a")).then(
        training_set=[], why={"a": ["superseded_by fix-a"]}
    )


def test_erasing_the_winner_lets_its_duplicate_in() -> None:
    story = given(captured("a"), captured("b", response=BETTER, minute=1), liked("a"), approved("b"))
    story.then(training_set=["b"])
    story.when(erased("b")).then(training_set=["a"])


def test_two_erased_examples_are_no_duplicates_of_each_other() -> None:
    given(captured("a"), captured("b"), liked("a"), liked("b"), erased("a"), erased("b")).then(
        why={"a": ["erased"], "b": ["erased"]}
    )


def test_the_words_of_an_erased_example_may_be_captured_and_trained_on_again() -> None:
    given(captured("a"), liked("a"), erased("a"), captured("b"), liked("b")).then(training_set=["b"])


def test_personal_data_that_was_erased_is_no_reason_any_more() -> None:
    given(captured("a", response=ANSWER + SUPPLIER), liked("a"), erased("a")).then(why={"a": ["erased"]})


@pytest.mark.parametrize("order", ["erased last", "erased first"])
def test_a_second_capture_of_an_erased_id_leaves_no_text_in_the_quarantine(order: str) -> None:
    said = [FULL, captured("a", **TEXTS)]
    story = given(*said, erased("a")) if order == "erased last" else given(erased("a"), *said)
    assert tables_holding(story.con, OWNER) == []


def test_a_correction_of_an_erased_example_does_not_keep_its_text() -> None:
    story = given(FULL, corrected("a", wrong=TEXTS["response"], prompt=PROMPT), erased("a"))
    assert tables_holding(story.con, OWNER) == []
