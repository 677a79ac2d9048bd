"""Traces: a span that holds question and answer is an example, once; others are counted, broken ones named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

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
    assert (report.lines, report.new, report.ignored) == (2, 2, 2)
    (problem,) = report.problems
    assert problem.line == 2
    assert "span 'EEE19B7EC3C1B178': invalid literal for int() with base 10: 'soon'" in problem.reason
    answered, late = await captured(log)
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
        (span(traceId=None), "NoneType"),
        (span(spanId="a.b"), "event_id"),
        (span(endTimeUnixNano="1"), "latency_ms"),
        (span(startTimeUnixNano="x"), "invalid literal"),
        (span(attributes={"gen_ai.input.messages": "{"}), "Input data was truncated"),
        (span(attributes={"gen_ai.output.messages": "[3]"}), "no attribute 'get'"),
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
