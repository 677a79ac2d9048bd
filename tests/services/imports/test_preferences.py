"""Preferences: the worse answer is never trained on, and the better one waits for a reviewer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from events.facts import CorrectionRecorded, ExampleCaptured
from events.log.log import Log
from services.imports import import_files

from .contract import told, written

EXAMPLE = Path(__file__).parent / "preferences.jsonl"


async def test_the_better_answer_corrects_the_worse_one(log: Log) -> None:
    report = await import_files(log, [EXAMPLE])
    assert (report.new, [problem.line for problem in report.problems]) == (7, [4])
    facts = await told(log)
    worse = [fact for fact in facts if isinstance(fact, ExampleCaptured) and not fact.include_in_training]
    better = [fact for fact in facts if isinstance(fact, CorrectionRecorded)]
    assert [fact.prompt for fact in worse] == [
        "How high must base flashing rise above the roof?", "A 3 inch seam tape.", "Is 24 gauge enough for coping?",
    ]  # fmt: skip
    assert worse[1].response == "Any solvent will do as a primer before the tape."
    assert [fact.example_id for fact in better] == [fact.example_id for fact in worse]
    assert all(fact.untrusted for fact in better)
    assert better[0].corrected_response.startswith("At least 8 inches")
    (earlier,) = [fact for fact in facts if isinstance(fact, ExampleCaptured) and fact.include_in_training]
    assert worse[1].follows == earlier.example_id


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ({"prompt": 3, "chosen": "a", "rejected": "b"}, "the question must be a text or a list"),
        ({"prompt": "x", "chosen": "Lap it.", "rejected": " Lap  it. "}, "both answers say the same"),
        ({"prompt": "x", "chosen": "a", "rejected": []}, "an answer must be a text or a list"),
        ({"prompt": "x", "chosen": "a", "rejected": [{"role": "user", "content": "b"}]}, "must be the assistant's"),
        ({"chosen": "a", "rejected": "b"}, "nobody has asked"),
    ],
)
async def test_every_error_is_explained(log: Log, tmp_path: Path, line: dict[str, Any], reason: str) -> None:
    report = await import_files(log, [written(tmp_path / "x.jsonl", [line])])
    assert [reason in problem.reason for problem in report.problems] == [True], report.problems


async def test_an_answer_without_words_is_none(log: Log, tmp_path: Path) -> None:
    path = written(tmp_path / "x.jsonl", [{"prompt": "Which slope?", "chosen": "1/4 in per foot.", "rejected": ""}])
    report = await import_files(log, [path])
    assert (report.new, report.ignored, report.problems) == (0, 1, [])
