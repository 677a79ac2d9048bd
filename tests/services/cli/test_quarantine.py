"""Quarantine at the command line: why something is in it, and what to do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import duckdb
import pytest

from events.errors import Category
from events.log.log import Log
from projections.store.batch import FOUND_BY_FOLD
from services.curation.quarantine import ADVICE
from services.state.client import runs

from ..conftest import Cli, capture
from ..forked import Forked


async def test_quarantined_messages_are_listed_and_shown_with_advice(cli: Cli, log: Log) -> None:
    await log.publish([capture(example_id="a")])
    for n, data in enumerate([b"junk", b"\xff\x00", b'{"type":"example.praised.v1"}']):
        await log.client.jetstream().publish(f"training.example.captured.x.g{n}", data)
    listed = cli.json("quarantine", "list")
    assert [(i["seq"], i["category"], i["can_be_folded_now"]) for i in listed["items"]] == [
        (2, "malformed", False), (3, "malformed", False), (4, "unknown_type", False)
    ]  # fmt: skip
    assert cli.json("quarantine", "list", "--category", "unknown_type")["total"] == 1
    first = cli.json("quarantine", "list", "--limit", "1")
    rest = cli.json("quarantine", "list", "--after", str(first["after"]))
    assert (first["items"] + rest["items"], rest["after"]) == (listed["items"], None)
    assert "upgrade this one" in cli.run("quarantine", "show", "4").stdout
    assert cli.json("quarantine", "show", "2")["text"] == "junk"
    assert cli.json("quarantine", "show", "3")["hex"] == "ff00"
    assert "is not in quarantine" in cli.run("quarantine", "show", "1", code=2).stderr


async def test_messages_that_this_version_decodes_are_ready(cli: Cli, log: Log) -> None:
    await log.publish([capture(example_id="a")])
    cli.run("stats")
    with duckdb.connect(str(cli.data_dir / "rooflog.duckdb")) as con:
        con.execute("INSERT INTO quarantine SELECT 1, subject, ''::BLOB, 'unknown_type', 'x' FROM checkpoint")
    assert "1 of them this version can fold now" in cli.run("quarantine", "list").stdout


@pytest.mark.parametrize("is_running", [False, True])
async def test_a_retry_folds_each_message_in_its_place(
    cli: Cli, log: Log, start: Callable[..., Forked], is_running: bool
) -> None:
    await log.publish([capture(example_id="a"), capture("Where do scuppers go on a TPO roof?", example_id="b")])
    whole = cli.json("status", "--digest")["content_digest"]
    assert cli.json("quarantine", "retry")["status"] == "nothing_to_retry"
    with duckdb.connect(str(cli.data_dir / "rooflog.duckdb")) as con:
        con.execute("INSERT INTO quarantine SELECT 1, subject, ''::BLOB, 'unknown_type', 'x' FROM checkpoint")
        for table in ("examples", "evidence", "judged"):
            con.execute(f"DELETE FROM {table} WHERE seq = 1")
    if is_running:
        start("projector")
        while not await runs(log):
            await asyncio.sleep(0.05)
    assert cli.json("quarantine", "retry") == {"status": "retried", "folded": [1], "left": 0}
    assert cli.json("status", "--digest")["content_digest"] == whole


def test_every_category_has_advice() -> None:
    decoded = set(Category.__args__) - {"erased"}  # type: ignore[attr-defined]
    assert decoded | {*FOUND_BY_FOLD, "invalid_policy", "missing"} == ADVICE.keys()
