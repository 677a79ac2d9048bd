"""What a connection does where its server is too old, frozen or gone: it says so, and nothing waits for good."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from events import Rooflog
from events.errors import OldServer, Unreachable
from events.log import connection
from events.log.access import Access
from events.log.log import Log
from tests.deadlines import FAR_SECONDS
from tests.relay import Relay
from tests.services.conftest import capture

from ..conftest import Nats


def older(piece: bytes) -> bytes:
    return piece.replace(b'"version":"2.15.', b'"version":"2.9.')


async def test_an_old_server_is_refused_by_name(nats: Callable[..., Nats]) -> None:
    server = nats()
    await (await Log.connect(server.url, timeout=FAR_SECONDS)).close()
    async with Relay(server.port, older).running() as relay:
        with pytest.raises(OldServer, match=rf"nats-server 2\.9\.\d+ at {relay.url} is too old; rooflog needs 2\.15"):
            await Log.connect(relay.url, timeout=FAR_SECONDS)


async def test_an_old_server_costs_an_assistant_no_capture(
    nats: Callable[..., Nats], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server = nats()
    log = await Log.connect(server.url, timeout=FAR_SECONDS)
    async with Relay(server.port, older).running() as relay, Rooflog(relay.url, outbox=tmp_path / "outbox") as client:
        example_id = client.capture("p", "r")
        assert await client.aflush(FAR_SECONDS)
    assert await log.knows(example_id)
    assert "is too old; rooflog needs 2.15" in caplog.text
    await log.close()


async def test_a_frozen_server_holds_nobody_up(nats: Callable[..., Nats], monkeypatch: pytest.MonkeyPatch) -> None:
    """Given more to send than the system takes, when the server is frozen, then sending and closing end in time."""
    server = nats()
    log = await Log.connect(server.url, timeout=FAR_SECONDS)
    monkeypatch.setattr(connection, "SEND_SECONDS", 0.1)
    monkeypatch.setattr(connection, "CLOSE_SECONDS", 0.1)
    server.signal(signal.SIGSTOP)
    try:
        messages = [("training.x", b"x" * 2**20, None)] * 32
        async with asyncio.timeout(FAR_SECONDS):
            with pytest.raises(TimeoutError, match="it took longer than"):
                await log.send(*messages)
            with pytest.raises(TimeoutError):
                await log.request("training.x", b"x" * 2**20, timeout=0.1)
            await log.close()
    finally:
        server.signal(signal.SIGCONT)
    await log.client._transport.wait_closed()  # type: ignore[union-attr]


async def test_a_lost_server_is_left_for_another(nats: Callable[..., Nats]) -> None:
    first, second = nats(), nats()
    for server in (first, second):
        await (await Log.connect(server.url, timeout=FAR_SECONDS)).close()
    log = await Log.connect(f"{first.url},{second.url}", timeout=FAR_SECONDS)
    for _ in range(2):
        lost = first if log.address == first.url else second
        lost.kill()
        async with asyncio.timeout(FAR_SECONDS):
            while log.address in ("", lost.url):
                await asyncio.sleep(0.01)
        assert (await log.publish([capture()])).new
        lost.start()
        async with asyncio.timeout(FAR_SECONDS):
            await (await Log.connect(lost.url, timeout=FAR_SECONDS)).close()
    await log.close()


async def test_what_was_never_connected_can_be_closed() -> None:
    log = Log(Access.of("nats://127.0.0.1:1"))
    await log.close()
    with pytest.raises(Unreachable):
        await log.open("closed", 0.2)
    await log.close()


async def test_a_log_that_nobody_serves_is_away(nats: Callable[..., Nats]) -> None:
    """Given a server whose stream has no leader, or is not there, then what reads the log comes again later."""
    log = Log(Access.of(nats().url))
    await log.open("early", FAR_SECONDS)
    with pytest.raises(Unreachable, match="the log does not answer: nats: no responders"):
        await log.last(["training.example.captured.a.a"])
    await log.close()
