"""Exports of Label Studio: the short JSON and the CSV were made with its own converter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from events.facts import CorrectionRecorded, ExampleCaptured, FeedbackGiven
from events.log.log import Log
from services.imports import import_files

from .contract import told, written

HOME = Path(__file__).parent / "label_studio"


@pytest.mark.parametrize(
    ("name", "thumbs"),
    [
        ("tasks.json", {"How wide must": "negative", "What does a v": "positive", "Which edge me": None}),
        ("json_min.json", {"How often mus": "negative", "What is a pit": "positive"}),
        ("annotations.csv", {"How often mus": "negative", "What is a pit": "positive"}),
    ],
)
async def test_annotations_are_feedback_and_corrections(log: Log, name: str, thumbs: dict[str, str | None]) -> None:
    report = await import_files(log, [HOME / name])
    assert (report.problems, report.broken) == ([], 0)
    facts = await told(log)
    given = {fact.example_id: fact for fact in facts if isinstance(fact, FeedbackGiven)}
    examples = [fact for fact in facts if isinstance(fact, ExampleCaptured)]
    assert {
        fact.prompt[:13]: given[fact.example_id].feedback if fact.example_id in given else None for fact in examples
    } == thumbs
    assert {fact.actor for fact in given.values()} == {"crew10@example.com"}
    (corrected,) = [fact for fact in facts if isinstance(fact, CorrectionRecorded)]
    assert corrected.example_id == examples[0].example_id
    assert corrected.occurred_at.isoformat() == "2025-03-18T15:00:00+00:00"


def task(*results: Any, **more: Any) -> dict[str, Any]:
    annotation = {"id": 1, "completed_by": 7, "result": list(results)} | more
    return {"id": 1, "data": {"prompt": "Which slope?", "response": "1/4 in per foot."}, "annotations": [annotation]}


BAD = {"from_name": "verdict", "type": "choices", "value": {"choices": ["Bad"]}}
FIVE = {"from_name": "quality", "type": "rating", "value": {"rating": 5}}


async def test_of_both_thumbs_the_one_down_counts(log: Log, tmp_path: Path) -> None:
    await import_files(log, [written(tmp_path / "x.jsonl", [task(BAD, FIVE)])])
    _, *thumbs = await told(log)
    assert [(fact.feedback, fact.actor) for fact in thumbs if isinstance(fact, FeedbackGiven)] == [("negative", "7")]


async def test_other_questions_are_left_out_and_counted(log: Log, tmp_path: Path) -> None:
    hard = {"from_name": "difficulty", "type": "rating", "value": {"rating": 5}}
    report = await import_files(log, [written(tmp_path / "x.jsonl", [task(hard)])])
    assert (report.new, report.broken) == (1, 1)


async def test_a_choice_that_is_a_number_is_of_five_stars(log: Log, tmp_path: Path) -> None:
    one = {"from_name": "quality", "type": "choices", "value": {"choices": ["1"]}}
    await import_files(log, [written(tmp_path / "x.jsonl", [task(one)])])
    assert [fact.feedback for fact in await told(log) if isinstance(fact, FeedbackGiven)] == ["negative"]


async def test_a_cancelled_annotation_says_nothing(log: Log, tmp_path: Path) -> None:
    report = await import_files(log, [written(tmp_path / "x.jsonl", [task(BAD, was_cancelled=True)])])
    assert (report.new, report.broken) == (1, 0)


@pytest.mark.parametrize("annotations", [3, [3], [{"result": 3}], [{"result": [3]}]])
async def test_broken_annotations_refuse_their_task(log: Log, tmp_path: Path, annotations: Any) -> None:
    line = task() | {"annotations": annotations}
    report = await import_files(log, [written(tmp_path / "x.jsonl", [line])])
    assert (report.new, len(report.problems)) == (0, 1)
