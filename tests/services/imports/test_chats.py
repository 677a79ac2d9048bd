"""Chat logs: every answer is one example, the same one in every file, and what cannot be read is named."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from events.facts import Attachment, ToolTurn
from events.log.log import Log
from services.imports import import_files

EXAMPLE = Path(__file__).parent / "chats.jsonl"

ASKED = {"role": "user", "content": "How high must base flashing be?"}
ANSWERED = {"role": "assistant", "content": "At least 8 inches."}


def chat(tmp_path: Path, *lines: Any, name: str = "chats.jsonl") -> Path:
    path = tmp_path / name
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


async def captured(log: Log) -> list[Any]:
    return [message.fact() for batch in [b async for b in log.read(0)] for message in batch]


async def test_every_answer_is_an_example_with_its_question(log: Log) -> None:
    report = await import_files(log, [EXAMPLE])
    assert (report.lines, report.new, report.ignored) == (3, 3, 1)
    assert [(problem.line, problem.reason) for problem in report.problems] == [
        (3, "nobody answers in this conversation")
    ]
    first, second, third = await captured(log)
    assert (first.prompt, first.source) == ("How far must TPO side laps overlap?", "chat_interaction")
    assert first.occurred_at == datetime(2025, 3, 18, 14, 0, tzinfo=UTC)
    assert (first.conversation, first.follows, first.system) == (first.example_id, None, "You are a roofing assistant.")
    assert (second.prompt, second.response[:4]) == ("And for EPDM?", "EPDM")
    assert (second.conversation, second.follows, second.system) == (first.conversation, first.example_id, None)
    assert (third.prompt, third.response[:18]) == ("What does this detail miss?", "The counterflashin")
    assert third.tools == (ToolTurn(name="find_detail", arguments="{}", result="SMACNA figure 4-8"),)
    assert third.attachments == (Attachment(kind="image", address="detail.png"),)
    assert [first.details, second.details, third.details] == [{}, {}, {}]


async def test_the_ids_of_examples_are_those_of_0_1_0(log: Log) -> None:
    await import_files(log, [EXAMPLE])
    lines = [json.loads(line)["messages"] for line in EXAMPLE.read_text().splitlines()]
    so_far = [lines[0][:3], lines[0][:5], lines[1]]
    ids = [hashlib.sha256(msgspec.json.encode(messages, order="sorted")).hexdigest()[:32] for messages in so_far]
    assert [fact.example_id for fact in await captured(log)] == [f"chat_{digest}" for digest in ids]


FOLLOW = {"role": "user", "content": "And what about EPDM membrane?"}


async def test_one_follow_up_to_two_questions_is_two_turns(log: Log, tmp_path: Path) -> None:
    asked = [
        {"role": "user", "content": said} for said in ("How far must TPO laps overlap?", "Which adhesive suits TPO?")
    ]
    answers = [
        {"role": "assistant", "content": said} for said in ("3 inches.", "A solvent-borne one.", "6.", "Low-VOC.")
    ]
    lines = [{"messages": [asked[n], answers[n], FOLLOW, answers[n + 2]]} for n in (0, 1)]
    await import_files(log, [chat(tmp_path, *lines)])
    facts = await captured(log)
    first, second = ([fact for fact in facts if fact.conversation == root.conversation] for root in facts[::2])
    assert [fact.prompt for fact in facts[1::2]] == [FOLLOW["content"]] * 2
    for turns in (first, second):
        assert [fact.follows for fact in turns] == [None, turns[0].example_id]
    assert first[0].conversation != second[0].conversation


async def test_a_conversation_has_the_name_of_its_source(log: Log, tmp_path: Path) -> None:
    line = {"messages": [ASKED, ANSWERED, ASKED, ANSWERED], "conversation_id": "thread 7", "id": "x", "model": "m"}
    await import_files(log, [chat(tmp_path, line)])
    facts = await captured(log)
    assert [(fact.conversation, fact.model, fact.details) for fact in facts] == [
        ("thread 7", "m", {"chat": {"id": "x"}}),
    ] * 2


async def test_a_question_nobody_answered_is_kept_by_reference(log: Log, tmp_path: Path) -> None:
    call = {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "look", "arguments": "{}"}}]}
    more = {"role": "user", "content": "On TPO, I mean."}
    report = await import_files(log, [chat(tmp_path, {"messages": [ASKED, call, more, ANSWERED]})])
    assert (report.new, report.ignored) == (2, 1)
    asked, answered = await captured(log)
    assert (asked.prompt, asked.response, asked.tools) == (
        ASKED["content"], "", (ToolTurn(name="look", arguments="{}"),),
    )  # fmt: skip
    assert (answered.prompt, answered.follows, answered.tools) == (more["content"], asked.example_id, ())
    assert answered.conversation == asked.conversation == asked.example_id


async def test_two_answers_to_a_question_follow_the_same_turn(log: Log, tmp_path: Path) -> None:
    preamble = {"role": "assistant", "content": "One moment.", "tool_calls": [{"id": "c", "function": {"name": "f"}}]}
    result = {"role": "tool", "tool_call_id": "c", "content": "8 inches"}
    more = {"role": "user", "content": "And at curbs?"}
    turns = [ASKED, ANSWERED, more, preamble, result, ANSWERED]
    await import_files(log, [chat(tmp_path, {"messages": turns})])
    first, waits, answers = await captured(log)
    assert (waits.prompt, waits.follows, waits.finish_reason) == (more["content"], first.example_id, "tool_calls")
    assert (answers.prompt, answers.follows, answers.finish_reason) == (more["content"], first.example_id, None)
    assert (waits.tools, answers.tools) == ((), (ToolTurn(name="f", result="8 inches"),))


async def test_a_text_of_a_conversation_is_said_once(log: Log, tmp_path: Path) -> None:
    texts = [f"turn {n} of the conversation" for n in range(40)]
    roles = ["user", "assistant"] * 20
    line = [{"role": role, "content": text} for role, text in zip(roles, texts, strict=True)]
    await import_files(log, [chat(tmp_path, {"messages": [{"role": "system", "content": "the rules"}, *line]})])
    whole = b"".join([message.data for batch in [b async for b in log.read(0)] for message in batch])
    assert [whole.count(b'"' + text.encode() + b'"') for text in [*texts, "the rules"]] == [1] * 41


async def test_a_photo_in_a_message_leaves_its_digest(log: Log, tmp_path: Path) -> None:
    parts = [
        {"type": "text", "text": "What is wrong here?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
    ]
    await import_files(log, [chat(tmp_path, {"messages": [{"role": "user", "content": parts}, ANSWERED]})])
    (fact,) = await captured(log)
    assert fact.attachments == (Attachment(kind="image", digest=hashlib.sha256(b"\0\0\0").hexdigest()),)


async def test_a_longer_conversation_adds_its_new_answers(log: Log, tmp_path: Path) -> None:
    await import_files(log, [chat(tmp_path, {"messages": [ASKED, ANSWERED]})])
    more = [
        ASKED,
        ANSWERED,
        {"role": "user", "content": "And at curbs?"},
        {"role": "assistant", "content": "The same."},
    ]
    report = await import_files(log, [chat(tmp_path, {"messages": more})])
    assert (report.new, report.existing) == (1, 1)


async def test_two_messages_in_a_row_are_one_question(log: Log, tmp_path: Path) -> None:
    await import_files(log, [chat(tmp_path, {"messages": [ASKED, {"role": "user", "content": "On TPO."}, ANSWERED]})])
    (fact,) = await captured(log)
    assert fact.prompt == "How high must base flashing be?\n\nOn TPO."


async def test_a_line_without_time_has_that_of_its_file(log: Log, tmp_path: Path) -> None:
    path = chat(tmp_path, {"messages": [ASKED, ANSWERED]})
    await import_files(log, [path])
    (fact,) = await captured(log)
    assert fact.occurred_at == datetime.fromtimestamp(path.stat().st_mtime, UTC)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ({"messages": "hello"}, "list of messages"),
        ({"messages": []}, "list of messages"),
        ({"messages": [ASKED]}, "nobody answers"),
        ({"messages": [ANSWERED]}, "nobody has asked"),
        ({"messages": [3, ANSWERED]}, "message 1 has role None"),
        ({"messages": [{"role": "pope", "content": "x"}, ANSWERED]}, "role 'pope'"),
        ({"messages": [{"role": "user", "content": 3}, ANSWERED]}, "message 1 must have a text"),
        ({"messages": [{"role": "user"}, ANSWERED]}, "message 1 must have a text"),
        ({"messages": [ASKED, ANSWERED], "created": "yesterday"}, "created 'yesterday' is no time"),
        ({"messages": [ASKED, ANSWERED], "created": 1e30}, "is no time"),
        ({"messages": [ASKED, ANSWERED], "created": [1]}, "is no time"),
        ({"messages": [ASKED, ANSWERED], "created": 0}, "plausible time"),
    ],
)
async def test_every_error_is_explained_and_the_rest_imported(log: Log, tmp_path: Path, line: Any, reason: str) -> None:
    report = await import_files(log, [chat(tmp_path, line, {"messages": [ASKED, ANSWERED]})])
    assert [(problem.line, reason in problem.reason) for problem in report.problems] == [(1, True)], report.problems
    assert report.new == 1


async def test_what_stands_beside_an_answer_comes_along(log: Log, tmp_path: Path) -> None:
    answer = ANSWERED | {"finish_reason": "stop", "usage": {"prompt_tokens": 9, "completion_tokens": 4}}
    line = {
        "messages": [ASKED, answer | {"feedback": {"thumb": "up", "by": "ann"}}, FOLLOW, ANSWERED | {"weight": 0}],
        "system": "You are a roofer.", "created": 1742306400123, "model": "m", "tags": ["tpo", "tpo"],
        "metadata": {"user_id": "crew-7", "session_id": "s1", "project": "school"}, "rating": 2,
        "corrected_response": "At least 8 inches, above the insulation.",
    }  # fmt: skip
    report = await import_files(log, [chat(tmp_path, line)])
    assert (report.new, report.problems) == (5, [])
    first, up, second, down, corrected = await captured(log)
    assert (first.system, first.tags, first.project_context) == ("You are a roofer.", ("tpo",), "school")
    assert (first.actor, first.conversation, first.model, first.finish_reason) == ("crew-7", "s1", "m", "stop")
    assert (first.metadata.tokens_in, first.metadata.tokens_out, second.metadata.tokens_in) == (9, 4, None)
    assert first.occurred_at.microsecond == 123_000
    assert (first.include_in_training, second.include_in_training) == (True, False)
    assert (up.example_id, up.feedback, up.actor) == (first.example_id, "positive", "ann")
    assert (down.example_id, down.feedback, down.actor) == (second.example_id, "negative", "crew-7")
    assert (corrected.example_id, corrected.original_response) == (second.example_id, second.response)
    assert corrected.corrected_response == "At least 8 inches, above the insulation."
    again = await import_files(log, [chat(tmp_path, line)])
    assert (again.new, again.existing, again.problems) == (0, 5, [])


@pytest.mark.parametrize("answer", ["At least 8 inches.", ANSWERED])
async def test_an_answer_may_stand_beside_its_messages(log: Log, tmp_path: Path, answer: Any) -> None:
    await import_files(
        log, [chat(tmp_path, {"messages": [ASKED], "response": answer}, {"messages": [ASKED, ANSWERED]})]
    )
    (fact,) = await captured(log)
    assert (fact.prompt, fact.response) == (ASKED["content"], ANSWERED["content"])


async def test_a_refusal_is_the_answer_and_says_so(log: Log, tmp_path: Path) -> None:
    refused = {"role": "assistant", "content": None, "refusal": "I cannot help with that."}
    parts = {"role": "assistant", "content": [{"type": "refusal", "refusal": "I cannot help with that."}]}
    await import_files(log, [chat(tmp_path, {"messages": [ASKED, refused]}, {"messages": [FOLLOW, parts]})])
    facts = await captured(log)
    assert [(fact.response, fact.finish_reason) for fact in facts] == [("I cannot help with that.", "refusal")] * 2


async def test_old_function_calls_are_tools(log: Log, tmp_path: Path) -> None:
    call = {"role": "assistant", "content": None, "function_call": {"name": "look", "arguments": "{}"}}
    result = {"role": "function", "name": "look", "content": "8 inches"}
    rules = {"role": "developer", "content": "Be short."}
    await import_files(log, [chat(tmp_path, {"messages": [rules, ASKED, call, result, ANSWERED]})])
    (fact,) = await captured(log)
    assert (fact.system, fact.tools) == ("Be short.", (ToolTurn(name="look", arguments="{}", result="8 inches"),))


async def test_files_and_sounds_are_attachments(log: Log, tmp_path: Path) -> None:
    parts = [
        {"type": "text", "text": {"value": "What is wrong?", "annotations": []}},
        {"type": "image_file", "image_file": {"file_id": "file-1"}},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
        {"type": "file", "file": {"filename": "spec.pdf", "file_id": "file-2"}},
    ]
    await import_files(log, [chat(tmp_path, {"messages": [{"role": "user", "content": parts}, ANSWERED]})])
    (fact,) = await captured(log)
    assert fact.prompt == "What is wrong?"
    assert fact.attachments == (
        Attachment(kind="image", address="file-1"),
        Attachment(kind="audio", digest=hashlib.sha256(b"\0\0\0").hexdigest()),
        Attachment(kind="file", name="spec.pdf", address="file-2"),
    )
