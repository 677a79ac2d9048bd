"""Completions: a prompt with its answer is an example, and it is that of a chat."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from events.facts import ExampleCaptured
from events.log.log import Log
from services.imports import import_files

from .contract import told, written

EXAMPLE = Path(__file__).parent / "completions.jsonl"


async def test_a_prompt_with_its_answer_is_an_example(log: Log, tmp_path: Path) -> None:
    report = await import_files(log, [EXAMPLE])
    assert (report.new, [problem.line for problem in report.problems]) == (3, [4])
    facts = [fact for fact in await told(log) if isinstance(fact, ExampleCaptured)]
    assert [fact.response for fact in facts] == ["At least 3 inches.", "1.5 inches.", "1/4 in per foot."]
    assert facts[2].system == "You are a roofer."
    chat = [{"role": "user", "content": facts[0].prompt}, {"role": "assistant", "content": facts[0].response}]
    again = await import_files(log, [written(tmp_path / "x.jsonl", [{"messages": chat}])])
    assert (again.new, again.existing) == (0, 1)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ({"prompt": 3, "completion": "x"}, "prompt must be a text or a list of messages"),
        ({"prompt": "x", "response": None}, "response must be a text or a list of messages"),
        ({"prompt": [{"role": "pope"}], "completion": "x"}, "role 'pope'"),
    ],
)
async def test_every_error_is_explained(log: Log, tmp_path: Path, line: dict[str, Any], reason: str) -> None:
    report = await import_files(log, [written(tmp_path / "x.jsonl", [line])])
    assert [reason in problem.reason for problem in report.problems] == [True], report.problems
