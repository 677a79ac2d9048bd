"""Alpaca: an instruction with its input is a question, and the examples are those of a chat."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from events.facts import ExampleCaptured
from events.log.log import Log
from services.imports import import_files

from .contract import told, written

EXAMPLE = Path(__file__).parent / "alpaca.jsonl"


async def test_an_instruction_is_an_example(log: Log) -> None:
    report = await import_files(log, [EXAMPLE])
    assert (report.new, [problem.line for problem in report.problems]) == (3, [3])
    alone, earlier, later = [fact for fact in await told(log) if isinstance(fact, ExampleCaptured)]
    assert (alone.prompt, alone.response) == ("Name the minimum slope.\n\nA TPO roof in Ohio", "1/4 in per foot.")
    assert (earlier.prompt, earlier.system) == ("Which slope for TPO?", "You are a roofer.")
    assert (later.prompt, later.follows) == ("And for EPDM?", earlier.example_id)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ({"instruction": 3, "output": "x"}, "instruction must be a text, but is 3"),
        ({"instruction": "x", "output": None}, "nobody answers"),
        ({"instruction": "x", "output": "y", "history": [["a"]]}, "history must be a list"),
    ],
)
async def test_every_error_is_explained(log: Log, tmp_path: Path, line: dict[str, Any], reason: str) -> None:
    report = await import_files(log, [written(tmp_path / "x.jsonl", [line])])
    assert [reason in problem.reason for problem in report.problems] == [True], report.problems
