"""ShareGPT: who speaks is told by other names, and the examples are those of a chat."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from events.facts import ExampleCaptured, ToolTurn
from events.log.log import Log
from services.imports import import_files

from .contract import told, written

EXAMPLE = Path(__file__).parent / "sharegpt.jsonl"
SYSTEM = {"role": "system", "content": "You are a roofer."}


async def test_a_conversation_is_that_of_a_chat(log: Log, tmp_path: Path) -> None:
    report = await import_files(log, [EXAMPLE])
    assert (report.new, report.ignored, [problem.line for problem in report.problems]) == (3, 1, [3])
    first, second, excluded = await told(log)
    assert isinstance(second, ExampleCaptured)
    assert isinstance(excluded, ExampleCaptured)
    assert (second.follows, second.tools) == (
        first.event_id, (ToolTurn(name="find", arguments='{"membrane":"EPDM"}', result="3 inches of tape"),),
    )  # fmt: skip
    assert (excluded.include_in_training, excluded.system) == (False, "You are a roofer.")
    chat = [SYSTEM, {"role": "user", "content": "Which slope?"}, {"role": "assistant", "content": "1/4 in per foot."}]
    again = await import_files(log, [written(tmp_path / "x.jsonl", [{"messages": chat}])])
    assert (again.new, again.changed) == (0, 1)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ({"conversations": 3}, "list of messages"),
        ({"conversations": [3]}, "message 1 must be an object"),
        ({"conversations": [{"from": "pope", "value": "x"}]}, "message 1 is from 'pope'"),
        ({"conversations": [{"from": "human", "value": "x"}]}, "nobody answers"),
    ],
)
async def test_every_error_is_explained(log: Log, tmp_path: Path, line: dict[str, Any], reason: str) -> None:
    report = await import_files(log, [written(tmp_path / "x.jsonl", [line])])
    assert [reason in problem.reason for problem in report.problems] == [True], report.problems
