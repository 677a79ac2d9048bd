"""Langfuse: observations, traces and scores, wherever each of them stands."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from events.facts import CorrectionRecorded, ExampleCaptured, FeedbackGiven
from events.log.log import Log
from services.imports import import_files
from services.imports.langfuse import Langfuse

from .contract import lines_of, told, written

EXAMPLE = Path(__file__).parent / "langfuse.jsonl"


def observation(**changes: Any) -> dict[str, Any]:
    """An observation of the API that can be imported, but for the changes."""
    return {
        "id": "ob", "traceId": "tr", "type": "GENERATION", "startTime": "2025-03-18T14:00:00.000Z",
        "endTime": "2025-03-18T14:00:01.000Z", "model": "gpt-4o", "input": [{"role": "user", "content": "Slope?"}],
        "output": "1/4 in per foot.", "level": "DEFAULT",
    } | changes  # fmt: skip


def score(**changes: Any) -> dict[str, Any]:
    """A score that a person gave to it."""
    return {
        "id": "sc", "traceId": "tr", "observationId": None, "name": "user-feedback", "value": 1, "dataType": "NUMERIC",
        "source": "ANNOTATION", "timestamp": "2025-03-18T15:00:00.000Z",
    } | changes  # fmt: skip


async def examples(log: Log) -> list[ExampleCaptured]:
    """The captures on the log."""
    return [fact for fact in await told(log) if isinstance(fact, ExampleCaptured)]


async def test_observations_traces_and_scores_are_imported(log: Log) -> None:
    report = await import_files(log, [EXAMPLE])
    assert (report.new, report.same_fact, report.ignored, report.by_machine, report.problems) == (6, 4, 1, 1, [])
    enriched, joined, downloaded = await examples(log)
    assert (enriched.example_id, enriched.actor, enriched.conversation, enriched.tags) == (
        "langfuse_ob-1", "office", "depot-1", ("tpo",),
    )  # fmt: skip
    assert (enriched.metadata.latency_ms, enriched.metadata.tokens_in, enriched.system) == (
        1250.0, 31, "You are a roofer.",
    )  # fmt: skip
    assert (joined.actor, joined.conversation, joined.tags, joined.response) == (
        "yard", "depot-2", ("slope",), "1/4 in per foot.",
    )  # fmt: skip
    facts = await told(log)
    (correction,) = [fact for fact in facts if isinstance(fact, CorrectionRecorded)]
    assert (correction.example_id, correction.corrector, correction.corrected_response[-17:]) == (
        "langfuse_ob-1", "ann", "Probe every seam.",
    )  # fmt: skip
    assert correction.original_prompt == enriched.prompt
    given = [fact for fact in facts if isinstance(fact, FeedbackGiven)]
    assert [(fact.example_id, fact.feedback) for fact in given] == [
        ("langfuse_ob-1", "positive"), (downloaded.example_id, "negative"),
    ]  # fmt: skip


@pytest.mark.parametrize("order", [1, -1])
async def test_the_order_of_files_does_not_matter(log: Log, tmp_path: Path, order: int) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    for n, line in enumerate(lines_of(Langfuse)[::order]):
        written(folder / f"{n}.jsonl", [line])
    report = await import_files(log, [folder])
    again = await import_files(log, [EXAMPLE])
    assert (report.new, report.problems, again.new, again.existing) == (6, [], 0, 6)


async def test_a_table_of_the_pages_is_read(log: Log, tmp_path: Path) -> None:
    line = observation(usage={"input": 9, "output": 7}, metadata={"site": "Depot"})
    with (tmp_path / "x.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(line)
        writer.writerow(value if isinstance(value, str) else json.dumps(value) for value in line.values())
    await import_files(log, [tmp_path / "x.csv"])
    (fact,) = await examples(log)
    assert (fact.prompt, fact.response, fact.metadata.tokens_out) == ("Slope?", "1/4 in per foot.", 7)


async def test_a_trace_without_generations_is_an_example(log: Log, tmp_path: Path) -> None:
    trace = {"id": "tr", "timestamp": "2025-03-18T14:00:00Z", "sessionId": "s", "input": "Slope?", "output": "1/4 in."}
    report = await import_files(log, [written(tmp_path / "x.jsonl", [trace, score()])])
    assert (report.new, report.problems) == (2, [])
    example, feedback = await told(log)
    assert (example.event_id, feedback.about) == ("langfuse_trace_tr", "langfuse_trace_tr")


async def test_an_observation_of_opentelemetry_is_its_span(log: Log, tmp_path: Path) -> None:
    line = observation(id="b" * 16, traceId="a" * 32, level="ERROR", statusMessage="timeout of 30 s", output=None)
    await import_files(log, [written(tmp_path / "x.jsonl", [line])])
    (fact,) = await examples(log)
    assert (fact.example_id, fact.source, fact.response) == (
        f"span_{'a' * 32}_{'b' * 16}", "timeout", "timeout of 30 s",
    )  # fmt: skip


async def test_turns_of_a_session_follow_one_another(log: Log, tmp_path: Path) -> None:
    first = observation(sessionId="s")
    asked = [*first["input"], {"role": "assistant", "content": first["output"]}, {"role": "user", "content": "EPDM?"}]
    second = observation(id="ob2", traceId="tr2", sessionId="s", input=asked, output="The same.")
    second["startTime"] = second["endTime"] = "2025-03-18T14:01:00Z"
    await import_files(log, [written(tmp_path / "x.jsonl", [second, first])])
    one, two = await examples(log)
    assert (two.prompt, two.follows, one.conversation, two.conversation) == ("EPDM?", one.example_id, "s", "s")


async def test_what_a_score_says_otherwise_arrives(log: Log, tmp_path: Path) -> None:
    for value, text in ((1, "2 in."), (0, "3 in."), (0, "3 in.")):
        lines = [
            observation(),
            score(value=value, observationId="ob"),
            score(id="co", dataType="CORRECTION", stringValue=text, observationId="ob"),
        ]
        report = await import_files(log, [written(tmp_path / "x.jsonl", lines)])
        assert report.problems == []
    facts = await told(log)
    assert [fact.feedback for fact in facts if isinstance(fact, FeedbackGiven)] == ["positive", "negative"]
    said = [fact.corrected_response for fact in facts if isinstance(fact, CorrectionRecorded)]
    assert said == ["2 in.", "3 in."]


async def test_a_score_without_a_time_has_that_of_its_call(log: Log, tmp_path: Path) -> None:
    lines = [observation(), score(observationId="ob", timestamp=None)]
    report = await import_files(log, [written(tmp_path / "x.jsonl", lines)])
    example, given = await told(log)
    assert (given.occurred_at, report.problems) == (example.occurred_at, [])


async def test_a_correction_that_is_refused_leaves_its_call(log: Log, tmp_path: Path) -> None:
    bad = score(dataType="CORRECTION", stringValue="x" * (2**20 + 1), observationId="ob")
    report = await import_files(log, [written(tmp_path / "x.jsonl", [observation(), bad])])
    assert (report.new, [problem.line for problem in report.problems]) == (1, [1])


@pytest.mark.parametrize("source", ["API", "EVAL"])
async def test_only_people_give_feedback(log: Log, tmp_path: Path, source: str) -> None:
    report = await import_files(log, [written(tmp_path / "x.jsonl", [observation(), score(source=source)])])
    assert (report.new, report.by_machine, report.problems) == (1, 1, [])


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (observation(id=None), "id must be a text, but is None"),
        (observation(startTime=None), "start_time None is no time"),
        (score(), "import both together"),
        (score(timestamp="soon"), "timestamp 'soon' is no time"),
        (score(name=None), "name must be a text"),
    ],
)
async def test_every_error_is_explained(log: Log, tmp_path: Path, line: dict[str, Any], reason: str) -> None:
    report = await import_files(log, [written(tmp_path / "x.jsonl", [line])])
    assert [reason in problem.reason for problem in report.problems] == [True], report.problems
