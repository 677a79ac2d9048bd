"""Replay and history: what was said, by every filter, as lines, JSON and Parquet, and what became of it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from events.facts import CorrectionRecorded, ExampleApproved, Fact, FeedbackGiven
from events.log.log import Log
from services.history.replay import Wanted, replay
from tests.deadlines import FAR_SECONDS

from ..conftest import ANSWER, NOW, Cli, capture

ENVELOPE: dict[str, Any] = {"occurred_at": NOW, "actor": "ann"}
SAID: list[Fact] = [
    capture("Which TPO seam overlap is right?", ANSWER, example_id="a", tags=("tpo",)),
    capture("What slope does tapered polyiso insulation need?", ANSWER, example_id="b", source="rfi_generation"),
    FeedbackGiven(event_id="f", example_id="a", feedback="positive", **ENVELOPE),
    CorrectionRecorded(
        event_id="c", example_id="b", original_prompt="p", original_response="w", corrected_response=ANSWER,
        tags=("tpo",), **ENVELOPE,
    ),
    ExampleApproved(event_id="d", example_id="c", revision=4, **ENVELOPE),
]  # fmt: skip


def seqs(rows: list[dict[str, Any]]) -> list[int]:
    return [row["seq"] for row in rows]


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ([], [1, 2, 3, 4, 5]),
        (["--example", "a"], [1, 3]),
        (["--example", "c"], [4, 5]),
        (["--kind", "example.captured", "--kind", "feedback.given"], [1, 2, 3]),
        (["--by", "ann"], [3, 4, 5]),
        (["--tag", "tpo"], [1, 4]),
        (["--source", "rfi_generation"], [2]),
        (["--source", "user_correction"], [4]),
        (["--from", "2", "--to", "4"], [2, 3, 4]),
        (["--as-of", "2"], [1, 2]),
        (["--since", "2000-01-01", "--until", "2100-01-01T00:00:00+02:00"], [1, 2, 3, 4, 5]),
        (["--until", "2000-01-01"], []),
        (["--example", "b", "--kind", "correction.recorded"], [4]),
    ],
)
async def test_every_filter_selects_its_facts(cli: Cli, log: Log, args: list[str], expected: list[int]) -> None:
    await log.publish(SAID)
    assert seqs(cli.json("replay", *args)["facts"]) == expected


async def test_a_time_separates_facts(log: Log) -> None:
    from datetime import datetime, timedelta

    await log.publish(SAID[:2])
    second = await log.at(2)
    assert second is not None
    moment = datetime.fromisoformat(second.received_at[:26] + "+00:00")
    await log.publish(SAID[2:])
    assert await log.before(moment + timedelta(microseconds=1)) >= 2
    found = [
        row for rows in [r async for r in replay(log, Wanted(until=moment + timedelta(microseconds=1)))] for row in rows
    ]
    assert set(seqs(found)) >= {1, 2}
    assert await log.before(moment - timedelta(days=1)) == 0


async def test_text_json_and_parquet_tell_the_same(cli: Cli, log: Log, tmp_path: Path) -> None:
    await log.publish(SAID)
    await log.client.jetstream().publish("training.example.captured.x.y", b"junk")
    document = cli.json("replay")["facts"]
    assert [json.loads(line) for line in cli.run("replay", "--jsonl").stdout.splitlines()] == document
    shown = cli.run("replay").stdout.splitlines()
    assert len(shown) == 6
    assert "ann gave positive feedback" in shown[2]
    assert "no valid fact" in shown[5]
    assert cli.json("replay", "--output", tmp_path / "all.parquet")["rows"] == 6
    table = pq.read_table(tmp_path / "all.parquet").to_pylist()
    assert [json.loads(row["fact"]) if row["fact"] else None for row in table] == [row["fact"] for row in document]


async def test_a_follower_receives_new_facts(log: Log) -> None:
    await log.publish(SAID[:2])
    heard: list[int] = []

    async def follow() -> None:
        async for rows in replay(log, Wanted(), follow=True):
            heard.extend(seqs(rows))
            if len(heard) == 5:
                return

    following = asyncio.create_task(follow())
    async with asyncio.timeout(FAR_SECONDS):
        while len(heard) < 2:
            await asyncio.sleep(0.01)
        await log.publish(SAID[2:])
        await following
    assert heard == [1, 2, 3, 4, 5]


def test_impossible_requests_are_refused(cli: Cli) -> None:
    assert "--follow never ends" in cli.run("replay", "--follow", "--json", code=2).stdout
    assert "is no sequence and no time" in cli.run("replay", "--as-of", "soon", code=2).stderr


async def test_a_history_tells_exports_and_erasures(cli: Cli, log: Log) -> None:
    await log.publish(SAID)
    export = cli.json("export", "--min-examples", "1")["export_digest"]
    told = cli.json("history", "a")
    assert seqs(told["facts"]) == [1, 3]
    assert [one["export_digest"] for one in told["exports"]] == [export]
    assert f"in export {export[:12]}: data/" in cli.run("history", "a").stdout
    cli.run("erase", "a", "--reason", "asked")
    told = cli.json("history", "a")
    assert (seqs(told["facts"])[:2], told["facts"][0]["fact"]) == ([1, 3], None)
    assert "its text was erased, as sequence" in told["facts"][0]["told"]
    assert seqs(cli.json("history", "c")["facts"]) == [4, 5]
