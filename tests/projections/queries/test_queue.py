"""The review queue: what waits for a person, why, and what comes first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from projections.queries import examples

from ..given import (
    ANSWER,
    BETTER,
    OTHER_PROMPT,
    PROMPT,
    SUPPLIER,
    Said,
    Story,
    adopted,
    approved,
    captured,
    corrected,
    disliked,
    document,
    erased,
    given,
    liked,
    policy,
    redacted,
    rejected,
    reopened,
)

BORDERLINE: dict[str, Any] = {
    "prompt": "Is it a problem that the drain is warm?",
    "response": "A roof and its drain are warm in the sun; nothing needs to be done about that.",
}
"""Relevance of a score at the very threshold of `medium`."""


def without_new_topics(*said: Said) -> Story:
    """A story in which no tag is ever new."""
    return given(adopted(policy(review={"new_topic_below": 0})), *said)


def test_corrections_come_first_then_complaints_new_topics_edge_cases_rest() -> None:
    facts = [
        captured("plain", PROMPT + " On EPDM roofs"),
        captured("edge", **BORDERLINE),
        captured("new", "Is EPDM roofing glued?", tags=("never-heard-of",)),
        captured("bad", OTHER_PROMPT),
        disliked("bad"),
        corrected(None, prompt="Which roof drain?"),
    ]
    known = [("fix", "correction"), ("bad", "negative_feedback")]
    without_new_topics(*facts).then(
        queue=[*known, ("edge", "edge_case"), ("new", "not_reviewed"), ("plain", "not_reviewed")]
    )
    new_only = policy(review={"new_topic_below": 1})
    in_training = captured("old", "Which EPDM membrane flashing?", tags=("flashing",), source="verified_calculation")
    given(adopted(new_only), in_training, *facts).then(
        queue=[*known, ("new", "new_topic"), ("edge", "edge_case"), ("plain", "not_reviewed")]
    )


def test_within_one_reason_the_latest_on_the_log_comes_first() -> None:
    without_new_topics(captured("a", minute=9), captured("b"), captured("c")).then(
        queue=[("c", "not_reviewed"), ("b", "not_reviewed"), ("a", "not_reviewed")]
    )


def test_a_tag_is_a_new_topic_until_it_has_enough() -> None:
    story = given(adopted(policy(review={"new_topic_below": 2})), captured("a"), document("b", prompt=OTHER_PROMPT))
    story.then(queue=[("a", "new_topic")])
    story.when(document("c", prompt="Which TPO flashing is best?")).then(queue=[("a", "not_reviewed")])


@pytest.mark.parametrize("decision", [approved("a"), rejected("a")], ids=["approved", "rejected"])
def test_a_decision_takes_an_example_out_of_the_queue(decision: Said) -> None:
    given(captured("a"), decision).then(queue=[])
    given(captured("a"), disliked("a"), decision).then(queue=[])
    given(corrected(None, id="a"), decision).then(queue=[])


@pytest.mark.parametrize("decision", [approved("a"), rejected("a")], ids=["approved", "rejected"])
def test_a_complaint_after_the_decision_brings_it_back(decision: Said) -> None:
    given(captured("a"), decision, disliked("a")).then(queue=[("a", "negative_feedback")])
    given(corrected(None, id="a"), decision, disliked("a")).then(queue=[("a", "correction")])
    given(captured("a"), decision, disliked("a"), liked("a")).then(queue=[])
    given(captured("a"), decision, disliked("a"), approved("a")).then(queue=[])


def test_what_is_approved_without_a_reviewer_does_not_wait() -> None:
    given(captured("a"), liked("a"), captured("b", source="verified_calculation"), document("c")).then(queue=[])


def test_corrections_always_wait_even_where_a_filter_keeps_them_out() -> None:
    unfit = corrected(None, "Lunch.", prompt="Lunch?", include_in_training=False)
    given(unfit, liked("fix")).then(queue=[("fix", "correction")])


def test_what_no_reviewer_could_get_in_does_not_wait() -> None:
    given(
        captured("failed", source="error"),
        captured("private", include_in_training=False),
        captured(
            "lunch", "Where shall we have lunch?", "At the usual place, as on every other day of this week, at noon."
        ),
        captured("short", "TPO?"),
        disliked("failed"),
        disliked("lunch"),
    ).then(queue=[])


def test_a_complaint_on_a_short_answer_waits() -> None:
    given(captured("a", response="TPO."), disliked("a")).then(queue=[("a", "negative_feedback")])


def test_what_was_superseded_or_erased_does_not_wait() -> None:
    given(captured("a"), disliked("a"), corrected("a"), captured("b"), disliked("b"), erased("b")).then(
        queue=[("fix-a", "correction")]
    )


def test_personal_data_waits_whoever_liked_it_until_it_is_redacted() -> None:
    story = without_new_topics(captured("a", response=ANSWER + SUPPLIER), liked("a"))
    story.then(queue=[("a", "edge_case")])
    story.when(redacted("a")).then(queue=[], training_set=["a"])


def test_borderline_relevance_waits_unless_it_is_approved() -> None:
    without_new_topics(captured("a", **BORDERLINE)).then(queue=[("a", "edge_case")])
    without_new_topics(captured("a", **BORDERLINE), liked("a")).then(queue=[])


class TestAsking:
    STORY = given(
        captured("a", tags=("tower",)),
        captured("b", OTHER_PROMPT, source="rfi_generation"),
        disliked("b"),
        corrected(None, prompt="Which roof drain?", right=BETTER),
    )

    @pytest.mark.parametrize(
        ("asked", "ids"),
        [
            ({}, ["fix", "b", "a"]),
            ({"tag": "tower"}, ["a"]),
            ({"source": "user_correction"}, ["fix"]),
            ({"why": "negative_feedback"}, ["b"]),
            ({"why": "new_topic", "source": "chat_interaction"}, ["a"]),
            ({"why": "no such reason"}, []),
            ({"tag": "no such tag"}, []),
        ],
    )
    def test_a_tag_a_source_or_a_reason_narrows_the_queue(self, asked: dict[str, Any], ids: list[str]) -> None:
        answer = examples.queue(self.STORY.reader, **asked)
        assert ([item["example_id"] for item in answer["items"]], answer["total"]) == (ids, len(ids))

    def test_a_page_tells_how_much_there_is_in_all(self) -> None:
        answer = examples.queue(self.STORY.reader, limit=1)
        assert ([item["example_id"] for item in answer["items"]], answer["total"]) == (["fix"], 3)
        assert answer["by_reason"] == {
            "correction": 1, "negative_feedback": 1, "new_topic": 1, "edge_case": 0, "not_reviewed": 0,
        }  # fmt: skip
        assert answer["checkpoint"] == 4

    def test_an_empty_page_tells_how_much_there_is_in_all(self) -> None:
        assert examples.queue(self.STORY.reader, limit=0)["total"] == 3


@pytest.mark.parametrize("decided", [approved, rejected])
def test_a_reopened_example_is_as_it_was_before(decided: Callable[[str], Said]) -> None:
    waiting = [("a", "not_reviewed")]
    without_new_topics(captured("a")).then(queue=waiting, why={"a": ["not_approved"]})
    without_new_topics(captured("a"), decided("a")).then(queue=[])
    without_new_topics(captured("a"), decided("a"), reopened("a")).then(queue=waiting, why={"a": ["not_approved"]})
    without_new_topics(captured("a"), decided("a"), reopened("a"), approved("a")).then(queue=[], training_set=["a"])
