"""Contexts: what a turn of a conversation is without the turns before it, and with them."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import UNSET, structs

from events.facts import Attachment
from projections.verdicts import contexts

from ..given import (
    ANSWER,
    BETTER,
    OTHER_PROMPT,
    PROMPT,
    SUPPLIER,
    Erase,
    Said,
    Story,
    adopted,
    approved,
    captured,
    corrected,
    disliked,
    given,
    liked,
    policy,
    redacted,
    rejected,
)

FOLLOW_UP = "And what about EPDM membrane?"
SEAMS = "EPDM membrane seams need 3 inches of seam tape, primed on both sheets and rolled afterwards."
GLUE = "For EPDM membrane use low-VOC bonding adhesive above 40 F; below that choose the winter grade."
FIRST, SECOND = captured("a", conversation="t"), captured("b", FOLLOW_UP, SEAMS, conversation="t")


def context_of(story: Story, example_id: str) -> dict[str, Any]:
    shown = story.show(example_id)
    return {name: shown[name] for name in ("turns", "incomplete", "earlier")}


def test_the_same_words_in_two_conversations_are_two_questions() -> None:
    given(
        FIRST,
        SECOND,
        captured("c", "Which bonding adhesive suits a TPO membrane at 40 F?", conversation="u"),
        captured("d", FOLLOW_UP, GLUE, conversation="u"),
        *(liked(example_id) for example_id in "abcd"),
    ).then(training_set=["a", "b", "c", "d"])


def test_the_same_question_behind_the_same_question_is_a_duplicate() -> None:
    given(
        FIRST,
        SECOND,
        captured("c", f"  {PROMPT.upper()}", conversation="u", minute=1),
        captured("d", FOLLOW_UP, SEAMS, conversation="u", minute=1),
        *(liked(example_id) for example_id in "abcd"),
    ).then(training_set=["c", "d"], why={"a": ["duplicate_of c"], "b": ["duplicate_of d"]})


def test_a_policy_of_before_judges_every_turn_alone() -> None:
    before = structs.replace(policy(), conversations=UNSET)
    other = captured("d", FOLLOW_UP, GLUE, conversation="u", minute=1)
    story = given(FIRST, SECOND, other, *(liked(example_id) for example_id in "abd"), adopted(before))
    story.then(training_set=["a", "d"], why={"b": ["duplicate_of d"]})
    assert context_of(story, "b") == {"turns": 0, "incomplete": [], "earlier": []}


@pytest.mark.parametrize("names", [{"follows": "a"}, {"conversation": "t"}, {"conversation": "t", "follows": "a"}])
def test_a_turn_follows_what_it_names(names: dict[str, Any]) -> None:
    shown = given(FIRST, captured("b", FOLLOW_UP, SEAMS, **names)).show("b")
    assert [(turn["example_id"], turn["prompt"]) for turn in shown["earlier"]] == [("a", PROMPT)]


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ([captured("b", FOLLOW_UP, SEAMS, follows="nobody")], "missing"),
        ([captured("a", conversation="u"), captured("b", FOLLOW_UP, SEAMS, conversation="t", follows="a")], "missing"),
        ([captured("b", FOLLOW_UP, SEAMS, follows="b")], "missing"),
        ([captured("a", response="", conversation="t"), SECOND], "missing"),
        ([FIRST, SECOND, Erase("a")], "erased"),
        ([FIRST, SECOND, rejected("a")], "withheld"),
        ([FIRST, SECOND, disliked("a")], "withheld"),
        ([captured("a", conversation="t", include_in_training=False), SECOND], "withheld"),
        ([captured("a", conversation="t", source="error"), SECOND], "withheld"),
        ([captured("a", conversation="t", finish_reason="length"), SECOND], "withheld"),
        ([FIRST, SECOND, corrected("a", untrusted=True)], "withheld"),
        ([captured("a", response=ANSWER + SUPPLIER, conversation="t"), SECOND], "personal_data"),
        ([captured("a", conversation="t", attachments=(Attachment(kind="image"),)), SECOND], "attachment"),
        ([captured("b", FOLLOW_UP, SEAMS, attachments=(Attachment(kind="image"),))], "attachment"),
        ([captured("b", FOLLOW_UP, SEAMS, finish_reason="MAX_TOKENS")], "cut_off"),
        ([captured("b", FOLLOW_UP, SEAMS, finish_reason="refusal")], "refusal"),
        ([captured("b", FOLLOW_UP, "I will look that up.", finish_reason="tool_calls")], "tool_call"),
    ],
)
def test_what_is_no_whole_conversation_is_kept_out(said: list[Said], cause: str) -> None:
    story = given(*said, liked("b"))
    assert cause in context_of(story, "b")["incomplete"]
    assert "incomplete" in story.show("b")["verdict"]["reasons"]
    keeps = given(*said, liked("b"), adopted(policy(conversations={"incomplete": []})))
    assert "incomplete" not in keeps.show("b")["verdict"]["reasons"]


def test_a_context_has_a_budget() -> None:
    said = [FIRST, SECOND, captured("c", "And for PVC?", SEAMS, conversation="t"), liked("c")]
    for fewer in ({"max_turns": 1}, {"max_chars": 150}):
        assert context_of(given(*said, adopted(policy(conversations=fewer))), "c")["incomplete"] == ["too_long"]
    assert context_of(given(*said), "c")["incomplete"] == []


def test_a_turn_that_comes_late_is_found() -> None:
    story = given(captured("b", FOLLOW_UP, SEAMS, follows="a"), liked("b"))
    story.then(training_set=[])
    late = story.when(captured("a"))
    assert context_of(late, "b")["turns"] == 1
    late.then(training_set=["b"])


def test_a_context_holds_texts_as_they_stand() -> None:
    story = given(FIRST, SECOND, liked("b"), corrected("a", BETTER), rejected("a"))
    story.then(training_set=["b", "fix-a"])
    (turn,) = context_of(story, "b")["earlier"]
    assert (turn["response"], turn["corrected_by"]) == (BETTER, "fix-a")
    (turn,) = context_of(given(FIRST, SECOND, redacted("a", "Whose roof?")), "b")["earlier"]
    assert turn["prompt"] == "Whose roof?"


def test_a_correction_has_the_context_of_what_it_corrects() -> None:
    for named in ("b", None):
        story = given(FIRST, SECOND, corrected(named, GLUE, wrong=SEAMS, prompt=FOLLOW_UP, id="fix"))
        assert [turn["example_id"] for turn in context_of(story, "fix")["earlier"]] == ["a"]


def test_a_short_follow_up_is_about_what_its_conversation_is() -> None:
    unsaid = captured("b", "And how often?", "At least twice a year, in spring and in autumn, and after every storm.")
    assert "low_relevance" in given(unsaid).show("b")["verdict"]["reasons"]
    told = captured("b", unsaid.prompt, unsaid.response, follows="a")
    assert "low_relevance" not in given(captured("a"), told).show("b")["verdict"]["reasons"]
    long = captured("b", unsaid.prompt + " " * 80, unsaid.response, follows="a")
    assert "low_relevance" in given(captured("a"), long).show("b")["verdict"]["reasons"]


def test_an_approval_holds_until_the_turns_before_are_others() -> None:
    story = given(FIRST, SECOND)
    seen = approved("b", context=story.show("b")["context"])
    story.when(seen).then(training_set=["b"])
    changed = story.when(seen, corrected("a", BETTER))
    changed.then(training_set=["fix-a"], queue=[("fix-a", "correction"), ("b", "new_topic")])
    assert changed.show("b")["verdict"]["reasons"] == ["not_approved"]
    again = changed.when(approved("b", context=changed.show("b")["context"]))
    again.then(training_set=["b", "fix-a"])
    story.when(approved("b"), corrected("a", BETTER)).then(training_set=["b", "fix-a"])


def test_two_answers_behind_one_turn_are_one_question() -> None:
    story = given(
        FIRST, captured("b", FOLLOW_UP, SEAMS, follows="a"), captured("c", FOLLOW_UP, GLUE, follows="a"), approved("b")
    )
    story.when(approved("c")).then(training_set=["c"], why={"b": ["duplicate_of c"]})


def test_a_long_conversation_is_followed_to_its_beginning() -> None:
    turns = [captured(f"t{n}", f"{OTHER_PROMPT} {n}", conversation="t") for n in range(60)]
    shown = given(*turns).show("t59")
    assert shown["turns"] == 59
    assert [turn["example_id"] for turn in shown["earlier"]] == [f"t{n}" for n in range(9, 59)]


def test_a_conversation_without_end_is_followed_in_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody may give every capture the same conversation; a turn beyond the longest context begins anew."""
    monkeypatch.setattr(contexts, "MOST_TURNS", 40)
    story = given(*(captured(f"t{n}", f"{OTHER_PROMPT} {n}", conversation="all") for n in range(43)))
    assert [context_of(story, f"t{n}")["turns"] for n in (40, 41, 42)] == [40, 0, 1]
    assert context_of(story, "t41")["incomplete"] == ["missing"]
