"""Requests with their responses: the files were made with the types of OpenAI's, Anthropic's and Google's libraries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from events.facts import Attachment, ExampleCaptured, ToolTurn
from events.log.log import Log
from services.imports import import_files

from .contract import told, written

HOME = Path(__file__).parent / "requests"
BATCHES = Path(__file__).parent / "batches"


def lines(name: str) -> list[Any]:
    return [msgspec.json.decode(line) for line in (BATCHES / name).read_bytes().splitlines()]


async def imported(log: Log, path: Path) -> tuple[list[Any], Any]:
    """The facts of a file or folder, which a second import does not add to, and the report."""
    report = await import_files(log, [path])
    facts = await told(log)
    again = await import_files(log, [path])
    assert (again.new, again.existing, again.problems) == (0, report.new, report.problems)
    assert again.same_fact == report.same_fact
    return facts, report


async def test_chat_completions_have_the_ids_of_their_responses(log: Log) -> None:
    facts, report = await imported(log, HOME / "openai_chat.jsonl")
    assert (report.new, report.same_fact, report.ignored, report.choices) == (4, 1, 1, 1)
    first, second, stored, refused = facts
    assert [fact.example_id[:15] for fact in facts] == [f"chatcmpl-Roof{n}" for n in ("A1", "A2", "B1", "D1")]
    assert (first.conversation, second.conversation, second.follows) == (first.example_id,) * 3
    assert (first.actor, first.system, first.model) == (
        "crew-7", "You are a roofing assistant.", "gpt-4.1-mini-2025-04-14",
    )  # fmt: skip
    assert (first.metadata.latency_ms, first.metadata.tokens_in, first.metadata.tokens_out) == (812.5, 31, 22)
    assert (stored.tags, stored.conversation, stored.prompt) == (
        ("drainage",), "yard-1", "Where do roof drains belong?",
    )  # fmt: skip
    assert (refused.response[:13], refused.finish_reason) == ("I cannot help", "refusal")


@pytest.mark.parametrize("order", [1, -1])
async def test_a_turn_with_its_own_line_stays_included(log: Log, tmp_path: Path, order: int) -> None:
    said = [{"role": role, "content": f"{role} {n}"} for n in range(3) for role in ("user", "assistant")]
    excluded, other = (
        {"request": {"messages": said[: 2 * n - 1]}, "response": {"id": f"chatcmpl-{n:020}", "choices": [{"message": {
            "role": "assistant", "content": f"assistant {n - 1}"}}]}}
        for n in (3, 2)
    )  # fmt: skip
    lines = [excluded | {"exclude": True}, other][::order]
    await import_files(log, [written(tmp_path / "x.jsonl", lines)])
    facts = {fact.response: fact.include_in_training for fact in await told(log) if isinstance(fact, ExampleCaptured)}
    assert facts["assistant 1"], "its own line does not exclude it"
    assert not facts["assistant 2"]


async def test_the_turns_of_an_excluded_line_are_excluded(log: Log, tmp_path: Path) -> None:
    said = [{"role": role, "content": f"{role} {n}"} for n in range(2) for role in ("user", "assistant")]
    answer = {"id": "chatcmpl-" + "a" * 20, "choices": [{"message": said[-1]}]}
    line = {"weight": 0, "request": {"messages": said[:-1]}, "response": answer}
    await import_files(log, [written(tmp_path / "x.jsonl", [line])])
    assert [fact.include_in_training for fact in await told(log) if isinstance(fact, ExampleCaptured)] == [False, False]


async def test_responses_follow_each_other(log: Log) -> None:
    facts, report = await imported(log, HOME / "openai_responses.jsonl")
    assert (report.new, report.ignored) == (4, 2)
    first, second, photo, cut = facts
    assert first.details["chat"]["thinking"] == "Look at the lap table."
    assert (second.follows, second.conversation) == (first.example_id, first.example_id)
    assert first.conversation == first.example_id
    assert photo.conversation == "conv_yard"
    assert photo.tools == (ToolTurn(name="find_detail", arguments='{"part":"curb"}', result="SMACNA cricket"),)
    assert photo.attachments == (Attachment(kind="image", address="https://example.com/curb.jpg"),)
    assert cut.finish_reason == "max_output_tokens"


async def test_batches_are_joined_across_files(log: Log) -> None:
    facts, report = await imported(log, BATCHES)
    assert (report.new, report.ignored, report.problems) == (4, 7, [])
    assert {fact.prompt: fact.response[:10] for fact in facts} == {
        "Which fastener suits a steel deck?": "Self-drill",
        "What is the minimum slope of a built-up roof?": "A built-up",
        "How long does a silicone coating need to cure?": "A silicone",
        "What does a vapor retarder do in a cold roof?": "It keeps m",
    }
    assert {fact.finish_reason for fact in facts} == {"stop", "end_turn", "MAX_TOKENS"}


async def test_results_without_their_requests_are_problems(log: Log) -> None:
    report = await import_files(log, [BATCHES / "openai_results.jsonl"])
    assert (report.new, report.ignored, [problem.line for problem in report.problems]) == (0, 1, [1, 2])
    assert "no request is called 'roof-2'; import the batch's file of requests" in report.problems[0].reason


async def test_broken_lines_of_a_batch_harm_no_other(log: Log, tmp_path: Path) -> None:
    requests, results = lines("openai_requests.jsonl"), lines("openai_results.jsonl")
    wrong: list[Any] = [None, 3, [], {}, "x", [[3]]]
    bad = [line | {key: value} for line in (*requests, *results) for key in line for value in wrong]
    report = await import_files(log, [written(tmp_path / "x.jsonl", [*bad, *requests, *results])])
    assert report.new >= 2
    assert all(problem.line <= len(bad) for problem in report.problems), report.problems
    assert {"chatcmpl-RoofE1", "chatcmpl-RoofE2"} <= {fact.event_id[:15] for fact in await told(log)}


async def test_two_batches_of_the_same_names_are_not_mixed(log: Log, tmp_path: Path) -> None:
    requests, results = lines("openai_requests.jsonl"), lines("openai_results.jsonl")
    other = requests[0] | {"body": {"messages": [{"role": "user", "content": "Which primer suits EPDM?"}]}}
    report = await import_files(log, [written(tmp_path / "x.jsonl", [*requests, other, requests[1], *results])])
    assert (report.new, [problem.line for problem in report.problems]) == (1, [7])
    assert "'roof-1' names two requests that differ" in report.problems[0].reason


async def test_anthropic_messages_keep_tools_thoughts_and_system(log: Log) -> None:
    facts, report = await imported(log, HOME / "anthropic.jsonl")
    assert (report.new, report.same_fact, report.problems) == (2, 1, [])
    preamble, answer = facts
    assert (preamble.finish_reason, answer.follows, answer.finish_reason) == ("tool_calls", None, "end_turn")
    assert answer.details["chat"]["thinking"] == "The cleat is missing."
    (tool,) = answer.tools
    assert (tool.name, tool.result) == ("find_detail", "ANSI/SPRI ES-1 coping, cleats continuous")
    assert [each.kind for each in answer.attachments] == ["image"]
    assert (answer.actor, answer.metadata.tokens_in) == ("crew-3", 35)


async def test_gemini_is_read_in_both_spellings(log: Log) -> None:
    facts, report = await imported(log, HOME / "gemini.jsonl")
    assert (report.new, [problem.line for problem in report.problems]) == (3, [4])
    by_prompt = {fact.prompt: fact for fact in facts}
    photo, tool = by_prompt["Which membrane is this?"], by_prompt["How thick is it?"]
    assert (photo.response[:16], photo.details["chat"]["thinking"]) == ("This white sheet", "White and weldable.")
    assert [each.kind for each in photo.attachments] == ["image"]
    assert (photo.metadata.tokens_out, tool.metadata.tokens_out) == (27, 21)
    assert tool.tools == (ToolTurn(name="find_product", arguments='{"sheet":"TPO"}', result='{"mil":60}'),)
    assert by_prompt["Which edge metal suits a gravel stop?"].system == "You are a roofing assistant."


Q, A = "How high must base flashing be?", "At least 8 inches above the roof."
AS_CHAT = {"messages": [{"role": "user", "content": Q}, {"role": "assistant", "content": A}]}
FORMATS: dict[str, dict[str, Any]] = {
    "sharegpt": {"conversations": [{"from": "human", "value": Q}, {"from": "gpt", "value": A}]},
    "completions": {"prompt": Q, "completion": A},
    "openai": {
        "request": {"messages": [{"role": "user", "content": Q}]},
        "response": {
            "id": "chatcmpl-" + "x" * 20,
            "choices": [{"message": {"role": "assistant", "content": A}, "finish_reason": "stop"}],
        },
    },
    "responses": {
        "object": "response", "id": "resp_" + "x" * 20, "input": Q,
        "output": [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": A}]}],
    },
    "anthropic": {
        "request": {"messages": [{"role": "user", "content": [{"type": "text", "text": Q}]}]},
        "response": {"id": "msg_" + "x" * 20, "type": "message", "role": "assistant",
                     "content": [{"type": "text", "text": A}]},
    },
    "gemini": {
        "request": {"contents": [{"parts": [{"text": Q}]}]},
        "response": {"candidates": [{"content": {"role": "model", "parts": [{"text": A}]}}], "responseId": "g" * 20},
    },
}  # fmt: skip


@pytest.mark.parametrize("name", FORMATS)
async def test_a_conversation_in_two_formats_is_one_example(log: Log, tmp_path: Path, name: str) -> None:
    """Given a chat that was imported, when the same comes in another format, then nothing is added."""
    await import_files(log, [written(tmp_path / "chat.jsonl", [AS_CHAT])])
    for _ in range(2):
        report = await import_files(log, [written(tmp_path / "other.jsonl", [FORMATS[name]])])
        assert (report.new, report.existing, report.problems) == (0, 1, [])


async def test_all_formats_of_a_conversation_are_one_example(log: Log, tmp_path: Path) -> None:
    both = written(tmp_path / "x.jsonl", [FORMATS["openai"], AS_CHAT, FORMATS["sharegpt"]])
    for new in (1, 0):
        report = await import_files(log, [both])
        assert (report.new, report.existing, report.problems) == (new, 3 - new, [])


async def test_a_page_of_stored_completions_has_many(log: Log, tmp_path: Path) -> None:
    stored = [FORMATS["openai"]["response"] | {"messages": [{"role": "user", "content": Q}]}, FORMATS["responses"]]
    page = {"object": "list", "data": [*stored, stored[0] | {"messages": 3}], "has_more": False}
    report = await import_files(log, [written(tmp_path / "x.json", [page])])
    assert (report.new, [problem.reason for problem in report.problems]) == (
        2, ["element 3: messages must be a list of messages"],
    )  # fmt: skip


async def test_small_numbers_are_no_ids(log: Log, tmp_path: Path) -> None:
    """Given a server that numbers its answers, when it has begun again, then both answers are imported."""
    other = FORMATS["openai"]["response"] | {"id": "chatcmpl-7"}
    rows = [{"request": {"messages": [{"role": "user", "content": asked}]}, "response": other} for asked in (Q, "Why?")]
    report = await import_files(log, [written(tmp_path / "x.jsonl", rows)])
    assert (report.new, report.problems) == (2, [])


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (FORMATS["openai"]["response"], "without the request"),
        ({"request": {"messages": 3}, "response": {"choices": [{"text": "8"}]}}, "list of messages"),
        ({"prompt": Q, "response": {"choices": [3]}}, "a choice must be an object"),
        ({"object": "response", "input": [3], "output": []}, "an item must be an object"),
        ({"contents": [{"role": "pope", "parts": []}]}, "must have the role user or model"),
    ],
)
async def test_every_error_is_explained(log: Log, tmp_path: Path, line: dict[str, Any], reason: str) -> None:
    report = await import_files(log, [written(tmp_path / "x.jsonl", [line, AS_CHAT])])
    assert [(problem.line, reason in problem.reason) for problem in report.problems] == [(1, True)], report.problems
    assert report.new == 1
