"""The old store: everything in it becomes facts, once, and what cannot is named by file and line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from events.log.log import Log
from services.imports import import_files

STORE = Path(__file__).parent / "store"

EXAMPLE: dict[str, Any] = {
    "id": "train_1",
    "timestamp": "2025-01-15T14:30:00",
    "source": "chat_interaction",
    "prompt": "How high must base flashing be?",
    "response": "At least 8 inches above the membrane.",
}


def store(tmp_path: Path, *lines: Any) -> Path:
    path = tmp_path / "examples_20250115.jsonl"
    raw = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    path.write_bytes(b"\n".join(raw) + b"\n")
    return path


async def test_a_second_import_adds_nothing(log: Log) -> None:
    first = await import_files(log, [STORE])
    assert (first.new, first.existing, first.same_fact) == (15, 0, 1)
    second = await import_files(log, [STORE])
    assert (second.new, second.existing, second.same_fact) == (0, 15, 1)
    assert await log.last_sequence() == 15


async def test_a_cut_line_is_named_and_the_rest_imported(log: Log) -> None:
    report = await import_files(log, [STORE])
    (problem,) = report.problems
    assert (Path(problem.file).name, problem.line) == ("examples_20250115.jsonl", 12)
    assert "ends in the middle of this line" in problem.reason


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"prompt": None}, "prompt must be a text, but is None"),
        ({"prompt": 7}, "prompt must be a text, but is 7"),
        ({"timestamp": "yesterday"}, "timestamp 'yesterday' is no time"),
        ({"id": "a.b *"}, "event_id"),
        ({"tags": "tpo"}, "array"),
        ({"quality": []}, None),
        ({"quality": 3}, "must be objects"),
        ({"quality": {"user_feedback": "great"}}, "user_feedback is 'great'"),
        ({"include_in_training": "no"}, "include_in_training must be true or false, but is 'no'"),
        ({"metadata": {"latency_ms": "fast"}}, "latency_ms"),
        ({"document_type": "rfi", "modifications_made": "huge"}, "huge"),
        ({"timestamp": "0001-01-01T00:00:00"}, "plausible time"),
    ],
)
async def test_every_error_is_explained(log: Log, tmp_path: Path, change: dict[str, Any], reason: str | None) -> None:
    good = EXAMPLE | {"id": "train_2"}
    report = await import_files(log, [store(tmp_path, EXAMPLE | change, good)])
    assert await log.knows("train_2")
    if reason is None:
        assert not report.problems
    else:
        assert [(problem.line, reason in problem.reason) for problem in report.problems] == [(1, True)], report.problems


@pytest.mark.parametrize("raw", [b"\xff\xfe", b"[]", b"null", b'{"a":', b"[" * 5000])
async def test_lines_that_are_no_objects_are_reported(log: Log, tmp_path: Path, raw: bytes) -> None:
    report = await import_files(log, [store(tmp_path, raw, EXAMPLE)])
    assert [problem.line for problem in report.problems] == [1]
    assert report.new == 1


async def test_an_id_with_two_texts_is_a_problem(log: Log, tmp_path: Path) -> None:
    other = EXAMPLE | {"response": "At least 12 inches, I think."}
    report = await import_files(log, [store(tmp_path, EXAMPLE, other, EXAMPLE)])
    assert [(problem.line, "with another text" in problem.reason) for problem in report.problems] == [(2, True)]


async def test_unknown_fields_are_kept_in_details(log: Log, tmp_path: Path) -> None:
    await import_files(log, [store(tmp_path, EXAMPLE | {"mood": "fine", "metadata": {"gpu": "a10"}})])
    (message,) = await log.history("train_1")
    assert message.fact().details == {"old_store": {"gpu": "a10", "mood": "fine", "quality": {}}}  # type: ignore[union-attr]


async def test_a_copy_without_its_correction_is_an_example(log: Log, tmp_path: Path) -> None:
    report = await import_files(log, [store(tmp_path, EXAMPLE | {"source": "verified_correction"})])
    assert (report.new, report.same_fact) == (1, 0)
