"""LangSmith: runs with feedback, and examples of datasets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from events.facts import CorrectionRecorded, ExampleCaptured, FeedbackGiven
from events.log.log import Log
from services.imports import import_files

from .contract import told, written

EXAMPLE = Path(__file__).parent / "langsmith.jsonl"
RUN = "1b671a64-40d5-491e-99b0-da01ff1f3301"


def run(**changes: Any) -> dict[str, Any]:
    """A run of a model that can be imported, but for the changes."""
    return {
        "id": RUN, "run_type": "llm", "start_time": "2025-03-18T14:00:00", "end_time": "2025-03-18T14:00:01",
        "trace_id": RUN, "inputs": {"messages": [{"role": "user", "content": "Slope?"}]},
        "outputs": {"choices": [{"message": {"role": "assistant", "content": "1/4 in."}, "finish_reason": "stop"}]},
    } | changes  # fmt: skip


async def examples(log: Log) -> list[ExampleCaptured]:
    """The captures on the log."""
    return [fact for fact in await told(log) if isinstance(fact, ExampleCaptured)]


async def test_runs_feedback_and_examples_are_imported(log: Log) -> None:
    report = await import_files(log, [EXAMPLE])
    assert (report.new, report.same_fact, report.ignored, report.by_machine, report.problems) == (5, 2, 1, 2, [])
    fact, of_dataset = sorted(await examples(log), key=lambda each: each.source, reverse=True)
    assert (fact.example_id, fact.actor, fact.conversation, fact.finish_reason) == (
        f"run_{RUN}", "office", "depot-1", "stop",
    )  # fmt: skip
    assert (fact.system, fact.model, fact.metadata.tokens_in, fact.tags) == (
        "You are a roofer.", "gpt-4o-mini", 31, ("tpo",),
    )  # fmt: skip
    assert (of_dataset.prompt, of_dataset.response) == ("How high is a curb?", "8 inches.")
    facts = await told(log)
    (correction,) = [fact for fact in facts if isinstance(fact, CorrectionRecorded)]
    assert (correction.example_id, correction.corrected_response[-17:], correction.corrector) == (
        f"run_{RUN}", "Probe every seam.", "ann",
    )  # fmt: skip
    given = [fact for fact in facts if isinstance(fact, FeedbackGiven)]
    assert {(fact.example_id, fact.feedback) for fact in given} == {(f"run_{RUN}", "positive")}
    assert sorted(fact.comment or "" for fact in given) == ["", "as in the guide"]


async def test_an_example_of_a_dataset_is_that_of_a_chat(log: Log, tmp_path: Path) -> None:
    asked, answered = {"role": "user", "content": "Slope?"}, {"role": "assistant", "content": "1/4 in."}
    line = {"inputs": {"question": "Slope?"}, "outputs": {"answer": "1/4 in."}}
    await import_files(log, [written(tmp_path / "langsmith.jsonl", [line])])
    report = await import_files(log, [written(tmp_path / "chat.jsonl", [{"messages": [asked, answered]}])])
    assert (report.new, report.existing, report.problems) == (0, 1, [])


async def test_an_example_of_a_dataset_keeps_its_thinking(log: Log, tmp_path: Path) -> None:
    answer = {"role": "assistant", "content": "<think>Per the code.</think>1/4 in.", "finish_reason": "length"}
    line = {"inputs": {"question": "Slope?"}, "outputs": {"messages": [answer]}}
    await import_files(log, [written(tmp_path / "x.jsonl", [line])])
    (fact,) = await examples(log)
    assert (fact.response, fact.details["chat"], fact.finish_reason) == (
        "1/4 in.", {"thinking": "Per the code."}, "length",
    )  # fmt: skip


async def test_an_answer_of_a_query_holds_many_runs(log: Log, tmp_path: Path) -> None:
    line = {"runs": [run(), 3, run(id="r2", start_time="never"), run(id="r3", trace_id="t3")]}
    report = await import_files(log, [written(tmp_path / "x.jsonl", [line])])
    assert (report.new, len(report.problems)) == (2, 2)


@pytest.mark.parametrize(
    ("stats", "counts"),
    [
        ({"user_score": {"n": 2, "avg": 0.0}}, (2, 0, 0)),
        ({"correctness": {"n": 1, "avg": 1.0, "sources": ['{"type": "app"}']}}, (2, 0, 0)),
        ({"correctness": {"n": 1, "avg": 1.0, "sources": ['{"type": "model"}']}}, (1, 1, 0)),
        ({"correctness": {"n": 1, "avg": 1.0}}, (1, 1, 0)),
        ({"user_mood": {"n": 1, "avg": 1.0}}, (1, 0, 1)),
        ({"user_score": {"n": 2, "avg": 0.5}}, (1, 0, 1)),
        ({"user_vote": {"n": 1, "avg": None, "values": {"up": 1}}}, (2, 0, 0)),
    ],
)
async def test_sums_of_feedback_are_those_of_people(
    log: Log, tmp_path: Path, stats: dict[str, Any], counts: tuple[int, int, int]
) -> None:
    report = await import_files(log, [written(tmp_path / "x.jsonl", [run(feedback_stats=stats)])])
    assert (report.new, report.by_machine, report.unclear) == counts
    assert report.problems == []


async def test_feedback_without_a_time_has_that_of_its_run(log: Log, tmp_path: Path) -> None:
    feedback = {"id": "f", "run_id": RUN, "key": "user_score", "score": 1}
    report = await import_files(log, [written(tmp_path / "x.jsonl", [run(), feedback])])
    example, given = await told(log)
    assert (given.occurred_at, report.problems) == (example.occurred_at, [])


async def test_a_failed_run_is_an_error(log: Log, tmp_path: Path) -> None:
    await import_files(log, [written(tmp_path / "x.jsonl", [run(error="APITimeoutError()", outputs=None)])])
    (fact,) = await examples(log)
    assert (fact.source, fact.response, fact.conversation) == ("timeout", "APITimeoutError()", None)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (run(id=3.5), "id must be a text, but is 3.5"),
        (run(run_type="walk"), "run_type 'walk' is none"),
        ({"run_id": RUN, "key": "user_score", "score": 1, "created_at": "2025-03-18T15:00:00"}, "import both"),
        ({"inputs": {"question": "Slope?"}, "outputs": {}}, "nobody answers"),
    ],
)
async def test_every_error_is_explained(log: Log, tmp_path: Path, line: dict[str, Any], reason: str) -> None:
    report = await import_files(log, [written(tmp_path / "x.jsonl", [line])])
    assert [reason in problem.reason for problem in report.problems] == [True], report.problems
