"""Traces: a span that holds question and answer is an example, once; others are counted, broken ones named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from events.facts import Attachment, ToolTurn
from events.log.log import Log
from services.imports import import_files

from .test_chats import captured, chat

EXAMPLE = Path(__file__).parent / "spans.jsonl"


def span(**changes: Any) -> dict[str, Any]:
    """A line with one span that can be imported, but for the changes."""
    messages = [{"role": "user", "parts": [{"type": "text", "content": "Minimum slope?"}]}]
    answer = [
        {"role": "assistant", "parts": [{"type": "text", "content": "1/4 in per foot."}], "finish_reason": "stop"}
    ]
    attributes = {
        "gen_ai.input.messages": json.dumps(messages), "gen_ai.output.messages": json.dumps(answer),
    } | dict(changes.pop("attributes", {}))  # fmt: skip
    whole = {
        "traceId": "a" * 32, "spanId": "b" * 16, "startTimeUnixNano": "1742306400000000000",
        "endTimeUnixNano": "1742306401000000000",
        "attributes": [{"key": key, "value": {"stringValue": value}} for key, value in attributes.items()],
    } | changes  # fmt: skip
    return {"resourceSpans": [{"scopeSpans": [{"spans": [whole]}]}]}


async def test_spans_with_question_and_answer_are_examples(log: Log) -> None:
    report = await import_files(log, [EXAMPLE])
    assert (report.lines, report.new, report.ignored, report.broken, report.problems) == (2, 3, 2, 1, [])
    answered, late, unended = await captured(log)
    assert unended.metadata.latency_ms is None
    assert answered.example_id == "span_5b8efff798038103d269b633813fc60c_eee19b7ec3c1b174"
    assert (answered.prompt, answered.source) == ("How high must base flashing be?", "production_query")
    assert answered.response == "At least 8 inches above the finished roof surface."
    meta = answered.metadata
    assert (meta.latency_ms, meta.tokens_in, meta.tokens_out) == (1250.0, 31, 44)
    assert answered.details["span"]["gen_ai.request.model"] == "gpt-4o-mini"
    assert answered.details["span"]["service"] == "architect-ai"
    assert (late.source, late.response, late.prompt) == (
        "timeout", "the model did not answer in 30 s", "Where do overflow scuppers go?"
    )  # fmt: skip


def text(role: str, said: str, **more: Any) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": said}]} | more


def turn(number: int, *asked: dict[str, Any], answer: str, **attributes: Any) -> dict[str, Any]:
    """A line with the span that answered these messages, a minute behind the one before it."""
    at = 1742306400000000000 + number * 60_000_000_000
    given = {
        "gen_ai.input.messages": json.dumps(asked),
        "gen_ai.output.messages": json.dumps([text("assistant", answer, finish_reason="stop")]),
    }
    times = {"startTimeUnixNano": str(at), "endTimeUnixNano": str(at + 10**9)}
    return span(spanId=f"{number:016x}", attributes=given | attributes, **times)


SYSTEM, Q, A = text("system", "You are a roofer."), text("user", "Which slope?"), text("assistant", "1/4 in per foot.")
FOLLOW = text("user", "And for EPDM?")
FIRST = turn(1, SYSTEM, Q, answer="1/4 in per foot.")
SECOND = turn(2, SYSTEM, Q, A, FOLLOW, answer="The same.")
ONE, TWO = f"span_{'a' * 32}_{1:016x}", f"span_{'a' * 32}_{2:016x}"


@pytest.mark.parametrize("lines", [[FIRST, SECOND], [SECOND, FIRST]])
async def test_a_span_follows_the_span_with_its_earlier_turn(log: Log, tmp_path: Path, lines: list[Any]) -> None:
    report = await import_files(log, [chat(tmp_path, *lines)])
    assert (report.new, report.existing, report.problems) == (2, 0, [])
    first, second = await captured(log)
    assert (first.example_id, first.follows, first.system, first.details) == (ONE, None, "You are a roofer.", {})
    assert (second.example_id, second.prompt, second.follows, second.system) == (TWO, "And for EPDM?", ONE, None)
    assert first.conversation == second.conversation == ONE
    assert (second.finish_reason, second.model) == ("stop", None)


async def test_an_earlier_turn_without_a_span_becomes_an_example(log: Log, tmp_path: Path) -> None:
    third = turn(3, SYSTEM, Q, A, FOLLOW, text("assistant", "The same."), text("user", "PVC?"), answer="Also.")
    path = chat(tmp_path, third, SECOND)
    report = await import_files(log, [path])
    assert (report.new, report.existing, report.problems) == (3, 0, [])
    earlier, second, last = await captured(log)
    assert (earlier.prompt, earlier.response, earlier.follows) == ("Which slope?", "1/4 in per foot.", None)
    assert (earlier.system, second.system, last.system) == ("You are a roofer.", None, None)
    assert (earlier.example_id[:5], second.follows, last.follows) == ("turn_", earlier.example_id, TWO)
    assert {fact.conversation for fact in (earlier, second, last)} == {earlier.example_id}
    again = await import_files(log, [path])
    assert (again.new, again.existing, again.problems) == (0, 3, [])


async def test_conversations_of_the_same_words_stay_apart(log: Log, tmp_path: Path) -> None:
    lines = [
        turn(n + step, *asked, answer=answer, **{"gen_ai.conversation.id": name})
        for n, name in ((1, "c1"), (5, "c2"))
        for step, asked, answer in ((0, [Q], "1/4 in per foot."), (1, [Q, A, FOLLOW], "The same."))
    ]
    await import_files(log, [chat(tmp_path, *lines)])
    facts = await captured(log)
    assert [fact.conversation for fact in facts] == ["c1", "c1", "c2", "c2"]
    assert [fact.follows for fact in facts] == [None, facts[0].example_id, None, facts[2].example_id]
    assert all(fact.details == {} for fact in facts)


async def test_a_question_asked_twice_is_no_conversation(log: Log, tmp_path: Path) -> None:
    await import_files(log, [chat(tmp_path, *(turn(n, Q, answer="1/4 in per foot.") for n in (1, 2)))])
    first, second = await captured(log)
    assert (first.conversation, second.conversation) == (first.example_id, second.example_id)
    assert (first.follows, second.follows) == (None, None)


async def test_only_the_last_of_two_questions_is_the_prompt(log: Log, tmp_path: Path) -> None:
    later = turn(2, Q, FOLLOW, text("assistant", "Both."), text("user", "PVC?"), answer="Also.")
    await import_files(log, [chat(tmp_path, turn(1, Q, FOLLOW, answer="Both."), later)])
    earlier, both, last = await captured(log)
    assert (earlier.prompt, earlier.response) == ("Which slope?", "")
    assert (both.prompt, both.follows, last.follows) == ("And for EPDM?", earlier.example_id, both.example_id)
    assert {fact.conversation for fact in (earlier, both, last)} == {earlier.example_id}


async def test_what_came_with_a_question_is_kept(log: Log, tmp_path: Path) -> None:
    call = {"type": "tool_call", "id": "c", "name": "find", "arguments": {"a": 1}}
    result = {"type": "tool_call_response", "id": "c", "response": "figure 4-8"}
    photo = {"type": "uri", "modality": "image", "uri": "roof.jpg"}
    asked = {"role": "user", "parts": [{"type": "text", "content": "Which slope?"}, photo]}
    tools = [{"role": "assistant", "parts": [call]}, {"role": "tool", "parts": [result]}]
    line = turn(1, asked, *tools, answer="1/4 in per foot.", **{
        "gen_ai.system_instructions": json.dumps([{"type": "text", "content": "You are a roofer."}]),
        "gen_ai.request.model": "gpt-4o", "gen_ai.response.model": "gpt-4o-2024-08-06",
    })  # fmt: skip
    await import_files(log, [chat(tmp_path, line)])
    (fact,) = await captured(log)
    assert fact.tools == (ToolTurn(name="find", arguments='{"a":1}', result="figure 4-8"),)
    assert fact.attachments == (Attachment(kind="image", address="roof.jpg"),)
    assert (fact.system, fact.model) == ("You are a roofer.", "gpt-4o-2024-08-06")
    assert sorted(fact.details["span"]) == ["gen_ai.request.model", "gen_ai.response.model"]


async def test_a_span_that_is_refused_leaves_its_earlier_turns(log: Log, tmp_path: Path) -> None:
    large = turn(2, SYSTEM, Q, A, FOLLOW, answer="x" * (2**20 + 1))
    report = await import_files(log, [chat(tmp_path, large, turn(3, SYSTEM, Q, A, FOLLOW, answer="Better."))])
    assert (report.new, [problem.line for problem in report.problems]) == (2, [1])
    earlier, answered = await captured(log)
    assert (answered.response, answered.follows) == ("Better.", earlier.example_id)


async def test_a_text_of_a_long_conversation_is_said_once(log: Log, tmp_path: Path) -> None:
    texts = [f"turn {n} of the conversation" for n in range(40)]
    told = [text(role, said) for role, said in zip(["user", "assistant"] * 20, texts, strict=True)]
    lines = [turn(n, SYSTEM, *told[: n + 1], answer=texts[n + 1]) for n in range(0, 40, 2)]
    await import_files(log, [chat(tmp_path, *lines[10:])])
    whole = b"".join([message.data async for batch in log.read(0) for message in batch])
    assert [whole.count(b'"' + said.encode() + b'"') for said in [*texts, "You are a roofer."]] == [1] * 41


async def test_a_broken_span_leaves_its_neighbours(log: Log, tmp_path: Path) -> None:
    whole, beside = span(), span(spanId="c" * 16)
    spans = whole["resourceSpans"][0]["scopeSpans"][0]["spans"]
    beside["resourceSpans"][0]["scopeSpans"][0]["spans"] += [3, spans[0] | {"attributes": 3}, *spans]
    report = await import_files(log, [chat(tmp_path, beside)])
    assert (report.new, report.ignored, len(report.problems)) == (2, 1, 1)


async def test_texts_of_a_program_around_a_model_are_no_examples(log: Log) -> None:
    report = await import_files(log, [Path(__file__).parent / "spans" / "conventions.jsonl"])
    assert (report.new, report.same_fact, report.unrecorded, report.problems) == (4, 1, 1, [])
    first, second, tool, inner = await captured(log)
    assert (first.conversation, first.actor, first.model) == ("depot-1", "office", "gpt-4o")
    assert (first.metadata.tokens_in, first.metadata.tokens_out, first.finish_reason) == (20, 12, "stop")
    assert (second.follows, second.system) == (first.example_id, None)
    assert tool.tools == (ToolTurn(name="find", arguments="{}", result="8 inches"),)
    assert (inner.conversation, inner.tags, inner.example_id[-2:]) == ("s37", ("slope",), "25")


async def test_spans_that_libraries_made_are_examples(log: Log) -> None:
    report = await import_files(log, [Path(__file__).parent / "spans" / "by_libraries.jsonl"])
    assert (report.new, report.ignored, report.problems) == (2, 2, [])
    for fact in await captured(log):
        assert (fact.prompt, fact.response[:16]) == ("How high must base flashing be?", "At least 8 inche")
        assert [(tool.name, tool.result) for tool in fact.tools] == [("find_detail", "detail E-3")]
        assert fact.attachments == (Attachment(kind="image", address="https://example.com/roof.jpg"),)
        assert (fact.system, fact.metadata.tokens_in, fact.finish_reason) == (
            "You are a roofing assistant.",
            31,
            "stop",
        )


async def test_one_span_with_two_texts_is_a_problem(log: Log, tmp_path: Path) -> None:
    await import_files(log, [chat(tmp_path, span())])
    other = [{"role": "user", "parts": [{"type": "text", "content": "Another question?"}]}]
    report = await import_files(log, [chat(tmp_path, span(attributes={"gen_ai.input.messages": json.dumps(other)}))])
    assert ["with another text" in problem.reason for problem in report.problems] == [True]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ({"resourceSpans": 3}, "not OTLP"),
        ({"resourceSpans": [3]}, "not OTLP"),
        ({"resourceSpans": [{"scopeSpans": [{"spans": [3]}]}]}, "not OTLP"),
        (span(traceId=None), "traceId must be a text, but is None"),
        (span(spanId="a.b"), "event_id"),
        (span(startTimeUnixNano="x"), "startTimeUnixNano 'x' is no time"),
        (span(attributes={"gen_ai.input.messages": "{"}), "Input data was truncated"),
        (span(attributes={"gen_ai.output.messages": "[3]"}), "must be an object with parts"),
        (span(attributes={"gen_ai.output.messages": '[{"role":"assistant"}]'}), "parts"),
        (span(attributes=[]), None),
    ],
)
async def test_every_error_is_explained_and_the_rest_imported(
    log: Log, tmp_path: Path, line: Any, reason: str | None
) -> None:
    good = span(spanId="c" * 16)
    report = await import_files(log, [chat(tmp_path, line, good)])
    if reason is None:
        assert (report.ignored, report.problems) == (0, [])
    else:
        assert [(problem.line, reason in problem.reason) for problem in report.problems] == [(1, True)], report.problems
        assert report.new == 1
