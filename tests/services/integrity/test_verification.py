"""Verification: every way to change a log is named by its sequence, and what was erased rightly is no problem."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from collections.abc import Callable
from typing import Any

import pytest

from events.facts import Fact, TrainingSetExported
from events.log.log import Log, Message
from services.integrity import verification
from services.integrity.verification import Problem, differences
from services.runtime.nats_server import EmbeddedServer
from services.state.client import State
from services.state.owner import Owner

from ..conftest import NOW, Cli, capture
from ..forked import Forked
from ..projector.test_service import until_running

FACTS: list[Fact] = [capture(f"Which TPO seam overlap is number {n}?", example_id=f"e{n}") for n in range(8)]

Tamper = Callable[[list[Message]], list[Message]]


def changed(messages: list[Message]) -> list[Message]:
    bad = bytearray(messages[2].data)
    bad[bad.index(b"overlap")] ^= 1
    return [*messages[:2], Message(3, messages[2].subject, bytes(bad)), *messages[3:]]


def renamed(messages: list[Message]) -> list[Message]:
    return [*messages[:2], Message(3, messages[2].subject + "x", messages[2].data), *messages[3:]]


def swapped(messages: list[Message]) -> list[Message]:
    return [*messages[:4], messages[5], messages[4], *messages[6:]]


def inserted(messages: list[Message]) -> list[Message]:
    new = Message(0, "training.example.captured.new.new", b"{}")
    return [*messages[:4], new, *messages[4:]]


def removed_with_what_follows_moved_up(messages: list[Message]) -> list[Message]:
    return [*messages[:4], *messages[5:]]


def cut_off(messages: list[Message]) -> list[Message]:
    return messages[:6]


async def tampered(cli: Cli, log: Log, tamper: Tamper) -> Cli:
    """A data directory with the database of one log, and another log that somebody made of its messages."""
    messages = [message async for batch in log.read(0) for message in batch]
    other = Cli(cli.data_dir / "other")
    with EmbeddedServer(other.data_dir) as server:
        copy = await Log.connect(server.access())
        for message in tamper(messages):
            await copy.client.jetstream().publish(message.subject, message.data)
        await copy.close()
    shutil.copy(cli.data_dir / "rooflog.duckdb", other.data_dir)
    return other


@pytest.mark.parametrize(
    ("tamper", "found"),
    [
        (changed, [(3, 3, "changed")]),
        (renamed, [(3, 3, "changed")]),
        (swapped, [(5, 5, "moved"), (6, 6, "moved")]),
        (inserted, [(5, 5, "inserted"), (6, 9, "moved")]),
        (removed_with_what_follows_moved_up, [(5, 5, "missing"), (5, 7, "moved")]),
        (cut_off, [(7, 7, "missing"), (8, 8, "missing")]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
async def test_whatever_was_done_to_a_message_its_sequence_is_named(
    cli: Cli, log: Log, tamper: Tamper, found: list[tuple[int, int, str]]
) -> None:
    await log.publish(FACTS)
    assert cli.json("verify")["status"] == "verified"
    other = await tampered(cli, log, tamper)
    told = other.json("verify", code=1)
    named = [(p["seq"], p["last"], p["kind"]) for p in told["problems"] if p["kind"] != "record"]
    assert named == found
    shown = other.run("verify", code=1).stdout
    assert all(kind in shown for _, _, kind in found)


async def test_a_message_that_was_deleted_without_a_tombstone_is_missing(cli: Cli, log: Log) -> None:
    await log.publish(FACTS)
    cli.run("verify")
    await log.erase(4)
    problems = cli.json("verify", code=1)["problems"]
    assert [(p["seq"], p["kind"]) for p in problems] == [(4, "missing")]
    (cli.data_dir / "rooflog.duckdb").unlink()
    assert [p["seq"] for p in cli.json("verify", code=1)["problems"]] == [4]


async def test_a_running_projector_is_asked_for_what_it_recorded(
    cli: Cli, log: Log, start: Callable[..., Forked]
) -> None:
    start("projector")
    await until_running(log)
    await log.publish(FACTS)
    told = await asyncio.to_thread(cli.json, "verify")
    assert (told["status"], told["messages"]) == ("verified", 8)


async def test_what_was_erased_is_verified_by_its_tombstone(cli: Cli, log: Log) -> None:
    await log.publish(FACTS)
    before = cli.json("verify")["log_digest"]
    cli.run("erase", "e3", "--reason", "asked")
    told = cli.json("verify")
    assert (told["status"], told["messages"], told["erased"], told["unfinished"]) == ("verified", 8, 1, [])
    assert told["log_digest"] != before


async def test_a_tombstone_that_lies_about_what_it_buried_is_named(cli: Cli, log: Log) -> None:
    await log.publish(FACTS)
    cli.run("erase", "e3", "--reason", "asked")
    cli.run("verify")

    def forge(messages: list[Message]) -> list[Message]:
        digest = hashlib.sha256(FACTS[3].example_id.encode()).hexdigest().encode()  # type: ignore[attr-defined]
        true = messages[3].erased.digest.encode()  # type: ignore[union-attr]
        last = messages[-1]
        kept = [Message(4, messages[3].subject, b"x"), *messages[4:-1]]
        return [*messages[:3], *kept, Message(9, last.subject, last.data.replace(true, digest))]

    other = await tampered(cli, log, forge)
    assert [p["seq"] for p in other.json("verify", code=1)["problems"] if p["kind"] == "changed"] == [4, 9]


async def test_an_incremental_verification_goes_on_where_the_last_one_ended(cli: Cli, log: Log) -> None:
    await log.publish(FACTS[:5])
    whole = cli.json("verify")
    assert cli.json("verify", "--incremental")["messages"] == 0
    await log.publish(FACTS[5:])
    told = cli.json("verify", "--incremental")
    assert (told["first"], told["last"], told["messages"], told["since"]["log_digest"]) == (
        6,
        8,
        3,
        whole["log_digest"],
    )
    assert told["log_digest"] == cli.json("verify")["log_digest"]
    await log.erase(7)
    assert cli.json("verify", "--incremental")["messages"] == 0
    assert [p["seq"] for p in cli.json("verify", code=1)["problems"]] == [7]


async def test_an_export_of_another_log_is_named_with_the_place(cli: Cli, log: Log) -> None:
    await log.publish(FACTS[:4])
    good = cli.json("verify")["log_digest"]
    exports: list[Any] = [
        TrainingSetExported(
            event_id=f"x{n}", occurred_at=NOW, actor="exporter", export_digest=str(n) * 64, policy_digest="0" * 64,
            log_digest=digest, last_seq=seq,
        )
        for n, (seq, digest) in enumerate([(4, good), (5, "f" * 64)])
    ]  # fmt: skip
    await log.publish([exports[0]])
    assert [one["seq"] for one in cli.json("verify")["exports"]] == [4]
    await log.publish([exports[1]])
    (problem,) = cli.json("verify", code=1)["problems"]
    assert (problem["kind"], problem["seq"], problem["last"]) == ("export", 5, 5)


async def test_manifests_reveal_a_log_changed_together_with_its_database(cli: Cli, log: Log) -> None:
    await log.publish(FACTS)
    cli.run("export", "--min-examples", "0")
    await log.publish([capture(example_id="later")])
    assert len(cli.json("verify")["exports"]) == 2
    other = await tampered(cli, log, lambda messages: changed([m for m in messages if ".exported." not in m.subject]))
    (other.data_dir / "rooflog.duckdb").unlink()
    shutil.copytree(cli.data_dir / "volume", other.data_dir / "volume")
    (problem,) = other.json("verify", code=1)["problems"]
    assert (problem["kind"], problem["seq"], problem["last"]) == ("export", 1, 8)


async def test_a_record_that_was_changed_by_hand_is_found(cli: Cli, log: Log) -> None:
    import duckdb

    await log.publish(FACTS)
    cli.run("verify")
    with duckdb.connect(str(cli.data_dir / "rooflog.duckdb")) as con:
        con.execute("UPDATE chain SET entry = repeat('x', 32)::BLOB WHERE seq = 3")
    kinds = {p["kind"] for p in cli.json("verify", code=1)["problems"]}
    assert kinds == {"changed", "record"}


async def test_facts_that_arrive_meanwhile_are_no_problem(cli: Cli, log: Log) -> None:
    from services.settings import Settings
    from services.state.client import open_state

    await log.publish(FACTS)
    said = False

    async with open_state(Settings(data_dir=cli.data_dir), log) as state:
        real = log.erased

        async def erased() -> dict[int, Message]:
            nonlocal said
            if not said:
                said = True
                await log.publish([capture(example_id="meanwhile")])
            return await real()

        log.erased = erased  # type: ignore[method-assign]
        found = await verification.verify(log, state)
    assert (found.last, found.problems) == (8, [])


async def test_a_projector_that_records_meanwhile_is_no_problem(cli: Cli, log: Log) -> None:
    """It stands behind the log when it is first asked, and at its end when the rest of its record is read."""
    owner = Owner(cli.data_dir / "rooflog.duckdb")
    await log.publish(FACTS[:3])
    await owner.catch_up(log)
    await log.publish(FACTS[3:])

    class Recording(State):
        async def ask(self, name: str, **args: Any) -> Any:
            answer = owner.answer(name, args)
            await owner.catch_up(log)
            return answer

    finding = await verification.verify(log, Recording(log, None, None))
    owner.close()
    assert (finding.last, finding.messages, finding.problems) == (len(FACTS), len(FACTS), [])
    assert finding.unrecorded == len(FACTS) - 3


async def test_what_takes_a_lost_sequence_meanwhile_hides_nothing(cli: Cli, log: Log) -> None:
    await log.publish(FACTS)
    cli.run("verify")
    other = await tampered(cli, log, cut_off)
    owner = Owner(other.data_dir / "rooflog.duckdb")
    with EmbeddedServer(other.data_dir) as server:
        cut = await Log.connect(server.access())

        class Following(State):
            async def ask(self, name: str, **args: Any) -> Any:
                await cut.publish([capture(example_id="meanwhile")])
                return owner.answer(name, args)

        finding = await verification.verify(cut, Following(cut, None, None))
        await cut.close()
    owner.close()
    assert [(p.seq, p.kind) for p in finding.problems if p.kind != "record"] == [(7, "changed"), (8, "missing")]


def test_neighbours_that_moved_together_are_one_finding() -> None:
    expected = {seq: bytes([seq]) for seq in range(1, 101)}
    found = {seq + 1: bytes([seq]) for seq in range(1, 101)} | {1: b"new"}
    assert differences(expected, found) == [
        Problem(1, 1, "inserted", "nobody recorded this message; it was put in afterwards"),
        Problem(2, 101, "moved", "recorded at 1 to 100"),
    ]
    assert differences({}, {}) == []
