"""The exporter: whole files or none, in the order of the log, the same bytes for the same state."""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from events.facts import FeedbackGiven
from events.log import Log
from services.exporter import ROOT_FILE, _replace, export
from services.settings import Settings
from services.state import open_state

from .conftest import ANSWER, NOW, capture


async def liked(log: Log, count: int, start: int = 0) -> None:
    for n in range(start, start + count):
        await log.publish([capture(f"Question {n} about a TPO roof?", f"{n}: {ANSWER}", example_id=f"e{n}")])
        await log.give_feedback(
            FeedbackGiven(event_id=f"f{n}", occurred_at=NOW, actor="u", example_id=f"e{n}", feedback="positive")
        )


async def test_every_line_has_the_keys_that_the_trainer_reads(log: Log, tmp_path: Path) -> None:
    await liked(log, 3)
    async with open_state(Settings(data_dir=tmp_path), log) as state:
        answer = await export(state, tmp_path / "volume", min_examples=1)
    lines = [json.loads(line) for line in Path(answer["output_path"]).read_text("utf-8").splitlines()]
    assert [line["response"] for line in lines] == [f"{n}: {ANSWER}" for n in range(3)]
    assert {tuple(line) for line in lines} == {("prompt", "response", "system")}
    assert answer["status"] == "exported"
    assert (answer["total_raw"], answer["corrections"], answer["after_filtering"]) == (3, 0, 3)


async def test_too_few_examples_leave_the_volume_as_it_is(log: Log, tmp_path: Path) -> None:
    await liked(log, 3)
    async with open_state(Settings(data_dir=tmp_path), log) as state:
        assert await export(state, tmp_path / "volume") | {"funnel": ...} == {
            "status": "insufficient_data",
            "count": 3,
            "required": 100,
            "funnel": ...,
        }
    assert not (tmp_path / "volume").exists()


async def test_a_stricter_quality_judges_anew_without_touching_the_state(log: Log, tmp_path: Path) -> None:
    await liked(log, 2)
    weak = capture("How do I keep the membrane clean?", "Sweep it with a soft broom and rinse it with a hose. " * 2)
    await log.publish([weak])
    await log.give_feedback(
        FeedbackGiven(event_id="w", occurred_at=NOW, actor="u", example_id=weak.example_id, feedback="positive")
    )
    async with open_state(Settings(data_dir=tmp_path), log) as state:
        before = await state.ask("digest")
        counts = [
            (await export(state, tmp_path / "v", min_examples=0, min_quality=quality))["after_filtering"]  # type: ignore[arg-type]
            for quality in ("high", "low", None)
        ]
        assert await state.ask("digest") == before
    assert counts == [2, 3, 2]


async def test_the_same_state_gives_the_same_bytes(log: Log, tmp_path: Path) -> None:
    await liked(log, 5)
    files = []
    for name in ("one", "two"):
        async with open_state(Settings(data_dir=tmp_path / name), log) as state:
            answer = await export(state, tmp_path / name / "volume", min_examples=1)
        files.append(Path(answer["output_path"]).read_bytes())
    assert files[0] == files[1]


async def test_a_write_that_breaks_off_leaves_the_old_file_and_no_rubbish(tmp_path: Path) -> None:
    async def breaking() -> AsyncIterator[bytes]:
        yield b"new" * 1000
        raise OSError("disk full")

    path = tmp_path / ROOT_FILE
    path.write_bytes(b"old")
    with pytest.raises(OSError, match="disk full"):
        await _replace(path, breaking())
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


async def test_a_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    path, wrong, done = tmp_path / ROOT_FILE, [], threading.Event()
    path.write_bytes(b"0" * 100_000)

    def read() -> None:
        while not done.is_set():
            data = path.read_bytes()
            if len(data) != 100_000 or len(set(data)) != 1:
                wrong.append(len(data))

    reader = threading.Thread(target=read)
    reader.start()
    for n in range(30):

        async def chunks(n: int = n) -> AsyncIterator[bytes]:
            for _ in range(100):
                yield str(n % 10).encode() * 1000

        await _replace(path, chunks())
    done.set()
    reader.join()
    assert not wrong
