"""Chats: messages of any shape become questions, answers, calls of tools and attachments, and nothing is lost."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from events import chat
from events.chat import Exchange, Utterance, chained, conversation_name, exchanges, openai, turn_id
from events.facts import Attachment, ToolTurn
from tests.deadlines import assert_linear

Q, A = {"role": "user", "content": "Which slope?"}, {"role": "assistant", "content": "1/4 in per foot."}
FOLLOW = {"role": "user", "content": "And for EPDM?"}
SYSTEM = {"role": "system", "content": "You are a roofer."}


def said(*messages: dict[str, Any]) -> list[Exchange]:
    return exchanges([openai(message) for message in messages])


def asked(*messages: dict[str, Any]) -> list[tuple[str, str]]:
    return [(exchange.question, exchange.answer) for exchange in said(*messages)]


def test_questions_and_answers_become_exchanges() -> None:
    assert asked() == [("", "")]
    assert asked(Q) == [("Which slope?", "")]
    assert asked(SYSTEM, Q, A, FOLLOW) == [("Which slope?", "1/4 in per foot."), ("And for EPDM?", "")]
    assert asked(Q, FOLLOW, A) == [("Which slope?\n\nAnd for EPDM?", "1/4 in per foot.")]
    assert asked(A, Q, A) == [("", "1/4 in per foot."), ("Which slope?", "1/4 in per foot.")]
    assert asked(Q, {"role": "assistant"}, FOLLOW, A) == [("Which slope?", ""), ("And for EPDM?", "1/4 in per foot.")]


def test_the_present_question_begins_an_exchange() -> None:
    messages = [openai(message) for message in (Q, FOLLOW)]
    assert [exchange.question for exchange in exchanges(messages, 1)] == ["Which slope?", "And for EPDM?"]


def test_a_system_text_belongs_to_the_question_after_it() -> None:
    later = {"role": "developer", "content": "Be brief."}
    first, second = said(SYSTEM, later, Q, A, later, FOLLOW)
    assert (first.system, second.system) == ("You are a roofer.\n\nBe brief.", "Be brief.")
    assert said(Q)[0].system is None


@pytest.mark.parametrize(
    ("calls", "results"),
    [
        (
            {"tool_calls": [{"id": "b", "function": {"name": "f", "arguments": '{"a":1}'}}, {"id": "c"}]},
            [{"role": "tool", "tool_call_id": "b", "content": "8"}],
        ),
        (
            {"function_call": {"name": "f", "arguments": {"a": 1}}, "tool_calls": [{"id": "z"}]},
            [{"role": "function", "name": "f", "content": "8"}],
        ),
        (
            {"tool_calls": [{"function": {"name": "f", "arguments": '{"a":1}'}}, {}]},
            [{"role": "tool", "tool_call_id": "x", "content": [{"type": "text", "text": "8"}]}],
        ),
    ],
)
def test_a_result_finds_its_call(calls: dict[str, Any], results: list[dict[str, Any]]) -> None:
    (exchange,) = said(Q, {"role": "assistant", "content": None} | calls, *results)
    by_name = sorted(exchange.tools, key=lambda turn: turn.name)
    assert by_name == [ToolTurn(name="f", arguments='{"a":1}', result="8"), ToolTurn(name="tool")]


def test_a_result_without_a_call_is_kept() -> None:
    (exchange,) = said(Q, {"role": "tool", "tool_call_id": "c", "name": "f", "content": "8"})
    assert exchange.tools == (ToolTurn(name="f", result="8"),)


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ({"type": "image_url", "image_url": {"url": "a.png"}}, Attachment(kind="image", address="a.png")),
        ({"type": "image_url", "image_url": "a.png"}, Attachment(kind="image", address="a.png")),
        ({"type": "input_image", "image_url": "a.png"}, Attachment(kind="image", address="a.png")),
        (
            {"type": "file", "file": {"file_id": "f1", "filename": "a.pdf"}},
            Attachment(kind="file", name="a.pdf", address="f1"),
        ),
        (
            {"type": "file", "file": {"file_data": "data:application/pdf;base64,AAAA"}},
            Attachment(kind="file", digest=hashlib.sha256(b"\0\0\0").hexdigest()),
        ),
        (
            {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
            Attachment(kind="audio", digest=hashlib.sha256(b"\0\0\0").hexdigest()),
        ),
        ({"type": "drawing"}, Attachment(kind="drawing")),
        ({}, Attachment(kind="file")),
    ],
)
def test_a_part_without_text_is_an_attachment(part: dict[str, Any], expected: Attachment) -> None:
    message = openai({"role": "user", "content": [{"type": "text", "text": "This?"}, part, {"text": "Or that?"}]})
    assert (message.text, message.attachments) == ("This?\nOr that?", (expected,))


@pytest.mark.parametrize("wrong", [None, 3, "text", [], {}, {"role": 3, "content": 7}, {"content": [None, 3]}])
def test_no_message_is_too_odd_to_be_read(wrong: Any) -> None:
    assert openai(wrong).text == ""


@pytest.mark.parametrize(
    "content",
    ["This?", ["This?"], [{"text": "This?"}], [{"type": "text", "text": {"value": "This?", "annotations": []}}],
     [{"type": "thinking", "thinking": "hm"}, {"type": "output_text", "text": "This?"}]],
)  # fmt: skip
def test_a_text_may_be_held_in_many_ways(content: Any) -> None:
    message = openai({"role": "user", "content": content})
    assert (message.text, message.attachments) == ("This?", ())


def test_text_of_genai_that_is_structured_is_json() -> None:
    parts = [{"type": "text", "content": content} for content in ({"sure": True, "lap": 3}, None, "x", [1])]
    assert chat.genai({"role": "assistant", "parts": parts}).text == '{"lap":3,"sure":true}\nx\n[1]'


def test_messages_of_genai_are_read() -> None:
    parts = [
        {"type": "text", "content": "This?"},
        {"type": "uri", "modality": "image", "uri": "a.png"},
        {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "AAAA"},
        {"type": "file", "modality": "video", "file_id": "f1", "name": "roof"},
        {"type": "reasoning", "content": "hm"},
    ]
    message = chat.genai({"role": "user", "parts": parts})
    assert (message.text, message.attachments) == (
        "This?",
        (
            Attachment(kind="image", address="a.png"),
            Attachment(kind="image", digest=hashlib.sha256(b"\0\0\0").hexdigest()),
            Attachment(kind="video", name="roof", address="f1"),
        ),
    )
    call = {"type": "tool_call", "id": "c", "name": "f", "arguments": {"b": 2, "a": 1}}
    result = {"type": "tool_call_response", "id": "c", "response": {"high": 8}}
    called = [chat.genai({"role": "assistant", "parts": [call]}), chat.genai({"role": "tool", "parts": [result]})]
    assert exchanges(called)[0].tools == (ToolTurn(name="f", arguments='{"a":1,"b":2}', result='{"high":8}'),)


def test_a_digest_follows_the_words_alone() -> None:
    spaced = {"role": "user", "content": "  Which\u00a0slope?\r\n"}
    assert chained(said(Q, A)) == chained(said(spaced, A)) == chained(said(SYSTEM, Q, A))
    assert len({chained(said(*whole)) for whole in ((Q, A), (Q,), (A, Q), (Q, A, Q, A))}) == 4
    assert chained(said(Q, A, FOLLOW)) == chained(said(FOLLOW), chained(said(Q, A)))
    assert chained(said(Q, A), "thread 7") != chained(said(Q, A))
    assert turn_id("f" * 64) == "turn_" + "f" * 32


@pytest.mark.parametrize(
    ("given", "name"),
    [("thread 7", "thread 7"), (7, "7"), ("", None), (" ", None), (None, None), (True, None), ([1], None)],
)
def test_a_conversation_is_named_by_text_or_number(given: object, name: str | None) -> None:
    assert conversation_name(given) == name


def test_a_long_name_of_a_conversation_is_its_digest() -> None:
    assert conversation_name("x" * 201) == hashlib.sha256(b"x" * 201).hexdigest()


@pytest.mark.parametrize(
    "message",
    [
        Utterance(role="user", text="q"),
        Utterance(role="assistant", text="a"),
        Utterance(role="assistant", calls=(("", "f", "{}"),)),
        Utterance(role="tool", results=(("c", "8"),)),
    ],
    ids=lambda message: message.role,
)
def test_reading_takes_time_that_grows_with_the_messages(message: Utterance) -> None:
    calls = [Utterance(role="assistant", calls=((str(n), "f", "{}"),)) for n in range(2)]
    assert_linear(lambda size: exchanges([*calls, *[message] * size]), 1_000)
