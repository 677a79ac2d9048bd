"""The turns of a chat: their ids are those of 0.1.0, and what 0.1.0 copied leads to the same places."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
import pytest

from events import calls
from events.chat import Exchange, chained, openai, turn_id
from events.chat_turns import ChatTurns, Turn
from events.earlier_turns import earlier_turns
from events.facts import ToolTurn

SYSTEM = {"role": "system", "content": "You are a roofer."}
Q, A = {"role": "user", "content": "Which slope?"}, {"role": "assistant", "content": "1/4 in per foot."}
FOLLOW, B = {"role": "user", "content": "And for EPDM?"}, {"role": "assistant", "content": "The same."}
CALL = {"role": "assistant", "content": None, "tool_calls": [{"id": "c", "function": {"name": "find"}}]}
RESULT = {"role": "tool", "tool_call_id": "c", "content": "figure 4-8"}
PHOTO = {"role": "user", "content": [{"type": "text", "text": "This?"}, {"type": "image_url", "image_url": "a.png"}]}

CHATS: list[list[dict[str, Any]]] = [
    [Q, A],
    [SYSTEM, Q, A],
    [SYSTEM, Q, A, FOLLOW, B, Q, A],
    [Q, FOLLOW, A, Q, CALL, RESULT, B],
    [Q, A, B, FOLLOW, A, B],
    [PHOTO, A, PHOTO, CALL, RESULT, B, SYSTEM, Q, A],
    [Q, CALL, RESULT, FOLLOW, B, Q, A],
]


def turns_of(chat: list[dict[str, Any]], name: str | None = None) -> list[Turn]:
    turns = ChatTurns(name)
    return [turn for message in chat for turn in turns.hear(openai(message), message)]


def ids_of_0_1_0(chat: list[dict[str, Any]]) -> list[str]:
    """The ids that the first import gave to the answers of a chat."""
    so_far = [chat[: n + 1] for n, message in enumerate(chat) if message["role"] == "assistant" and message["content"]]
    digests = [hashlib.sha256(msgspec.json.encode(messages, order="sorted")).hexdigest() for messages in so_far]
    return [f"chat_{digest[:32]}" for digest in digests]


@pytest.mark.parametrize("chat", CHATS)
def test_an_answer_has_the_id_of_the_first_import(chat: list[dict[str, Any]]) -> None:
    assert [turn.example_id for turn in turns_of(chat) if turn.answer] == ids_of_0_1_0(chat)


@pytest.mark.parametrize("chat", CHATS)
def test_a_turn_follows_one_that_came_before_it(chat: list[dict[str, Any]]) -> None:
    turns = turns_of(chat)
    for n, turn in enumerate(turns):
        assert turn.follows is None or turn.follows in [before.example_id for before in turns[:n]]
        assert turn.conversation == turns[0].example_id
    assert {turn.conversation for turn in turns_of(chat, "thread 7")} == {"thread 7"}
    named = [turn for turn in turns_of(chat, "thread 7") if turn.answer]
    assert [turn.known_as for turn in named] == ids_of_0_1_0(chat)
    assert not {turn.example_id for turn in named} & {turn.example_id for turn in turns}


@pytest.mark.parametrize(
    ("spelt", "plain"),
    [
        ([Q, A | {"refusal": None, "tool_calls": None, "annotations": []}], [Q, A]),
        ([Q | {"id": "m1"}, A | {"weight": 1, "created": 3}], [Q, A]),
        ([{"role": "user", "content": [{"type": "text", "text": "Which slope?"}]}, A], [Q, A]),
        ([Q, CALL | {"content": ""}, RESULT, A], [Q, CALL, RESULT, A]),
        ([PHOTO | {"annotations": []}, A], [PHOTO, A]),
    ],
)  # fmt: skip
def test_an_id_follows_what_was_said(spelt: list[dict[str, Any]], plain: list[dict[str, Any]]) -> None:
    last, expected = turns_of(spelt)[-1], turns_of(plain)[-1]
    assert last.example_id == expected.example_id == expected.known_as
    assert last.known_as == ids_of_0_1_0(spelt)[-1] != expected.known_as


@pytest.mark.parametrize("other", [[Q, B], [FOLLOW, A], [SYSTEM, Q, A], [Q, CALL, RESULT, A], [PHOTO, A]])
def test_other_words_have_other_ids(other: list[dict[str, Any]]) -> None:
    assert turns_of(other)[-1].example_id != turns_of([Q, A])[-1].example_id


def test_a_greeting_is_no_turn() -> None:
    greeting = {"role": "assistant", "content": "How can I help?"}
    first, second = turns_of([SYSTEM, greeting, Q, A, FOLLOW, B])
    assert (first.question, first.answer, first.system) == ("Which slope?", "1/4 in per foot.", "You are a roofer.")
    assert (first.follows, second.follows, second.system) == (None, first.example_id, None)


@pytest.mark.parametrize("chat", CHATS)
def test_what_was_copied_leads_to_the_same_place(chat: list[dict[str, Any]]) -> None:
    numbers = [n for n, message in enumerate(chat) if message["role"] == "assistant" and message["content"]]
    answered = [turn for turn in turns_of(chat) if turn.answer]
    for n, turn in zip(numbers, answered, strict=True):
        if n < 2:
            continue  # of one question alone 0.1.0 copied nothing
        details = {"chat": {"conversation": chat[:n]}}
        carried = earlier_turns(
            calls.capture(turn.question, turn.answer, actor="import", details=details, example_id=turn.example_id)
        )
        assert carried is not None
        assert (carried.follows, carried.conversation) == (turn.follows, turn.conversation)
        assert (carried.tools, carried.attachments) == (turn.tools, turn.attachments)
        assert carried.system == turn.system or turn.follows


def test_a_question_that_nobody_answered_is_a_turn() -> None:
    asked, answered = turns_of([Q, CALL, RESULT, FOLLOW, B])
    assert (asked.example_id, asked.answer) == (turn_id(chained([Exchange(["Which slope?"])])), "")
    assert asked.tools == (ToolTurn(name="find", result="figure 4-8"),)
    assert (answered.follows, answered.tools) == (asked.example_id, ())


def test_two_answers_to_a_question_follow_the_same_turn() -> None:
    first, waits, answers = turns_of([Q, A, FOLLOW, A, B])
    assert (waits.follows, answers.follows) == (first.example_id, first.example_id)
    assert waits.question == answers.question == "And for EPDM?"
