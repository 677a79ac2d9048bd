"""Copies that 0.1.0 made of earlier turns: their erasure leaves no word of them, and every other turn what it is."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from events.codec import encode
from events.earlier_turns import understood
from events.facts import ExampleApproved, ExampleErased, Fact, FeedbackGiven
from events.log.log import Log
from events.message import remembered, restated
from events.subjects import subject_of
from services.integrity import erasure
from services.runtime.nats_server import EmbeddedServer
from services.settings import Settings
from services.state.client import open_state

from ...events.copying import of_chat, of_span
from ..conftest import ANSWER, NOW, SEEDS, Cli, capture
from ..search import holding
from .test_erasure import ASKED, MARKER, SECRET, about, assert_forgotten, digest_of, messages_holding, tell_unasked

NEXT = "And how wide is the seam of the EPDM roof?"
LAST = "And the slope of tapered insulation on that roof?"


THIRD = capture(LAST, f"{ANSWER} Twice.", example_id="c", details=of_chat(ASKED, SECRET, NEXT, ANSWER, LAST))
SECOND = capture(NEXT, ANSWER, example_id=str(understood(THIRD).follows), details=of_chat(ASKED, SECRET, NEXT))
FIRST = capture(ASKED, SECRET, example_id=str(understood(SECOND).follows), details=of_chat(ASKED))
A, B = FIRST.example_id, SECOND.example_id
TRACED = capture(LAST, f"{ANSWER} Thrice.", example_id="d", details=of_span(ASKED, f"{SECRET}\r\n", LAST))
OTHER = capture("Which TPO seam overlap is right?", example_id="other")
GREETED = capture("Which slope?", example_id="greeted", details=of_chat("Hello?", "Hello.", "Which slope?"))
AGAIN = structs.replace(SECOND, event_id="again")
STORY: list[Fact] = [FIRST, OTHER, SECOND, THIRD, TRACED, AGAIN, GREETED]
COPYING = [3, 4, 5, 6]


async def tell(log: Log) -> None:
    """The story as clients said it, two likes of it, and an approval of the second turn."""
    assert not (await log.publish(STORY)).refused
    likes = [FeedbackGiven(**about(one, f"like-{one}"), feedback="positive") for one in ("c", "other")]
    assert not (await log.publish([*likes, ExampleApproved(**about(B, "good"), revision=6)])).refused
    assert await messages_holding(log, MARKER) == [1, *COPYING]


async def assert_kept(cli: Cli, log: Log) -> None:
    """Nothing holds the first turn, and those behind it are what they were."""
    await assert_forgotten(cli, log)
    assert holding(cli.data_dir, [MARKER]) == []
    for fact in (SECOND, THIRD, TRACED):
        shown = cli.json("show", fact.example_id)
        assert (shown["prompt"], shown["response"]) == (fact.prompt, fact.response)
        assert shown["occurred_at"][:19] == NOW.isoformat()[:19]
    assert cli.json("show", B)["decision"] == "approved"
    assert cli.json("verify")["problems"] == []


async def test_every_turn_that_copied_it_keeps_its_own_texts(cli: Cli, log: Log) -> None:
    await tell(log)
    before = {name: cli.json("show", name) for name in (B, "c", "d", "greeted")}
    proposed = cli.json("erase", A, "--reason", "asked", "--dry-run")
    assert (list(proposed["messages"]), proposed["restated"]) == ([A], COPYING)
    told = cli.json("erase", A, "--reason", "asked")
    assert (told["erased_ids"], sorted(told["restated"])) == ([A], COPYING)
    await assert_kept(cli, log)
    now = {name: cli.json("show", name) for name in before}
    same = ("conversation", "follows", "decision", "feedback", "details", "source", "actor")
    for name, shown in before.items():
        assert {each: shown.get(each) for each in same} == {each: now[name].get(each) for each in same}
    assert now["greeted"] == before["greeted"]
    assert cli.json("erase", A, "--reason", "asked")["messages"] == 0
    assert cli.json("show", B)["verdict"]["reasons"] == ["incomplete"]
    assert cli.json("show", B)["incomplete"] == ["erased"]
    told = cli.run("history", B).stdout
    assert "restated without the earlier turns that its capture at sequence 3 copied" in " ".join(told.split())


async def test_a_restated_turn_can_be_decided_on_and_erased(cli: Cli, log: Log) -> None:
    await tell(log)
    cli.run("erase", A, "--reason", "asked")
    cli.run("reject", B, "--reason", "no")
    cli.run("erase", B, "--reason", "asked")
    assert "erased" in cli.json("show", B)["verdict"]["reasons"]
    await assert_forgotten(cli, log, NEXT)
    assert cli.json("show", "c")["prompt"] == LAST


async def test_copies_that_arrive_later_are_restated_as_well(cli: Cli, log: Log) -> None:
    """Given captures of an outbox that says them a second time, whose subjects are free again."""
    await tell(log)
    cli.run("erase", A, "--reason", "asked")
    late = structs.replace(THIRD, example_id="e", event_id="e", prompt=f"{LAST} Now?")
    await tell_unasked(log, [SECOND, late, SECOND])
    cli.run("stats")
    await assert_kept(cli, log)
    assert cli.json("show", "e")["response"] == THIRD.response


async def test_an_older_export_is_audited_as_before(cli: Cli, log: Log) -> None:
    await tell(log)
    digest = cli.json("export", "--min-examples", "1")["export_digest"]
    cli.run("erase", A, "--reason", "asked")
    audited = cli.json("audit", digest, code=None)
    assert (audited["is_same_log"], audited["erased"]) == (True, [1])


@pytest.mark.parametrize("told", [{"response": f"No, ask {MARKER}."}, {"restates": 1}, {"event_id": "other"}])
async def test_a_wrong_restatement_changes_nothing_and_is_named(cli: Cli, log: Log, told: dict[str, Any]) -> None:
    await tell(log)
    (right,) = [fact for message in [await log.at(3)] if message and (fact := restated(message))]
    lie = structs.replace(right, **told)
    assert not (await log.publish([lie])).refused
    digest = await digest_of(cli, log)
    assert [problem["seq"] for problem in cli.json("verify")["wrong_restatements"]] == [11]
    assert "the restatement at 11" in cli.run("verify").stdout
    assert (cli.json("show", B)["response"], await digest_of(cli, log)) == (ANSWER, digest)
    cli.run("erase", A, "--reason", "asked")
    if "response" in told:
        await assert_kept(cli, log)
    assert cli.json("show", B)["response"] == ANSWER


@pytest.mark.parametrize("done", range(7))
async def test_the_command_finishes_what_ended_between_two_steps(cli: Cli, log: Log, done: int) -> None:
    await tell(log)
    async with open_state(Settings(data_dir=cli.data_dir), log) as state:
        proposed = await erasure.plan(log, state, A)
        await erasure.bury(log, proposed.taken, reason="asked", actor="ann")
        if done:
            await erasure.bury_late(log, await state.ask("erasing"))
    for seq in sorted(await log.erased())[: done // 2]:
        fact = restated(message) if (message := await log.at(seq)) else None
        if fact is not None and seq != 1:
            await log.publish([fact])
        if done % 2:
            await log.erase(seq)
    cli.run("erase", A, "--reason", "asked")
    await assert_kept(cli, log)
    assert len(await log.matching("training.example.restated.>")) == len(COPYING)


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
async def test_killed_anywhere_the_same_command_finishes_it(cli: Cli, seed: int) -> None:
    rng = random.Random(seed)
    with EmbeddedServer(cli.data_dir) as server:
        log = await Log.connect(server.access())
        await tell(log)
        for _ in range(3):
            process = cli.start("erase", A, "--reason", "asked")
            await asyncio.sleep(rng.uniform(0.0, 1.1))
            process.kill()
            process.wait()
        cli.run("erase", A, "--reason", "asked")
        await assert_kept(cli, log)
        assert len(await log.matching("training.example.restated.>")) == len(COPYING)
        await log.close()


async def test_an_older_backup_loses_the_copies_with_the_turn(cli: Cli, log: Log, tmp_path: Path) -> None:
    await tell(log)
    cli.run("backup", tmp_path / "backups" / "monday")
    cli.run("erase", A, "--reason", "asked")
    new = Cli(tmp_path / "new")
    assert new.json("restore", tmp_path / "backups" / "monday")["erased_again"]["messages"] == 1 + len(COPYING)
    with EmbeddedServer(new.data_dir) as server:
        restored = await Log.connect(server.access())
        await assert_kept(new, restored)
        await restored.close()


async def test_a_restored_backup_loses_the_copies_again(cli: Cli, log: Log, tmp_path: Path) -> None:
    """Given tombstones that a ledger says of a log that still holds the messages."""
    await tell(log)
    held = {seq: message for seq in (1, *COPYING) if (message := await log.at(seq)) is not None}
    entries = [structs.replace(remembered(m), restated=seq > 1, words=()) for seq, m in held.items()]
    fact = ExampleErased(**about(A, "from-a-ledger"), reason="asked", erased=tuple(entries))
    await log.client.jetstream().publish(subject_of(fact), encode(fact))
    await erasure.remove(log)
    cli.run("erase", A, "--reason", "asked")
    await assert_kept(cli, log)
