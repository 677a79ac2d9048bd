"""Answers to one question that contradict each other come before a reviewer, side by side."""

from __future__ import annotations

import json

import hypothesis
import pytest
from hypothesis import strategies as st

from projections.queries import examples
from projections.store import database
from projections.texts import contradictions
from projections.texts.contradictions import claims, disagree
from projections.texts.words import words
from tests.evaluation.__main__ import labelled

from ..given import (
    ANSWER,
    BETTER,
    OTHER_PROMPT,
    PROMPT,
    Erase,
    Story,
    adopted,
    approved,
    captured,
    fold,
    given,
    liked,
    policy,
    rejected,
)

AGAIN = "how high does the base flashing have to extend above a roof, please?"
SAME_AS_BETTER = "At least 8 in. above the finished roof membrane, with the TPO base flashing terminated in a reglet."


@pytest.mark.parametrize("split", ["tune", "held_out"])
def test_labelled_answers_keep_their_quality(split: str) -> None:
    pairs = labelled("contradictions", split)
    told = {pair["id"] for pair in pairs if disagree(pair["a"], pair["b"])}
    wanted = {pair["id"] for pair in pairs if pair["contradict"]}
    assert len(told & wanted) >= 0.9 * len(wanted)
    assert len(told - wanted) <= 1


def test_it_does_not_matter_which_answer_comes_first() -> None:
    for pair in labelled("contradictions"):
        assert disagree(pair["a"], pair["b"]) is disagree(pair["b"], pair["a"])
        assert not disagree(pair["a"], pair["a"])


@hypothesis.given(st.text(st.sampled_from("0123456789 pitchxinmil/.,-'\"½¼٣٤②one half 1 2/3")))
def test_amounts_are_read_from_every_word_that_is_a_quantity(text: str) -> None:
    amounts: dict[str, set[str]] = {}
    for word in words(text):
        if quantity := contradictions._QUANTITY.fullmatch(word):
            amounts.setdefault(quantity[1] or quantity[4], set()).add(quantity[2] or quantity[3])
    assert {unit: {*values} for unit, values in json.loads(claims(text).amounts or "{}").items()} == amounts


def test_what_an_answer_claims() -> None:
    found = claims("No, weld 1-1/2 inches at 1/4:12. Wait 24 hrs, 60 mil TPO.")
    assert (found.stance, found.opening) == ("no", "weld 1.5in pitch0.25")
    assert found.amounts == '{"hr":["24"],"in":["1.5"],"mil":["60"],"pitch":["0.25"]}'


def test_answers_that_disagree_wait_for_a_reviewer_even_when_approved() -> None:
    story = given(captured("a"), liked("a"), captured("b", AGAIN, BETTER), liked("b"))
    story.then(training_set=["b"], queue=[("b", "edge_case"), ("a", "edge_case")])
    assert [item["because"] for item in examples.queue(story.reader)["items"]] == [
        [f"its answer and that of {other} contradict each other"] for other in "ab"
    ]
    assert {id_: story.show(id_)["contradicts"] for id_ in "ab"} == {"a": "b", "b": "a"}


def test_answers_that_agree_or_belong_to_other_questions_do_not() -> None:
    agreeing = given(captured("a", response=BETTER), liked("a"), captured("b", AGAIN, SAME_AS_BETTER), liked("b"))
    agreeing.then(training_set=["b"], queue=[])
    given(captured("a"), liked("a"), captured("b", OTHER_PROMPT, BETTER), liked("b")).then(queue=[])


def test_a_decision_settles_a_contradiction() -> None:
    story = given(captured("a"), liked("a"), captured("b", AGAIN, BETTER), liked("b"))
    story.when(rejected("a")).then(training_set=["b"], queue=[])
    story.when(approved("a")).then(training_set=["a"], queue=[("b", "edge_case")])
    story.when(approved("a"), approved("b")).then(training_set=["b"], queue=[])


def test_a_policy_can_leave_contradictions_alone() -> None:
    story = given(captured("a"), liked("a"), captured("b", PROMPT, BETTER), liked("b"))
    story.when(adopted(policy(duplicates={"contradictions": False}))).then(training_set=["b"], queue=[])


def test_a_policy_that_leaves_the_best_answer_leaves_its_contradictions() -> None:
    long = ANSWER + " Terminate it in a reglet and seal it."
    said = [captured("c", response=long), captured("a", AGAIN, ANSWER), captured("b", response=BETTER)]
    story = given(*said, *map(liked, "cab"))
    assert contradicted(story) == {"a": "b", "b": "a", "c": "b"}
    story = story.when(adopted(policy(filters={"min_response_chars": 90})))
    assert contradicted(story) == {"a": None, "b": "c", "c": "b"}
    story = story.when(adopted(policy()))
    assert contradicted(story) == {"a": "b", "b": "a", "c": "b"}


def contradicted(story: Story) -> dict[str, str | None]:
    return {id_: story.show(id_)["contradicts"] for id_ in "abc"}


def test_an_erased_answer_leaves_no_claims() -> None:
    story = given(captured("a"), liked("a"), captured("b", AGAIN, BETTER), liked("b"))
    projector = fold([story.messages])
    assert database.first(projector.con, "SELECT count(*) FROM claims") == (2,)
    projector.apply(story.when(Erase("a")).messages)
    kept = "SELECT example_id FROM claims JOIN examples USING (analysis_key)"
    assert projector.con.execute(kept).fetchall() == [("b",)]
    assert database.first(projector.con, "SELECT count(*) FROM claims") == (1,)
