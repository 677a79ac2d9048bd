"""Chat logs: every answer is one example, the same one in every file, and what cannot be read is named."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

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
    assert first.details["chat"]["conversation"][0]["role"] == "system"
    assert (second.prompt, second.response[:4]) == ("And for EPDM?", "EPDM")
    assert len(second.details["chat"]["conversation"]) == 4
    assert (third.prompt, third.response[:18]) == ("What does this detail miss?", "The counterflashin")


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
