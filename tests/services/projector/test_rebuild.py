"""Rebuild: the tables anew from the log beside the live ones, exchanged at once, and harmless wherever it is killed."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest

from events.errors import InputError, RooflogError
from events.facts import ExampleErased, Fact, PolicyAdopted
from events.log.log import Log
from events.subjects import new_event_id
from projections.fold.content_digest import content_digest, table_digests
from projections.fold.projector import Projector
from projections.fold.table_copy import compared, differing
from projections.policy.policy import default, from_document
from services.projector import rebuild
from services.projector.rebuild import Plan, Rebuild, Rebuilds
from services.settings import Settings
from services.state.client import State, open_state
from services.state.owner import Files, Owner

from ..conftest import NOW, Cli, capture
from ..forked import Forked
from .test_service import rebuilt_digest, until_running, work

Start = Callable[..., Forked]


def history(count: int, seed: int = 1) -> list[Fact]:
    """A load with a policy that was adopted on the way and an example that was erased."""
    facts = work(random.Random(seed), count)
    plain = default().document()
    policy = from_document(plain | {"filters": plain["filters"] | {"min_response_chars": 20}})
    common: dict[str, Any] = {"occurred_at": NOW, "actor": "load"}
    adopted = PolicyAdopted(event_id=new_event_id(), policy=policy.document(), digest=policy.digest, **common)
    gone = ExampleErased(event_id=new_event_id(), example_id=facts[0].about, reason="asked to", **common)
    return [*facts[: count // 2], adopted, gone, *facts[count // 2 :]]


async def say(log: Log, count: int) -> None:
    """A history, and a message that is no fact."""
    await log.client.jetstream().publish("training.example.captured.x.junk", b"junk")
    assert not (await log.publish(history(count))).refused


async def run(log: Log, owner: Owner, plan: Plan, folding: asyncio.Lock | None = None) -> dict[str, Any]:
    return await Rebuild(log, owner.files, owner, folding or asyncio.Lock(), plan).run()


def beside(files: Files) -> set[str]:
    """What stands beside the live database, without what DuckDB and the lock put there."""
    return {file.name for file in files.live.parent.glob("rooflog.*")} - {
        "rooflog.duckdb",
        "rooflog.duckdb.wal",
        "rooflog.lock",
    }


async def owned(log: Log, folder: Path) -> Owner:
    owner = Owner(folder / "rooflog.duckdb")
    await owner.catch_up(log)
    return owner


@pytest.mark.parametrize("from_log", [False, True])
async def test_it_equals_the_live_state_and_keeps_the_old_file(log: Log, tmp_path: Path, from_log: bool) -> None:
    await say(log, 300)
    owner = await owned(log, tmp_path)
    before = content_digest(owner.projector.con)
    told = await run(log, owner, Plan(from_log=from_log, verify=True))
    assert (told["status"], told["verified"], told["checkpoint"]) == ("rebuilt", True, 303)
    assert bool(told["taken_over"]) is not from_log
    assert content_digest(owner.projector.con) == before == await rebuilt_digest(log)
    assert beside(owner.files) == {"rooflog.previous.duckdb"}
    owner.close()
    with closing(Owner(tmp_path / "rooflog.duckdb")) as again:
        assert beside(again.files) == set()
        assert content_digest(again.projector.con) == before


async def test_what_texts_say_is_taken_over_and_not_read_again(
    log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await say(log, 100)
    owner = await owned(log, tmp_path)
    before = content_digest(owner.projector.con)
    with monkeypatch.context() as patched:
        patched.setattr("projections.texts.near_links.canonical", lambda _: pytest.fail("a text was read again"))
        patched.setattr("projections.texts.analysis.rate", lambda *_: pytest.fail("a text was analysed again"))
        await run(log, owner, Plan())
    assert content_digest(owner.projector.con) == before
    owner.close()


TAMPERED = {
    "examples": "UPDATE examples SET response = 'Glue it.' WHERE seq = 5",
    "judged": "UPDATE judged SET reasons = 0 WHERE reasons > 0",
    "feedback": "DELETE FROM feedback",
    "checkpoint": "UPDATE checkpoint SET log_digest = 'x'::BLOB",
}


@pytest.mark.parametrize("table", ["examples", "judged", "feedback"])
async def test_verify_names_a_changed_table_and_leaves_it(log: Log, tmp_path: Path, table: str) -> None:
    await say(log, 60)
    owner = await owned(log, tmp_path)
    right = content_digest(owner.projector.con)
    owner.projector.con.execute(TAMPERED[table])
    wrong = content_digest(owner.projector.con)
    told = await run(log, owner, Plan(verify=True))
    assert (told["status"], told["different"]) == ("different", [table])
    assert content_digest(owner.projector.con) == wrong != right
    assert (await run(log, owner, Plan()))["status"] == "rebuilt"
    assert content_digest(owner.projector.con) == right
    owner.close()


async def test_a_damaged_table_is_put_back_and_another_is_left(log: Log, tmp_path: Path) -> None:
    await say(log, 60)
    owner = await owned(log, tmp_path)
    con = owner.projector.con
    right = table_digests(con, compared())
    for table in ("examples", "feedback"):
        con.execute(TAMPERED[table])
    damaged = table_digests(con, compared())
    await run(log, owner, Plan(projection="feedback"))
    repaired = table_digests(con, compared())
    assert differing(damaged, repaired) == ["feedback"]
    assert differing(right, repaired) == ["examples"]
    with pytest.raises(InputError, match="no projection 'checkpoint'; there are examples"):
        await run(log, owner, Plan(projection="checkpoint"))
    owner.close()


async def test_another_log_is_trusted_only_when_told_to(log: Log, tmp_path: Path) -> None:
    await say(log, 30)
    owner = await owned(log, tmp_path)
    owner.projector.con.execute(TAMPERED["checkpoint"])
    with pytest.raises(RooflogError, match="up to sequence 33 the log is not what the live tables"):
        await run(log, owner, Plan())
    assert beside(owner.files) == set()
    await run(log, owner, Plan(from_log=True))
    assert content_digest(owner.projector.con) == await rebuilt_digest(log)
    owner.close()


@pytest.mark.parametrize("damage", ["garbage", "another version"])
async def test_a_database_that_cannot_be_opened_is_made_anew(cli: Cli, log: Log, damage: str) -> None:
    await say(log, 40)
    cli.run("status")
    file = cli.data_dir / "rooflog.duckdb"
    if damage == "garbage":
        file.write_bytes(b"garbage" * 10_000)
    else:
        with duckdb.connect(str(file)) as con:
            con.execute("UPDATE checkpoint SET versions = 'schema=1'")
    assert "run `rooflog rebuild`" in cli.run("stats", code=1).stderr
    assert "nothing to compare with" in cli.run("rebuild", "--verify", code=1).stderr
    assert cli.json("rebuild")["checkpoint"] == await log.last_sequence()
    assert cli.json("status", "--digest")["content_digest"] == await rebuilt_digest(log)


async def test_reading_and_folding_go_on_while_the_projector_rebuilds(cli: Cli, log: Log, start: Start) -> None:
    await say(log, 3_000)
    start("projector")
    await until_running(log)
    commands = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services", "rebuild", "--from-log", "--verify", "--json",
            env=cli.environment, stdout=subprocess.PIPE,
        )
        for _ in range(2)
    ]  # fmt: skip
    answers = asyncio.gather(*(command.communicate() for command in commands))
    phases, said = set(), 0
    async with open_state(Settings(data_dir=cli.data_dir), log) as state:
        while not answers.done():
            await log.publish([capture(f"Which TPO seam number {said} is it?", example_id=f"late-{said}")])
            assert (await state.ask("show", example_id=f"late-{said}"))["example_id"] == f"late-{said}"
            said += 1
            if now := await state.ask_after(0, rebuild.REBUILDING, {}):
                phases.add(now["phase"])
        told = [msgspec.json.decode(out) for out, _ in await answers]
        assert [(one["status"], one["verified"]) for one in told] == [("rebuilt", True)] * 2
        assert {"replaying", "exchanging"} & phases
        assert said > 3
        live = await state.ask("digest")
    assert live == {"content_digest": await rebuilt_digest(log), "checkpoint": await log.last_sequence()}


async def test_a_compaction_lets_a_rebuild_begin_again_unseen(log: Log, tmp_path: Path) -> None:
    await say(log, 300)
    owner = await owned(log, tmp_path)
    rebuilds = Rebuilds(log, owner, asyncio.Lock())
    started = rebuilds.start(Plan(from_log=True))
    await asyncio.sleep(0.01)
    async with rebuilds.held_off():
        assert started.error
        assert not rebuilds.is_running
        waiting = rebuilds.condition
        assert waiting
        assert not waiting.is_over
        assert rebuilds.start(Plan(verify=True)) is waiting
        await asyncio.to_thread(owner.compact)
    while not (rebuilds.condition and rebuilds.condition.is_over):
        await asyncio.sleep(0.01)
    assert rebuilds.condition.result
    assert rebuilds.condition.result["status"] == "rebuilt"
    assert rebuilds.condition.plan == Plan(from_log=True)
    async with rebuilds.held_off():
        assert rebuilds.condition.is_over
    owner.close()


async def test_killed_it_leaves_the_live_state_and_can_be_repeated(cli: Cli, log: Log, start: Start) -> None:
    """The command alone, then a projector that rebuilds: each is killed while it folds the log."""
    await say(log, 3_000)
    cli.run("stats")
    files = Files(cli.data_dir / "rooflog.duckdb")
    for args in (("rebuild", "--from-log"), ("projector",)):
        process = start(*args)
        if args == ("projector",):
            await until_running(log)
            await State(log, None, None).run(rebuild.REBUILD, from_log=True)
        while not (files.rebuilding.exists() and files.rebuilding.stat().st_size > 300_000):
            assert process.poll() is None, "it ended before it could be killed"
            await asyncio.sleep(0.002)
        process.kill()
        process.wait()
        assert files.rebuilding.exists()
        assert cli.json("status", "--digest")["content_digest"] == await rebuilt_digest(log)
        assert beside(files) == set()
    assert cli.json("rebuild", "--from-log", "--verify")["verified"] is True


async def test_an_erasure_reaches_the_files_of_a_rebuild(cli: Cli, log: Log, start: Start) -> None:
    """The text is in none of them once the erasure says that it is done, and the rebuild ends all the same."""
    marker = "Kowalczyk77"
    await say(log, 2_000)
    await log.publish([capture(f"How high is the roof of {marker}?", example_id="a")])
    cli.run("rebuild")
    start("projector")
    await until_running(log)
    state = State(log, None, None)
    await state.run(rebuild.REBUILD, from_log=True)
    cli.run("erase", "a", "--reason", "asked")
    holding = [f for f in cli.data_dir.rglob("*") if f.is_file() and marker.encode() in f.read_bytes()]
    assert holding == []
    while (now := await state.ask_after(0, rebuild.REBUILDING, {}))["result"] is None:
        assert now["error"] is None
        await asyncio.sleep(0.02)
    assert (await state.ask("digest"))["content_digest"] == await rebuilt_digest(log)


async def test_it_waits_for_a_reader_who_takes_long(log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.state.owner.REPLACE_SECONDS", 0.05)
    await say(log, 30)
    owner = await owned(log, tmp_path)
    rows = owner.rows("training_set", {})
    next(rows)
    rebuilding = Rebuild(log, owner.files, owner, asyncio.Lock(), Plan())
    running = asyncio.create_task(rebuilding.run())
    for phase in ("exchanging", "catching up"):
        while rebuilding.condition.phase != phase:
            assert not running.done()
            await asyncio.sleep(0.001)
    rows.close()
    assert (await running)["status"] == "rebuilt"
    owner.close()


async def test_a_cancelled_rebuild_leaves_nothing(log: Log, tmp_path: Path) -> None:
    await say(log, 500)
    owner = await owned(log, tmp_path)
    before = content_digest(owner.projector.con)
    for phase in ("preparing", "replaying", "comparing"):
        rebuilding = Rebuild(log, owner.files, owner, asyncio.Lock(), Plan(from_log=True, verify=True))
        running = asyncio.create_task(rebuilding.run())
        while rebuilding.condition.phase != phase:
            await asyncio.sleep(0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert beside(owner.files) == set()
    assert content_digest(owner.projector.con) == before
    owner.close()


async def test_far_behind_everything_is_folded_before_anything_is_judged(
    log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.state.owner.FAR", 100)
    await say(log, 300)
    with monkeypatch.context() as patched:
        patched.setattr(Projector, "apply", lambda *_: pytest.fail("it judged on the way"))
        owner = await owned(log, tmp_path)
    assert content_digest(owner.projector.con) == await rebuilt_digest(log)
    owner.close()
