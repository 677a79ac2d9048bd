"""The projector service as a process: it follows the log, answers, and is made whole again after any kill."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from faststream.nats import NatsMessage

from events.errors import InputError, Unreachable
from events.facts import CorrectionRecorded, ExampleApproved, Fact, FeedbackGiven
from events.log.log import Log
from events.subjects import new_event_id, subject_of
from projections.fold.content_digest import content_digest
from projections.fold.projector import Projector
from services.runtime.nats_server import EmbeddedServer
from services.settings import Settings
from services.state.client import open_state, runs
from services.state.owner import Owner
from services.state.protocol import ASK
from tests.deadlines import FAR_SECONDS

from ..conftest import ANSWER, NOW, SEEDS, Cli, address, capture
from ..forked import Forked

Start = Callable[..., Forked]


async def rebuilt_digest(log: Log, until: int | None = None) -> str:
    """The content digest of the log folded from sequence 1, in batches unlike the projector's."""
    projector = Projector(None)
    async for messages in log.read(0, until, batch=777):
        projector.apply(messages)
    digest = content_digest(projector.con)
    projector.close()
    return digest


async def until_running(log: Log) -> None:
    async with asyncio.timeout(FAR_SECONDS):
        while True:
            with contextlib.suppress(Unreachable):  # the server may have been killed a moment ago
                if await runs(log):
                    return
            await asyncio.sleep(0.02)


def work(rng: random.Random, count: int) -> list[Fact]:
    """A load of facts about examples of which some are liked, disliked, approved and corrected."""
    facts: list[Fact] = []
    ids: list[str] = []
    for n in range(count):
        kind = rng.random()
        common: dict[str, Any] = {"event_id": new_event_id(), "occurred_at": NOW, "actor": "load"}
        if kind < 0.7 or not ids:
            fact = capture(f"What is the minimum slope for TPO roof number {rng.randrange(count // 2)}?")
            ids.append(fact.example_id)
            facts.append(fact)
        elif kind < 0.85:
            rating = rng.choice(["positive", "negative"])
            facts.append(FeedbackGiven(**common, example_id=rng.choice(ids), feedback=rating))  # type: ignore[arg-type]
        elif kind < 0.95:
            facts.append(ExampleApproved(**common, example_id=rng.choice(ids), revision=n))
        else:
            facts.append(
                CorrectionRecorded(
                    **common,
                    example_id=rng.choice(ids),
                    original_prompt="What is the minimum slope?",
                    original_response="Flat is fine.",
                    corrected_response=ANSWER,
                )
            )
    return facts


async def test_answers_include_what_was_said_just_before(cli: Cli, log: Log, start: Start) -> None:
    start("projector")
    await until_running(log)
    async with open_state(Settings(data_dir=cli.data_dir), log) as asked:
        for n in range(20):
            await log.publish([capture(example_id=f"e{n}")])
            shown = await asked.ask("show", example_id=f"e{n}")
            assert shown["verdict"]["reasons"] == ["not_approved"]
        with pytest.raises(InputError, match="no question 'nonsense'"):
            await asked.ask("nonsense")
        with pytest.raises(InputError, match="question 'show' has no argument 'wrong'; it takes example_id"):
            await asked.ask("show", wrong=1)
        with pytest.raises(InputError, match="rows 'training_set': texts = 1: Expected `bool`"):
            async with asked.rows("training_set", texts=1):
                pass
        with pytest.raises(InputError, match="command 'rebuild': verify = 'x': Expected `bool`"):
            await asked.run("rebuild", verify="x")


async def test_garbage_on_the_log_and_in_questions_stops_nothing(cli: Cli, log: Log, start: Start) -> None:
    start("projector")
    await until_running(log)
    js = log.client.jetstream()
    for n, data in enumerate([b"", b"{", b"[]", b"\xff", b'{"type":"example.captured.v9"}', b"[" * 100_000]):
        await js.publish(f"training.example.captured.x.g{n}", data)
    stranger = capture(example_id="a")
    await js.publish(subject_of(stranger) + "wrong", b'{"type":"feedback.given.v1"}')
    await log.publish([stranger])
    for question in (b"garbage", b'{"after": "x"}', b'{"args": 3}'):
        reply = await log.client.request(f"{ASK}.status", question, timeout=FAR_SECONDS)
        assert b'"error":"' in reply.data
    async with open_state(Settings(data_dir=cli.data_dir), log) as asked:
        assert (await asked.ask("status"))["quarantined"] == {"invalid": 1, "malformed": 5, "unknown_type": 1}
        assert (await asked.ask("show", example_id="a"))["example_id"] == "a"


