"""Services that come before their log wait for it: they live, say what they wait for, and then work."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import httpx
import pytest

from events.log.log import Log
from services.monitor import LIVE, READY
from services.runtime.nats_server import EmbeddedServer
from tests.deadlines import FAR_SECONDS
from tests.relay import Relay

from .conftest import Cli, address
from .forked import Forked
from .web.conftest import until

Start = Callable[..., Forked]

DOORS = {
    "projector": r"projector answers monitors at (http://\S+)",
    "exporter": r"exporter answers monitors at (http://\S+)",
    "web": r"serving on (http://\S+)",
}


def older(piece: bytes) -> bytes:
    return piece.replace(b'"version":"2.15.', b'"version":"2.12.')


def reasons(cli: Cli, service: str) -> list[str]:
    errors = (cli.data_dir / f"{service}.err").read_text()
    door = re.findall(DOORS[service], errors)[-1]
    assert httpx.get(f"{door}{LIVE}", timeout=FAR_SECONDS, trust_env=False).status_code == 200
    answer = httpx.get(f"{door}{READY}", timeout=FAR_SECONDS, trust_env=False)
    told: list[str] = answer.json()["reasons"]
    assert answer.status_code == (503 if told else 200)
    return told


def _says(file: Path, text: str) -> bool:
    return text in file.read_text()


def _is_ready(cli: Cli, service: str) -> bool:
    return not reasons(cli, service)


@pytest.mark.slow
def test_services_wait_for_a_log_that_comes_later(cli: Cli, start: Start, tmp_path: Path) -> None:
    """Given no server, when services start, then they wait and say so once; when the server comes they are ready."""
    with EmbeddedServer(tmp_path / "log") as server:
        url, port = address(server), int(server.url.rpartition(":")[2])
    cli.environment |= {"ROOFLOG_MONITOR_PORT": "0", "ROOFLOG_NATS_URL": f"nats://127.0.0.1:1,{url}"}
    for service in DOORS:
        start(service)
    waiting = f"waiting for the log: no NATS server answers at nats://127.0.0.1:1 (connection refused), {server.url} ("
    for service in DOORS:
        errors = cli.data_dir / f"{service}.err"
        until(partial(_says, errors, waiting))
        assert reasons(cli, service)[0].startswith(waiting)
        assert errors.read_text().count("waiting for the log") == 1
    with EmbeddedServer(tmp_path / "log", port):
        for service in DOORS:
            until(partial(_is_ready, cli, service))
            assert "the log is there after" in (cli.data_dir / f"{service}.err").read_text()
        cli.run("capture", "--prompt", "p", "--response", "r")
        until(lambda: cli.json("status")["examples"] == 1)


@pytest.mark.parametrize("service", DOORS)
async def test_an_old_server_is_refused_by_name(cli: Cli, server: EmbeddedServer, service: str) -> None:
    async with Relay(int(server.url.rpartition(":")[2]), older).running() as relay:
        cli.environment["ROOFLOG_NATS_URL"] = address(server).replace(server.url.rpartition(":")[2], str(relay.port))
        refused = await _run(cli, service)
    assert re.search(rf"nats-server 2\.12\.\d+ at {relay.url} is too old; rooflog needs 2\.15 or newer", refused)
    assert "Traceback" not in refused


async def _run(cli: Cli, *args: str) -> str:
    return (await asyncio.to_thread(cli.run, *args, code=1)).stderr


async def test_a_server_without_a_leader_is_waited_for(server: EmbeddedServer) -> None:
    """Given a server whose JetStream does not answer at first, then the log is there as soon as it does."""
    silent = True
    dropped: list[bytes] = []

    def without_answers(piece: bytes) -> bytes:
        if not silent or piece.startswith((b"INFO", b"PONG")):
            return piece
        dropped.append(piece)
        return b""

    async with Relay(int(server.url.rpartition(":")[2]), without_answers).running() as relay:
        url = address(server).replace(server.url.rpartition(":")[2], str(relay.port))
        connecting = asyncio.create_task(Log.connect(url, timeout=FAR_SECONDS))
        while not dropped:
            await asyncio.sleep(0.01)
        silent = False
        log = await connecting
        assert await log.last_sequence() == 0
        await log.close()
