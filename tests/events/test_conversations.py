"""Conversations: a turn names the one before it, as far as this process remembers, and a caller knows better."""

from __future__ import annotations

from typing import Any

import pytest

from events import calls
from events.conversations import Conversations
from events.facts import ExampleCaptured

SYSTEM = "You are a roofer."


def turn(example_id: str, conversation: str | None = "c", **more: Any) -> ExampleCaptured:
    return calls.capture("p", "r", actor="a", example_id=example_id, conversation=conversation, **more)


def follows(conversations: Conversations, *facts: ExampleCaptured, whose: str = "") -> list[str | None]:
    """What each follows, said one after the other."""
    names = []
    for fact in facts:
        (linked,) = conversations.linked([fact], whose)
        conversations.remember([linked], whose)
        names.append(linked.follows)
    return names


def test_a_turn_follows_the_one_before_it() -> None:
    turns = [turn("a"), turn("x", "other"), turn("b"), turn("alone", None), turn("y", "other"), turn("c")]
    assert follows(Conversations(), *turns) == [None, None, "a", None, "x", "b"]


def test_who_knows_better_says_what_it_follows() -> None:
    turns = [turn("a"), turn("b"), turn("again", follows="a"), turn("c")]
    assert follows(Conversations(), *turns) == [None, "a", "a", "again"]


def test_a_turn_that_comes_again_does_not_follow_itself() -> None:
    conversations = Conversations()
    assert follows(conversations, turn("a"), turn("a"), turn("b")) == [None, None, "a"]


def test_turns_said_together_follow_one_another() -> None:
    conversations = Conversations()
    linked = conversations.linked([turn("a"), turn("x", "other"), turn("b")])
    assert [fact.follows for fact in linked] == [None, None, "a"]
    assert [fact.follows for fact in conversations.linked([turn("c")])] == [None]
    conversations.remember(linked)
    assert [fact.follows for fact in conversations.linked([turn("c")])] == ["b"]


def test_conversations_of_two_callers_are_two() -> None:
    conversations = Conversations()
    assert follows(conversations, turn("a"), whose="ann") == [None]
    assert follows(conversations, turn("b"), whose="bo") == [None]
    assert follows(conversations, turn("c"), whose="ann") == ["a"]


def test_a_conversation_that_rested_for_the_longest_is_forgotten() -> None:
    conversations = Conversations(2)
    turns = [turn("a", "1"), turn("b", "2"), turn("c", "1"), turn("d", "3"), turn("e", "1"), turn("f", "2")]
    assert follows(conversations, *turns) == [None, None, "a", None, "c", None]


def test_a_forgotten_conversation_begins_anew() -> None:
    conversations = Conversations()
    follows(conversations, turn("a"))
    conversations.forget("c")
    conversations.forget("never said")
    assert follows(conversations, turn("b"), turn("c")) == [None, "b"]


@pytest.mark.parametrize(
    ("systems", "expected"),
    [
        ([SYSTEM, SYSTEM, SYSTEM], [SYSTEM, None, None]),
        ([SYSTEM, "Be brief.", SYSTEM], [SYSTEM, "Be brief.", SYSTEM]),
        ([SYSTEM, None, SYSTEM], [SYSTEM, None, None]),
        ([None, SYSTEM, SYSTEM], [None, SYSTEM, None]),
    ],
)
def test_a_system_text_is_said_where_it_changes(systems: list[str | None], expected: list[str | None]) -> None:
    conversations, kept = Conversations(), []
    for n, system in enumerate(systems):
        (linked,) = conversations.linked([turn(f"e{n}", system=system)])
        conversations.remember([linked])
        kept.append(linked.system)
    assert kept == expected


def test_another_branch_says_its_system_text() -> None:
    conversations = Conversations()
    follows(conversations, turn("a", system=SYSTEM), turn("b"))
    (linked,) = conversations.linked([turn("c", follows="a", system=SYSTEM)])
    assert (linked.follows, linked.system) == ("a", SYSTEM)
