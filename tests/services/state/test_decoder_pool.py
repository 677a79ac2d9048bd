"""Decoding ahead: a process of its own tells the same batches, and whatever becomes of it harms nobody."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from contextlib import aclosing, closing
from pathlib import Path

import pyarrow as pa
import pytest
from msgspec.structs import replace

from events.errors import RooflogError, Unreachable
from events.facts import ExampleRedacted
from events.log.log import Access, Log
from events.subjects import new_event_id
from projections.fold.content_digest import content_digest
from projections.store.batch import Batch
from services.projector.rebuild import Plan
from services.state import decoder_pool
from services.state.arrow_pipe import ArrowPipe
from services.state.decoder_pool import decoded
from services.state.owner import Owner

from ..conftest import NOW, capture
from ..projector.test_rebuild import beside, owned, run, say

ELSEWHERE, HERE = 1, 10**9


@pytest.fixture(autouse=True)
def decode_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder_pool, "LONG", ELSEWHERE)


async def say_everything(log: Log) -> None:
    """A history with a message that is no fact, an id that was captured twice, a redaction and an erased message."""
    twice = capture("Twice?")
    await log.publish([twice])
    await say(log, 200)
    about, said = twice.example_id, {"event_id": new_event_id(), "occurred_at": NOW, "actor": "test"}
    again = replace(capture("Twice, again?"), example_id=about)
    redacted = ExampleRedacted(example_id=about, prompt="[name]?", response="x", **said)  # type: ignore[arg-type]
    await log.publish([again, redacted])
    await log.erase(40)


async def batches(log: Log, last: int) -> list[Batch]:
    return [batch async for batch in decoded(log, 0, last)]


def of_decoding() -> list[int]:
    """The processes that decode for this one."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdecimal() and b"services.state.decoder_pool" in (folder / "cmdline").read_bytes():
                parent = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
                found += [int(folder.name)] if parent == os.getpid() else []
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


@pytest.mark.parametrize(("processes", "size"), [(1, 1_000), (2, 40), (3, 50), (4, 7)])
async def test_other_processes_tell_the_same_batches(
    log: Log, monkeypatch: pytest.MonkeyPatch, processes: int, size: int
) -> None:
    await say_everything(log)
    last = await log.last_sequence()
    monkeypatch.setattr(decoder_pool, "PROCESSES", processes)
    monkeypatch.setattr(decoder_pool, "READ", size)
    there = await batches(log, last)
    assert of_decoding() == []
    assert [batch.first for batch in there] == [1, *(batch.last + 1 for batch in there[:-1])]
    assert there[-1].last == last
    monkeypatch.setattr(decoder_pool, "LONG", HERE)
    here = [batch for start in range(0, last, size) async for batch in decoded(log, start, min(start + size, last))]
    for one, other in zip(there, here, strict=True):
        assert not one.facts
        assert (one.first, one.last, one.last_subject) == (other.first, other.last, other.last_subject)
        assert (one.messages, one.entries, one.rows) == (other.messages, other.entries, other.rows)
        assert (one.quarantined, one.erased) == (other.quarantined, other.erased)
    assert any(any(batch.facts.values()) for batch in here)
    assert {quarantined.category for batch in there for quarantined in batch.quarantined} == {"malformed", "missing"}


async def test_what_is_folded_from_it_is_what_is_folded_without(
    log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await say_everything(log)
    last = await log.last_sequence()
    with (
        closing(Owner(tmp_path / "there" / "rooflog.duckdb")) as there,
        closing(Owner(tmp_path / "rooflog.duckdb")) as here,
    ):
        async for batch in decoded(log, 0, last):
            await asyncio.to_thread(there.projector.fold, batch)
        there.projector.judge()
        monkeypatch.setattr(decoder_pool, "LONG", HERE)
        await here.catch_up(log)
        assert content_digest(there.projector.con) == content_digest(here.projector.con)
        kept = "SELECT category, data FROM quarantine ORDER BY seq"
        told = there.projector.con.execute(kept).fetchall()
        assert told == here.projector.con.execute(kept).fetchall()
        assert [category for category, _ in told] == ["malformed", "missing", "duplicate_example"]
        assert b"Twice, again?" in told[-1][1]


async def test_a_killed_decoder_leaves_nothing_of_a_rebuild(
    log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoder_pool, "READ", 100)
    await say(log, 2_000)
    owner = await owned(log, tmp_path)
    before = content_digest(owner.projector.con)
    running = asyncio.create_task(run(log, owner, Plan(from_log=True)))
    while not (found := of_decoding()):
        await asyncio.sleep(0.005)
    os.kill(found[0], signal.SIGKILL)
    with pytest.raises(RooflogError, match=r"the process that decodes the log has ended \(exit code -9\)"):
        await running
    assert beside(owner.files) == set()
    assert content_digest(owner.projector.con) == before
    assert (await run(log, owner, Plan(from_log=True, verify=True)))["status"] == "rebuilt"
    owner.close()


async def test_who_gives_up_leaves_no_process_behind(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder_pool, "READ", 50)
    await say(log, 1_000)
    async with aclosing(decoded(log, 0, 1_000)) as found:
        await anext(found)
        assert len(of_decoding()) == 2
    assert of_decoding() == []
    waiting = asyncio.create_task(batches(log, 1_000))
    while not of_decoding():
        await asyncio.sleep(0.005)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert of_decoding() == []


async def test_what_goes_wrong_there_is_told_here(log: Log) -> None:
    await log.publish([capture()])
    log.access = Access.of("nats://127.0.0.1:9")
    with pytest.raises(Unreachable, match=r"no NATS server answers at nats://127\.0\.0\.1:9"):
        await batches(log, 1)


def test_memory_is_reused_once_its_readers_are_gone() -> None:
    one, other = socket.socketpair()
    with one, other:
        sender, receiver = ArrowPipe(one), ArrowPipe(other)

        def told(value: str) -> pa.Table:
            table = pa.table({"text": [value * 1_000]})
            sender.send(table)
            received = receiver.receive()
            assert received == table
            return received

        kept = [told(value) for value in "abcd"]
        assert [table["text"][0].as_py()[0] for table in kept] == ["a", "b", "c", "d"]
        kept.clear()
        where = {told(value)["text"].chunk(0).buffers()[2].address for value in "efgh"}
        assert len(where) == 1
        one.shutdown(socket.SHUT_RDWR)
        with pytest.raises(EOFError):
            receiver.receive()
