"""Long stretches of the log come back as short ones do, whatever the messages are, and leave nothing on the server."""

from __future__ import annotations

import asyncio
import socket
from contextlib import aclosing

import pytest

from events.facts import ExampleErased
from events.log import read as reading
from events.log.bulk_read import Bulk, BulkError
from events.log.log import Access, Log
from events.message import Message, remembered
from events.subjects import STREAM
from services.runtime.nats_server import EmbeddedServer

from ...services.conftest import NOW, capture


@pytest.fixture(autouse=True)
def everything_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LONG", 1)


async def say(log: Log) -> None:
    """With and without headers, empty, larger than a buffer, of any bytes, and some that were erased since."""
    js = log.client.jetstream()
    await log.publish([capture(f"Question {n}?") for n in range(20)])
    for n, data in enumerate([b"", b"\r\n", b"HMSG x 1 2 3\r\n", bytes(range(256)) * 4_000, b"\xff"]):
        await js.publish(f"training.example.captured.x.raw{n}", data)
    await log.publish([capture(f"Question {n}?", "word " * 200_000) for n in range(3)])
    listed = [remembered(m) for seq in (3, 4, 26) if (m := await log.at(seq))]
    common = {"occurred_at": NOW, "actor": "test", "reason": "asked"}
    await log.publish([ExampleErased(event_id="t", example_id="e", erased=tuple(listed), **common)])  # type: ignore[arg-type]
    for seq in (3, 4, 26, 5):
        await log.erase(seq)


async def read(log: Log, batch: int, after: int = 0, until: int | None = None) -> list[Message]:
    return [message async for messages in log.read(after, until, batch) for message in messages]


async def short(log: Log, monkeypatch: pytest.MonkeyPatch, after: int = 0, until: int | None = None) -> list[Message]:
    with monkeypatch.context() as patched:
        patched.setattr(reading, "LONG", 10**9)
        return await read(log, 10_000, after, until)


async def test_all_of_it_is_read_in_bulk(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = [capture(f"Question {n}?") for n in range(700)]
    await log.publish(facts)
    monkeypatch.setattr(reading, "direct_get", lambda *_: pytest.fail("a direct get was needed"))
    monkeypatch.setattr("events.log.bulk_read.REQUEST_BYTES", 2**18)
    for batch in (50, 300, 1_000):
        assert [message.fact() for message in await read(log, batch)] == facts


async def test_large_messages_come_fewer_at_a_time(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    await say(log)
    everything = await short(log, monkeypatch)
    monkeypatch.setattr("events.log.bulk_read.READ_BYTES", 2**20 + 2**17)
    lists = [messages async for messages in log.read(0, None, 1_000)]
    assert [message for messages in lists for message in messages] == everything
    assert len(lists) == 2


@pytest.mark.parametrize("batch", [1, 3, 1_000])
async def test_it_reads_what_a_direct_get_reads(log: Log, monkeypatch: pytest.MonkeyPatch, batch: int) -> None:
    await say(log)
    everything = await short(log, monkeypatch)
    assert [message.seq for message in everything] == list(range(1, 30))
    assert [message.seq for message in everything if message.is_missing] == [5]
    assert await read(log, batch) == everything
    for after, until in ((2, 4), (7, 25), (24, 27), (28, 29)):
        assert await read(log, batch, after, until) == everything[after:until]


async def test_nothing_is_left_on_the_server(log: Log) -> None:
    await log.publish([capture() for _ in range(9)])
    assert len(await read(log, 2)) == 9
    async with aclosing(log.read(0, batch=2)) as lists:
        await anext(lists)
    async with asyncio.timeout(5):
        while await log.client.jetstream().consumers_info(STREAM):
            await asyncio.sleep(0.01)


async def test_what_breaks_off_is_read_on_in_the_ordinary_way(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    await say(log)
    everything = await short(log, monkeypatch)
    reading = Bulk.read

    def broken(self: Bulk, count: int) -> list[Message]:
        found = reading(self, count)
        self._socket.shutdown(socket.SHUT_RDWR)
        return found

    monkeypatch.setattr(Bulk, "read", broken)
    assert await read(log, 4) == everything


async def test_an_undelivered_message_is_read_all_the_same(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    await say(log)
    everything = await short(log, monkeypatch)
    reading = Bulk.read
    monkeypatch.setattr(Bulk, "read", lambda self, count: [m for m in reading(self, count) if m.seq not in (9, 11)])
    assert await read(log, 100) == everything


async def test_it_says_who_it_is(log: Log) -> None:
    await log.publish([capture() for _ in range(9)])
    reader = Bulk(log, 0)
    assert [message.seq for message in reader.read(100)] == list(range(1, 10))
    reader.close()
    log.access = Access.of(log.access.shown, user="admin-1", password="wrong")
    with pytest.raises(BulkError, match="Authorization Violation"):
        Bulk(log, 0)
    assert len(await read(log, 4)) == 9


async def test_without_bulk_reading_the_log_is_read_by_direct_get(server: EmbeddedServer, log: Log) -> None:
    """Whoever must not write has no consumer, as its deliver subject would count as publishing."""
    await log.publish([capture() for _ in range(9)])
    auditor = await Log.connect(server.access("auditor"))
    with pytest.raises(BulkError, match="Permissions Violation"):
        Bulk(auditor, 0)
    assert len(await read(auditor, 4)) == 9
    await auditor.close()


async def test_a_reading_that_breaks_off_is_told(log: Log) -> None:
    await log.publish([capture() for _ in range(9)])
    reader = Bulk(log, 0)
    reader.close()
    with pytest.raises(BulkError, match="broke off"):
        reader.read(1)
