"""Clients, and real nats-servers that are killed, starved, frozen and locked."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from events import Rooflog
from events.log.log import Access, Log
from services.access.server_config import MAX_PAYLOAD
from services.runtime.nats_server import EmbeddedServer, binary
from tests.deadlines import FAR_SECONDS
from tests.ports import free_port
from tests.services.conftest import log, server

__all__ = ["log", "server"]


async def until(condition: Callable[[], object]) -> None:
    """Wait for a condition; fail when it does not come true."""
    async with asyncio.timeout(FAR_SECONDS):
        while not condition():
            await asyncio.sleep(0.01)


class Nats:
    """A nats-server of its own configuration, which can be killed, started again and frozen."""

    def __init__(self, home: Path, more: str = "", jetstream: str = "") -> None:
        home.mkdir(parents=True)
        self.port = free_port()
        text = (
            f"host: 127.0.0.1\nport: {self.port}\nserver_name: test\nmax_payload: {MAX_PAYLOAD}\n"
            f'jetstream {{\n  store_dir: "{home / "store"}"\n  sync_interval: always\n  {jetstream}\n}}\n'
        )
        self.config = home / "nats.conf"
        self.config.write_text(text + more)
        self.url = f"nats://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def access(self, role: str = "admin") -> Access:
        return Access.of(self.url)

    def start(self) -> None:
        self.process = subprocess.Popen(
            [binary(), "--config", str(self.config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(FAR_SECONDS)
            self.process = None


@pytest.fixture
def nats(tmp_path: Path) -> Iterator[Callable[..., Nats]]:
    """Make nats-servers; they end with the test."""
    made: list[Nats] = []

    def make(more: str = "", jetstream: str = "", *, start: bool = True) -> Nats:
        made.append(Nats(tmp_path / f"nats{len(made)}", more, jetstream))
        if start:
            made[-1].start()
        return made[-1]

    yield make
    for each in made:
        each.kill()


@pytest.fixture
async def client(server: EmbeddedServer, tmp_path: Path) -> AsyncIterator[Rooflog]:
    client = Rooflog(server.access("client"), actor="architect-ai", outbox=tmp_path / "outbox")
    yield client
    await client.aclose()


async def on_the_log(log: Log) -> dict[str, int]:
    """How often the log holds each event id."""
    found: dict[str, int] = {}
    async for messages in log.read(0):
        for message in messages:
            event_id = message.parts.event_id
            found[event_id] = found.get(event_id, 0) + 1
    return found


def kill(pid: int | None) -> None:
    """End a process that was started here, at once."""
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


def seconds(work: Callable[[], object]) -> float:
    """How long something takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
