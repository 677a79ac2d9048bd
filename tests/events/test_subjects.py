"""Subjects: every fact has one of its own, and filters find the facts about one id."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from events import subjects
from events.errors import InvalidFact
from events.facts import CorrectionRecorded, Fact, FeedbackGiven, TrainingTriggered

from .samples import SAID

AT = datetime(2025, 1, 15, 14, 30, tzinfo=UTC)


def correction(example_id: str | None) -> CorrectionRecorded:
    return CorrectionRecorded(
        event_id="fix", occurred_at=AT, actor="ana", example_id=example_id, original_prompt="p",
        original_response="w", corrected_response="r",
    )  # fmt: skip


def test_a_fact_lies_under_the_example_that_it_is_about() -> None:
    liked = FeedbackGiven(event_id="e1", occurred_at=AT, actor="ana", example_id="a", feedback="positive")
    assert subjects.subject_of(liked) == "training.feedback.given.a.e1"
    assert subjects.subject_of(correction("a")) == "training.correction.recorded.a.fix"


def test_a_correction_without_an_example_lies_under_its_own_id() -> None:
    assert subjects.subject_of(correction(None)) == "training.correction.recorded.fix.fix"


def test_a_training_lies_under_its_export() -> None:
    fact = TrainingTriggered(event_id="t1", occurred_at=AT, actor="x", export_digest="0" * 64, outcome="started")
    assert subjects.subject_of(fact) == f"training.training.triggered.{'0' * 64}.t1"


@pytest.mark.parametrize("fact", SAID, ids=lambda fact: type(fact).__name__)
def test_a_subject_is_parsed_into_what_it_was_made_of(fact: Fact) -> None:
    parts = subjects.parse(subjects.subject_of(fact))
    assert parts == (fact.noun, fact.verb, fact.about, fact.event_id)
    assert parts.kind == f"{fact.noun}.{fact.verb}"


@pytest.mark.parametrize("other", ["", "training", "training.junk.1", "training.a.b.c.d.e", "$JS.a.b.c.d", "a.b.c.d.e"])
def test_a_subject_of_another_shape_has_no_parts(other: str) -> None:
    parts = subjects.parse(other)
    assert (*parts, parts.kind, parts.correction_id, parts.ids) == ("", "", "", "", "", None, ())


def test_a_correction_is_about_an_example_and_is_one() -> None:
    assert subjects.parse("training.correction.recorded.a.fix").ids == ("a", "fix")
    assert subjects.parse("training.correction.recorded.fix.fix").ids == ("fix",)
    assert subjects.parse("training.feedback.given.a.e1").ids == ("a",)


def test_a_filter_has_the_id_where_its_subjects_have() -> None:
    assert subjects.about("a") == "training.*.*.a.*"
    assert subjects.captures_of("a") == ["training.example.captured.a.*", "training.example.restated.a.*"]
    assert subjects.correction("fix") == "training.correction.recorded.*.fix"


@pytest.mark.parametrize("bad", ["", "*", ">", "a.b", "a b", "a\n", "ä", "x" * 129])
@pytest.mark.parametrize("make", [subjects.checked, subjects.about, subjects.captures_of, subjects.correction])
def test_no_filter_is_made_of_what_is_not_an_id(make: object, bad: str) -> None:
    with pytest.raises(InvalidFact, match="is not an id"):
        make(bad)  # type: ignore[operator]


def test_new_ids_are_tokens_and_never_the_same() -> None:
    new = [subjects.new_event_id() for _ in range(100)] + [subjects.new_example_id(AT, "doc") for _ in range(100)]
    assert len({subjects.checked(token) for token in new}) == 200


def test_a_new_example_id_tells_people_its_kind_and_time() -> None:
    assert subjects.new_example_id(AT, "doc").startswith("doc_20250115_143000_")
