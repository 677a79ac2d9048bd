"""Phoenix: spans as rows or objects, and what people have annotated."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from events.facts import Attachment, ExampleCaptured, FeedbackGiven
from events.log.log import Log
from services.imports import import_files
from services.imports.phoenix import Phoenix

from .contract import lines_of, told, written
from .test_spans import span

EXAMPLE = Path(__file__).parent / "phoenix.jsonl"
TRACE, SPAN = "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174"
ID = f"span_{TRACE}_{SPAN}"


async def examples(log: Log) -> list[ExampleCaptured]:
    """The captures on the log."""
    return [fact for fact in await told(log) if isinstance(fact, ExampleCaptured)]


async def test_spans_and_annotations_are_imported(log: Log) -> None:
    report = await import_files(log, [EXAMPLE])
    assert (report.new, report.same_fact, report.ignored, report.by_machine, report.unclear) == (2, 1, 1, 1, 1)
    example, feedback = await told(log)
    (fact,) = await examples(log)
    assert (example.event_id, fact.actor, fact.conversation, fact.model) == (ID, "office", "depot-1", "gpt-4o-mini")
    assert fact.attachments == (Attachment(kind="image", address="https://files.example.com/seam.jpg"),)
    meta = fact.metadata
    assert (fact.system, meta.latency_ms, meta.tokens_in, meta.tokens_out) == ("You are a roofer.", 1250.0, 31, 44)
    assert isinstance(feedback, FeedbackGiven)
    assert (feedback.example_id, feedback.feedback, feedback.comment, feedback.actor) == (
        ID, "positive", "as in the guide", "VXNlcjox",
    )  # fmt: skip


def rows() -> list[dict[str, Any]]:
    """Spans and an annotation as a data frame holds them."""
    at = datetime(2025, 3, 18, 14, tzinfo=UTC)
    return [
        {
            "context.span_id": SPAN, "context.trace_id": TRACE, "span_kind": "LLM", "start_time": at, "end_time": at,
            "status_code": "UNSET", "attributes.llm.token_count.prompt": float("nan"),
            "attributes.llm.input_messages": [{"message": {"role": "user", "content": "Curb height?"}}],
            "attributes.llm.output_messages": [{"message": {"role": "assistant", "content": "8 inches."}}],
        },
        {"context.span_id": SPAN, "annotation_name": "quality", "annotator_kind": "HUMAN", "label": "good"},
    ]  # fmt: skip


async def test_a_data_frame_is_read_from_parquet(log: Log, tmp_path: Path) -> None:
    files = [tmp_path / "spans.parquet", tmp_path / "annotations.parquet"]
    for file, row in zip(files, rows(), strict=True):
        pq.write_table(pa.Table.from_pylist([row]), file)
    report = await import_files(log, files)
    assert (report.new, report.broken, report.problems) == (2, 0, [])
    (fact,) = await examples(log)
    assert (fact.prompt, fact.response, fact.metadata.tokens_in) == ("Curb height?", "8 inches.", None)


@pytest.mark.parametrize("nested", [True, False])
async def test_spans_of_the_client_are_the_same(log: Log, tmp_path: Path, nested: bool) -> None:
    flat = {
        "llm.input_messages.0.message.content": "Curb height?",
        "llm.output_messages.0.message.content": "8 inches.",
    }
    deep = {"llm": {"input_messages": [{"message": {"content": "Curb height?"}}],
                    "output_messages": [{"message": {"content": "8 inches."}}]}}  # fmt: skip
    line = {
        "id": "U3BhbjoxMg==", "context": {"trace_id": TRACE, "span_id": SPAN}, "span_kind": "LLM", "status_code": "OK",
        "start_time": "2025-03-18T14:00:00Z", "end_time": None, "attributes": deep if nested else flat, "events": [],
        "annotations": [{"name": "thumbs", "annotator_kind": "HUMAN", "result": {"score": 0}}, 3],
    }  # fmt: skip
    report = await import_files(log, [written(tmp_path / "x.jsonl", [line])])
    assert (report.new, [problem.line for problem in report.problems]) == (2, [1])
    (fact,) = await examples(log)
    assert (fact.event_id, fact.prompt, fact.response) == (ID, "Curb height?", "8 inches.")


async def test_the_same_span_of_an_exporter_is_known(log: Log, tmp_path: Path) -> None:
    (line,) = [line for line in lines_of(Phoenix) if line.get("context.span_id") == SPAN]
    answer = line["attributes.llm.output_messages"][0]["message.content"]
    await import_files(log, [written(tmp_path / "phoenix.jsonl", [line])])
    attributes = {
        "gen_ai.input.messages": '[{"role":"user","parts":[{"type":"text","content":"How wide is a TPO seam?"}]}]',
        "gen_ai.output.messages": f'[{{"role":"assistant","parts":[{{"type":"text","content":"{answer}"}}]}}]',
    }
    otlp = span(traceId=TRACE, spanId=SPAN, attributes=attributes)
    report = await import_files(log, [written(tmp_path / "otlp.jsonl", [otlp])])
    assert (report.new, report.existing, report.problems) == (0, 1, [])


async def test_a_failed_span_is_an_error(log: Log, tmp_path: Path) -> None:
    line = rows()[0] | {
        "status_code": "ERROR", "status_message": "no answer in 30 s", "attributes.llm.output_messages": [],
        "start_time": "2025-03-18T14:00:00Z", "end_time": "never",
        "attributes.llm.token_count.prompt": None,
    }  # fmt: skip
    report = await import_files(log, [written(tmp_path / "x.jsonl", [line])])
    (fact,) = await examples(log)
    assert (fact.source, fact.response, report.broken) == ("error", "no answer in 30 s", 1)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ({"context.span_id": SPAN, "span_kind": "LLM"}, "context.trace_id must be a text"),
        ({"span_id": SPAN, "annotator_kind": "HUMAN", "name": "quality", "score": 1}, "import both together"),
        ({"span_id": SPAN, "annotator_kind": "HUMAN"}, "name must be a text"),
        ({"context": {"trace_id": TRACE, "span_id": SPAN}, "span_kind": "LLM", "start_time": "soon",
          "attributes": {"input.value": "a", "output.value": "b"}}, "start_time 'soon' is no time"),
    ],
)  # fmt: skip
async def test_every_error_is_explained(log: Log, tmp_path: Path, line: dict[str, Any], reason: str) -> None:
    report = await import_files(log, [written(tmp_path / "x.jsonl", [line])])
    assert [reason in problem.reason for problem in report.problems] == [True], report.problems