async def test_the_training_set_streams_in_chunks_larger_than_a_message(
    cli: Cli, log: Log, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    start("projector")
    await until_running(log)
    long = ANSWER * 300
    facts: list[Fact] = []
    for n in range(400):
        facts.append(capture(f"Question number {n} about a TPO roof?", f"{n} {long}", example_id=f"e{n}"))
        facts.append(
            FeedbackGiven(event_id=f"f{n}", occurred_at=NOW, actor="u", example_id=f"e{n}", feedback="positive")
        )
    await log.publish(facts)
    async with (
        open_state(Settings(data_dir=cli.data_dir), log) as asked,
        asked.training_set() as (head, batches),
    ):
        rows = [row for batch in [b async for b in batches] for row in batch.to_pylist()]
    assert head.funnel["unique"] == 400
    assert [row["response"] for row in rows] == [f"{n} {long}" for n in range(400)]


async def test_a_second_projector_on_the_same_data_is_refused(cli: Cli, log: Log, start: Start) -> None:
    start("projector")
    await until_running(log)
    answer = cli.run("projector", code=1)
    assert "another projector already owns" in answer.stderr


async def test_a_projector_waits_for_a_command_that_holds_the_database(server: EmbeddedServer, tmp_path: Path) -> None:
    from services.projector.service import _own

    log = await Log.connect(server.access("projector"))
    command = Owner(tmp_path / "rooflog.duckdb")
    waiting = asyncio.create_task(_own(Settings(data_dir=tmp_path), log))
    await asyncio.wait({waiting}, timeout=0.5)
    assert not waiting.done()
    command.close()
    (await waiting).close()
    await log.close()


async def test_a_database_of_another_log_is_refused(cli: Cli, log: Log, tmp_path: Path) -> None:
    await log.publish([capture() for _ in range(3)])
    cli.run("status")
    with EmbeddedServer(tmp_path / "other") as other:
        stranger = await Log.connect(other.access())
        await stranger.publish([capture() for _ in range(9)])
        await stranger.close()
        refused = cli.run("status", "--nats-url", address(other), code=1)
        assert "is another one" in refused.stderr


async def test_a_log_behind_its_database_is_told(cli: Cli, log: Log, tmp_path: Path) -> None:
    facts = [capture(f"Question {n}?") for n in range(9)]
    await log.publish(facts)
    cli.run("status")
    with EmbeddedServer(tmp_path / "older") as older:
        restored = await Log.connect(older.access())
        await restored.publish(facts[:5])
        refused = cli.run("status", "--nats-url", address(older), code=1).stderr
        assert "ends at 5 and is the same only up to 5" in refused
        assert "4 facts of the database are not on it, and `rooflog verify` names them; restore a newer" in refused
        await restored.publish([capture() for _ in range(9)])
        await restored.close()
        refused = cli.run("status", "--nats-url", address(older), code=1).stderr
        assert "ends at 14 and is the same only up to 5" in refused


async def test_a_gap_in_the_delivery_is_filled_from_the_log(server: EmbeddedServer, log: Log, tmp_path: Path) -> None:
    """What was sent into a broken connection comes again only after newer messages: nothing may be skipped."""
    from services.projector.service import ProjectorService

    await log.publish([capture(example_id=f"e{n}") for n in range(10)])
    owner = Owner(tmp_path / "gap.duckdb")
    service = ProjectorService(Settings(data_dir=tmp_path), log, owner)
    messages = [message async for batch in log.read(0) for message in batch]
    await service._fold([messages[0], *messages[4:6]])
    assert owner.projector.checkpoint_seq == 10
    await service._fold(messages[1:4])
    assert content_digest(owner.projector.con) == await rebuilt_digest(log)
    owner.close()


async def test_many_waiting_facts_are_read_and_not_delivered(
    server: EmbeddedServer, log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from services.projector.service import IN_FLIGHT, ProjectorService

    delivered: list[int] = []
    deliver = ProjectorService._deliver

    async def count(self: ProjectorService, message: NatsMessage) -> None:
        delivered.append(message.raw_message.metadata.sequence.stream)
        await deliver(self, message)

    monkeypatch.setattr(ProjectorService, "_deliver", count)
    owner = Owner(tmp_path / "many.duckdb")
    service = ProjectorService(Settings(data_dir=tmp_path), log, owner)
    running = asyncio.create_task(service.run())
    await until_running(log)
    async with service._folding:
        for n in range(4):
            await log.publish(work(random.Random(n), 1_000))
    await service._reach(4_000)
    await log.publish([capture()])
    await service._reach(4_001)
    assert len(delivered) <= 2 * IN_FLIGHT + 1
    assert delivered[-1] == 4_001
    assert content_digest(owner.projector.con) == await rebuilt_digest(log)
    service.app.exit()
    assert await running == 0
    owner.close()


async def test_the_file_is_tidied_when_nothing_arrives_after_much(
    server: EmbeddedServer, log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from services.projector import service as module
    from services.projector.service import ProjectorService

    monkeypatch.setattr(module, "TIDY_FACTS", 5)
    monkeypatch.setattr(module, "TIDY_SECONDS", 0.2)
    tidied: list[int] = []

    def tidy(self: Projector) -> None:
        tidied.append(self.checkpoint_seq)
        if len(tidied) == 1:
            raise duckdb.IOException("no room")

    monkeypatch.setattr(Projector, "tidy", tidy)
    owner = Owner(tmp_path / "tidy.duckdb")
    service = ProjectorService(Settings(data_dir=tmp_path), log, owner)
    running = asyncio.create_task(service.run())
    await until_running(log)  # else what it finds at its start would not have arrived

    async def arrive(count: int, then: list[int]) -> None:
        await log.publish([capture() for _ in range(count)])
        last = await log.last_sequence()
        async with asyncio.timeout(FAR_SECONDS):
            while owner.projector.checkpoint_seq < last:
                await asyncio.sleep(0.01)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FAR_SECONDS):
                while len(tidied) < len(then):
                    await asyncio.sleep(0.01)
        await asyncio.sleep(0.5)
        assert tidied == then

    await arrive(4, [])
    await arrive(1, [5])
    await arrive(4, [5])
    await arrive(1, [5, 10])  # although the first one failed
    assert service._folder.submit(os.nice, 0).result() == min(19, os.nice(0) + module.FOLDING_NICE)
    service.app.exit()
    assert await running == 0
    owner.close()


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
async def test_killed_anywhere_under_load_the_state_equals_a_rebuild(cli: Cli, start: Start, seed: int) -> None:
    """20,000 facts while projector and nats-server are killed at random: nothing lost, nothing doubled."""
    rng = random.Random(seed)
    start("up")
    facts = work(rng, 20_000)
    with EmbeddedServer(cli.data_dir) as server:
        log = await Log.connect(server.access(), timeout=FAR_SECONDS)
        await until_running(log)

        async def load() -> None:
            for begin in range(0, len(facts), 500):
                published = await log.publish(facts[begin : begin + 500])
                assert not published.refused

        async def kill() -> None:
            for _ in range(6):
                await asyncio.sleep(rng.uniform(0.1, 0.8))
                victims = [server.pid] if rng.random() < 0.4 else _children(cli.data_dir)
                for pid in filter(None, victims):
                    os.kill(pid, signal.SIGKILL)

        await asyncio.gather(load(), kill())
        await until_running(log)  # the last to be killed may have been the server
        assert await log.last_sequence() == len(facts)
        seen = {message.subject async for batch in log.read(0) for message in batch}
        assert seen == {subject_of(fact) for fact in facts}
        await until_running(log)
        async with open_state(Settings(data_dir=cli.data_dir), log) as asked:
            live = await asked.ask("digest")
        assert live == {"content_digest": await rebuilt_digest(log), "checkpoint": len(facts)}
        await log.close()


def _children(data_dir: Path) -> list[int]:
    """The projector processes of one data directory."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            command = (entry / "cmdline").read_bytes().split(b"\0")
            environment = (entry / "environ").read_bytes()
        except (OSError, ValueError):
            continue
        if b"projector" in command and f"ROOFLOG_DATA_DIR={data_dir}\0".encode() in environment:
            found.append(int(entry.name))
    return found
