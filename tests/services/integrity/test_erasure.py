"""Secure erasure: after it no file holds the text, the tables equal a rebuild, and any interruption can be finished."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from events.errors import RooflogError
from events.facts import (
    CorrectionRecorded,
    ExampleCaptured,
    ExampleErased,
    ExampleRedacted,
    ExampleRejected,
    Fact,
    FeedbackGiven,
    TrainingTriggered,
)
from events.log.log import Log
from events.message import remembered
from events.subjects import TOMBSTONES
from projections.fold.content_digest import content_digest
from projections.fold.projector import Projector
from services.exporter.client import ask
from services.integrity import erasure
from services.runtime.nats_server import EmbeddedServer
from services.settings import Settings
from services.state.client import open_state
from services.state.owner import Owner
from tests.deadlines import FAR_SECONDS

from ...events.quoting import fields, marker, quoting
from ..conftest import ANSWER, NOW, SEEDS, Cli, capture
from ..forked import Forked
from ..projector.test_service import until_running

MARKER = "Kowalczyk77"
SECRET = f"{ANSWER} Ask {MARKER} about the roof."
ASKED = f"How high must base flashing of the {MARKER} roof be?"


def about(example_id: str, event_id: str) -> dict[str, Any]:
    return {"event_id": event_id, "occurred_at": NOW, "actor": "test", "example_id": example_id}


def fix(example_id: str | None, event_id: str, wrong: str, right: str = SECRET) -> CorrectionRecorded:
    texts: dict[str, Any] = {"original_prompt": ASKED, "original_response": wrong, "corrected_response": right}
    return CorrectionRecorded(**about("", event_id) | {"example_id": example_id}, **texts)


STORY: list[Fact] = [
    capture("Which TPO seam overlap is right?", example_id="other"),
    capture(ASKED, SECRET, example_id="a", details={"note": MARKER}),
    fix("a", "named", SECRET, f"{ANSWER} {MARKER}"),
    fix(None, "by-words", SECRET),
    fix("named", "of-a-correction", f"{ANSWER} {MARKER}"),
    capture(ASKED, SECRET, example_id="copy"),
    ExampleRedacted(**about("a", "r"), prompt=f"{ASKED}!", response=SECRET),
    FeedbackGiven(**about("a", "quoting"), feedback="negative", comment=f"not what {MARKER} said"),
    FeedbackGiven(**about("a", "harmless"), feedback="negative", comment="which code?"),
    ExampleRejected(**about("a", "rejected"), revision=9, reason="no source is given"),
]
REPEATING = {"a", "named", "by-words", "of-a-correction", "copy"}


async def tell(log: Log) -> None:
    assert not (await log.publish(STORY)).refused
    for subject in ("training.example.captured.a.again", "training.example.noticed.a.x"):
        await log.client.jetstream().publish(subject, f'{{"type":"x","text":"{MARKER}"}}'.encode())


def files_holding(folder: Path, text: str) -> list[Path]:
    """What `grep -r` finds."""
    return [file for file in folder.rglob("*") if file.is_file() and text.encode() in file.read_bytes()]


async def rebuilt_digest(log: Log) -> str:
    projector = Projector(None)
    async for messages in log.read(0, batch=7):
        projector.apply(messages)
    digest = content_digest(projector.con)
    projector.close()
    return digest


async def digest_of(cli: Cli, log: Log) -> str:
    async with open_state(Settings(data_dir=cli.data_dir), log) as state:
        return str((await state.ask("digest"))["content_digest"])


def tables_holding(database: Path, text: str) -> list[str]:
    """The tables in one of whose rows a text occurs, however they are compressed in the file."""
    with duckdb.connect(database, read_only=True) as con:
        names = con.execute("SELECT table_name FROM duckdb_tables()").fetchall()
        return [name for (name,) in names if any(text in repr(row) for row in con.execute(f"FROM {name}").fetchall())]


async def messages_holding(log: Log, text: str) -> list[int]:
    """The sequences of the messages that hold a text, however the store compresses them."""
    return [message.seq async for batch in log.read(0) for message in batch if text.encode() in message.data]


async def assert_forgotten(cli: Cli, log: Log, marker: str = MARKER) -> None:
    assert files_holding(cli.data_dir, marker) == []
    assert await messages_holding(log, marker) == []
    assert await digest_of(cli, log) == await rebuilt_digest(log)
    async with open_state(Settings(data_dir=cli.data_dir), log) as state:
        assert await state.ask("erasing") == {"remnants": {}, "compaction_due": False}


async def test_no_file_holds_the_text_and_tables_equal_a_rebuild(cli: Cli, log: Log) -> None:
    await tell(log)
    cli.run("stats")
    assert {file.suffix for file in files_holding(cli.data_dir, MARKER)} == {".blk", ".duckdb"}
    proposed = cli.json("erase", "a", "--reason", "asked", "--dry-run")
    assert {seq for seqs in proposed["messages"].values() for seq in seqs} == {2, 3, 4, 5, 6, 7, 8, 11, 12}
    told = cli.json("erase", "a", "--reason", "asked")
    assert set(told["erased_ids"]) == REPEATING
    assert (told["messages"], told["comments_kept"]) == (9, [9, 10])
    await assert_forgotten(cli, log)
    assert cli.json("show", "a")["verdict"]["reasons"][-2:] == ["erased", "rejected"]
    assert [fact["seq"] for fact in cli.json("history", "other")["facts"]] == [1]


async def test_erasing_again_says_the_same_and_changes_nothing(cli: Cli, log: Log) -> None:
    await tell(log)
    cli.run("erase", "a", "--reason", "asked")
    last, digest = await log.last_sequence(), await digest_of(cli, log)
    again = cli.json("erase", "a", "--reason", "asked")
    assert again["messages"] == 0
    assert (await log.last_sequence(), await digest_of(cli, log)) == (last, digest)


async def test_every_comment_goes_where_that_is_wanted(cli: Cli, log: Log) -> None:
    await tell(log)
    told = cli.json("erase", "a", "--reason", "asked", "--comments")
    assert (told["messages"], told["comments_kept"]) == (11, [])
    await assert_forgotten(cli, log)
    assert cli.json("show", "a")["decision"] is None


async def test_every_comment_that_quotes_the_text_goes_with_it(cli: Cli, log: Log) -> None:
    words = [marker(*field) for field in fields()]
    story = [capture(ASKED, f"{ANSWER} Ask {' or '.join(words)}.", example_id="a")]
    assert not (await log.publish([*story, *quoting("a", "not what {field} said")])).refused
    cli.run("stats")
    for word in words:
        assert len(await messages_holding(log, word)) == 2
    cli.run("erase", "a", "--reason", "asked")
    for word in words:
        await assert_forgotten(cli, log, word)
        assert tables_holding(cli.data_dir / "rooflog.duckdb", word) == []


async def test_a_tombstone_that_quotes_the_text_is_replaced(cli: Cli, log: Log) -> None:
    await log.publish([capture(ASKED, SECRET, example_id="a"), capture(example_id="b")])
    message = await log.at(1)
    assert message is not None
    listed = (remembered(message),)
    await log.publish([ExampleErased(**about("a", "quoting"), reason=f"asked by {MARKER}", erased=listed)])
    cli.run("erase", "a", "--reason", "asked")
    await assert_forgotten(cli, log)
    assert [m.erased_by for m in [m async for batch in log.read(0) for m in batch]] == [4, 0, 4, 0]
    assert cli.json("show", "a")["verdict"]["reasons"] == ["erased", "not_approved"]
    assert cli.json("erase", "a", "--reason", "asked", "--comments")["messages"] == 0


async def test_a_reason_that_quotes_the_text_is_refused(cli: Cli, log: Log) -> None:
    await tell(log)
    for more in ([], ["--dry-run"]):
        refused = cli.run("erase", "a", "--reason", f"The owner {MARKER} asked", *more, code=1)
        assert "the reason repeats words of the text" in refused.stderr
    assert await log.matching(TOMBSTONES) == []
    assert "would erase" in cli.run("erase", "a", "--reason", "Asked by its owner", "--dry-run").stdout


def test_an_example_that_never_was_cannot_be_erased(cli: Cli) -> None:
    assert "no example 'ghost'" in cli.run("erase", "ghost", "--reason", "x", code=2).stderr


async def test_a_projector_answers_while_it_writes_its_file_anew(
    cli: Cli, log: Log, start: Callable[..., Forked]
) -> None:
    start("projector")
    await until_running(log)
    await tell(log)
    done, answers = asyncio.Event(), []

    async def read() -> None:
        async with open_state(Settings(data_dir=cli.data_dir), log) as state:
            while not done.is_set():
                answers.append((await state.ask("stats"))["total"])

    reading = asyncio.create_task(read())
    await asyncio.to_thread(cli.run, "erase", "a", "--reason", "asked")
    done.set()
    await reading
    assert set(answers) == {6}
    await assert_forgotten(cli, log)


async def test_what_arrives_after_its_erasure_goes_as_well(cli: Cli, log: Log, start: Callable[..., Forked]) -> None:
    """The subject is free again once its message is gone: a late outbox can say the same fact a second time."""
    start("projector")
    await until_running(log)
    await tell(log)
    await asyncio.to_thread(cli.run, "erase", "a", "--reason", "asked")
    published = await log.publish([STORY[1], fix("a", "late", SECRET)])
    assert len(published.new) == 2
    first = await log.last_sequence() - 1
    async with asyncio.timeout(FAR_SECONDS), open_state(Settings(data_dir=cli.data_dir), log) as state:
        while not {first, first + 1} <= await log.deleted():
            await asyncio.sleep(0.05)
        while (await state.ask("erasing"))["compaction_due"]:
            await asyncio.sleep(0.05)
    await assert_forgotten(cli, log)


@pytest.mark.parametrize("removed", [0, 1, 5])
async def test_the_command_finishes_what_ended_between_two_steps(cli: Cli, log: Log, removed: int) -> None:
    await tell(log)
    async with open_state(Settings(data_dir=cli.data_dir), log) as state:
        found = await erasure.plan(log, state, "a")
        await erasure.bury(log, found.taken, reason="asked", actor="ann", asked="a")
    for seq in sorted(await log.erased())[:removed]:
        await log.erase(seq)
    cli.run("erase", "a", "--reason", "asked")
    await assert_forgotten(cli, log)
    assert len(await log.matching(TOMBSTONES)) == len(REPEATING)


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
async def test_killed_anywhere_the_same_command_finishes_it(cli: Cli, seed: int) -> None:
    rng = random.Random(seed)
    with EmbeddedServer(cli.data_dir) as server:
        log = await Log.connect(server.access())
        await tell(log)
        cli.run("stats")
        for _ in range(3):
            process = cli.start("erase", "a", "--reason", "asked")
            await asyncio.sleep(rng.uniform(0.0, 1.1))
            process.kill()
            process.wait()
        cli.run("erase", "a", "--reason", "asked")
        await assert_forgotten(cli, log)
        assert len(await log.matching(TOMBSTONES)) == len(REPEATING)
        await log.close()


async def test_a_tombstone_that_lists_other_bytes_removes_nothing(log: Log) -> None:
    await log.publish([capture(example_id="a"), capture(example_id="b")])
    message = await log.at(1)
    assert message is not None
    kept = remembered(message)
    lie = ExampleErased(**about("b", "t"), reason="x", erased=(type(kept)(seq=2, digest=kept.digest, subject="s"),))
    await log.publish([lie])
    with pytest.raises(RooflogError, match="lists sequence 2 under a digest that is not its"):
        await erasure.remove(log)
    assert await log.deleted() == set()


async def test_a_long_read_delays_the_new_file_and_ends_well(cli: Cli, log: Log, monkeypatch: Any) -> None:
    monkeypatch.setattr("services.state.owner.REPLACE_SECONDS", 0.1)
    await log.publish([*STORY[:2], FeedbackGiven(**about("other", "like"), feedback="positive")])
    owner = Owner(cli.data_dir / "rooflog.duckdb")
    await owner.catch_up(log)
    rows = owner.rows("training_set", {})
    next(rows)
    await log.publish([ExampleErased(**about("a", "t"), reason="x")])
    await owner.catch_up(log)
    assert owner.answer("erasing", {})["compaction_due"]
    assert len(list(rows)) == 1
    assert owner.compact()
    assert not owner.answer("erasing", {})["compaction_due"]
    assert owner.answer("status", {})["checkpoint"] == 4
    owner.close()


@pytest.mark.parametrize(
    ("comment", "does"),
    [
        ("which code?", False),
        ("the answer is wrong, look it up", False),
        ("Kowalczyk77 did not say so", True),
        ("the customer bo@example.com says no", True),
        ("it says above the finished roof, why?", True),
        ("8 inches?", False),
        ("", False),
    ],
)
def test_a_comment_quotes_by_three_words_or_a_telling_one(comment: str, does: bool) -> None:
    assert erasure.quotes(comment, [SECRET, "Mail bo@example.com about it"]) is does


LIKES: list[Fact] = [FeedbackGiven(**about(one, f"like-{one}"), feedback="positive") for one in ("a", "b", "c")]
TRAINED: list[ExampleCaptured] = [
    capture(f"Which TPO seam overlap is right at {MARKER}?", f"{ANSWER} {MARKER}", example_id="a"),
    capture("What slope does tapered polyiso insulation need?", ANSWER, example_id="b"),
    capture("How do I flash a pipe boot on EPDM?", ANSWER, example_id="c"),
]


def export(cli: Cli) -> Any:
    return cli.json("export", "--min-examples", "1")


async def trained(cli: Cli, log: Log) -> list[str]:
    """Two exports that hold the text, the first of them trained on, and one from before."""
    await log.publish([*TRAINED[1:], *LIKES[1:2]])
    before = export(cli)["export_digest"]
    await log.publish([TRAINED[0], LIKES[0]])
    first = export(cli)["export_digest"]
    await log.publish(
        [
            TrainingTriggered(
                event_id=outcome,
                occurred_at=NOW,
                actor="exporter",
                export_digest=first,
                outcome=outcome,
                call_id="fc-1",
            )
            for outcome in ("intended", "started", "succeeded")
        ]
    )
    await log.publish(LIKES[2:])
    return [before, first, export(cli)["export_digest"]]


class TestExports:
    async def test_no_export_holds_the_text_and_earlier_ones_are_listed(self, cli: Cli, log: Log) -> None:
        before, first, second = await trained(cli, log)
        told = cli.json("erase", "a", "--reason", "asked")
        assert [one["export_digest"] for one in told["exports"]] == [second, first]
        assert [(t["export_digest"], t["call_id"], t["outcome"]) for t in told["trainings"]] == [
            (first, "fc-1", "succeeded")
        ]
        assert set(told["withdrawn"]) == {first, second}
        await assert_forgotten(cli, log)
        root = (cli.data_dir / "volume" / "training_conversations.jsonl").read_text()
        assert [json.loads(line)["prompt"] for line in root.splitlines()] == [fact.prompt for fact in TRAINED[1:]]
        assert (cli.data_dir / "volume" / "exports" / first / "lineage.parquet").exists()
        assert cli.json("audit", told["new_export"])["status"] == "same"
        assert cli.json("audit", before)["status"] == "same"
        audited = cli.json("audit", first, code=1)
        assert (audited["is_same_log"], audited["erased"]) == (True, [5])
        assert [one["export_digest"] for one in cli.json("lineage", "a")["in"]] == [second, first]

    async def test_an_export_with_the_text_before_a_turn_is_listed(self, cli: Cli, log: Log) -> None:
        """Given a turn that is no row itself, then the exports of what follows it had contained it."""
        follow_up = capture("And how wide is the seam of the roof?", f"b {ANSWER}", example_id="b", follows="a")
        await log.publish([TRAINED[0], follow_up, LIKES[1], TRAINED[2], LIKES[2]])
        digest = export(cli)["export_digest"]
        told = cli.json("erase", "a", "--reason", "asked")
        assert [(one["export_digest"], list(one["lines"])) for one in told["exports"]] == [(digest, ["b"])]
        assert told["withdrawn"] == [digest]
        await assert_forgotten(cli, log)

    async def test_said_again_it_lists_the_same_exports(self, cli: Cli, log: Log) -> None:
        await trained(cli, log)
        first, again = (cli.json("erase", "a", "--reason", "asked") for _ in range(2))
        assert (again["exports"], again["withdrawn"], again["new_export"]) == (first["exports"], [], None)

    async def test_what_a_killed_exporter_left_goes_as_well(self, cli: Cli, log: Log) -> None:
        await trained(cli, log)
        for left in ("export.staging/data/x.jsonl", "volume/.root.123.part", "past.999999/rooflog.duckdb"):
            (cli.data_dir / left).parent.mkdir(parents=True, exist_ok=True)
            (cli.data_dir / left).write_text(MARKER)
        cli.run("erase", "a", "--reason", "asked")
        await assert_forgotten(cli, log)

    async def test_a_running_exporter_makes_the_new_export(
        self, cli: Cli, log: Log, start: Callable[..., Forked]
    ) -> None:
        await trained(cli, log)
        start("projector")
        await until_running(log)
        start("exporter")
        async with asyncio.timeout(FAR_SECONDS):
            while await ask(log, "status") is None:
                await asyncio.sleep(0.05)
        told = await asyncio.to_thread(cli.json, "erase", "a", "--reason", "asked")
        assert len(told["exports"]) >= 2
        await assert_forgotten(cli, log)
