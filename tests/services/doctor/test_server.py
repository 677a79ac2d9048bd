"""Troubles of the NATS server and of who comes in there."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from services.access.secrets import Secrets
from services.doctor import installation
from services.runtime.nats_server import EmbeddedServer
from tests.fixtures.archive import unpack

from ..conftest import Cli, address
from ..forked import Forked
from ..web.conftest import until
from .conftest import breaks, examined, settings, troubles

Start = Callable[..., Forked]

FIXTURE = Path(__file__).parents[2] / "fixtures" / "v0.1.0"


@breaks("server")
async def test_a_server_that_is_away(sound: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation, "CONNECT_SECONDS", 1.0)
    [(check, what)] = await examined(settings(sound, nats_url="nats://127.0.0.1:1"))
    assert (check, what) == ("server", "no NATS server answers at nats://127.0.0.1:1 (connection refused)")


async def test_a_server_that_is_not_installed(sound: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert await examined(settings(sound)) == [("server", "nats-server is not installed")]


async def test_a_server_that_is_too_old(sound: Cli, running: EmbeddedServer) -> None:
    async with older(running) as url:
        (check, what), *_ = await examined(settings(sound, nats_url=url))
    assert check == "server"
    assert what.startswith("nats-server 2.11")
    assert "is too old" in what


def test_a_server_that_was_left_alone(sound: Cli, start: Start) -> None:
    sound.environment["ROOFLOG_NATS_PORT"] = "0"
    user = sound.start("projector")
    until(lambda: sound.json("status")["projector_running"])
    user.kill()
    user.wait()
    [(check, what), *others] = troubles(sound)
    assert (check, "(nats-server, since" in what, others) == ("server", True, [])
    assert troubles(sound) == [(check, what)], "looking ends nothing"
    sound.run("status")
    assert troubles(sound) == []


@breaks("secrets")
def test_a_secret_that_is_missing(sound: Cli, running: EmbeddedServer) -> None:
    secret = Secrets(sound.data_dir).path("gateway")
    secret.unlink()
    assert troubles(sound) == [("secrets", f"the secret of the role gateway is missing: {secret}")]
    sound.run("secrets", "create")
    assert troubles(sound) == []


def test_a_secret_that_is_damaged(sound: Cli, running: EmbeddedServer) -> None:
    secret = Secrets(sound.data_dir).path("auditor")
    secret.write_text("{}")
    assert troubles(sound) == [("secrets", f"{secret} is no secret file")]
    secret.unlink()
    sound.run("secrets", "create")
    assert troubles(sound) == []


@pytest.mark.parametrize(("role", "check"), [("operator", "secrets"), ("exporter", "rights")])
def test_a_secret_that_is_refused(sound: Cli, running: EmbeddedServer, role: str, check: str) -> None:
    secret = Secrets(sound.data_dir).path(role)  # type: ignore[arg-type]
    secret.write_text(json.dumps(json.loads(secret.read_text()) | {"password": "wrong"}))
    [(name, what)] = troubles(sound)
    assert (name, "refused" in what) == (check, True)
    sound.run("secrets", "create")
    assert troubles(sound) == []


async def test_a_server_that_lets_everybody_in(tmp_path: Path) -> None:
    cli = Cli(unpack(FIXTURE / "data.tar.xz", tmp_path / "data"))
    cli.run("rebuild")
    cli.run("verify")
    cli.run("backup", tmp_path / "backup")
    found = troubles(cli)
    assert [check for check, _ in found] == ["data directory", "secrets", "quarantine"]
    assert "lets everybody in" in found[1][1]
    cli.run("secrets", "create")
    assert [check for check, _ in troubles(cli)] == ["quarantine"], "the message is kept that is no fact"


@breaks("rights")
def test_a_role_that_may_do_too_much(sound: Cli, running: EmbeddedServer) -> None:
    config = sound.data_dir / "nats" / "nats.conf"
    document = json.loads(config.read_text())
    for user in document["accounts"]["ROOFLOG_CLIENT"]["users"]:
        del user["permissions"]
    config.write_text(json.dumps(document))
    assert running.pid
    os.kill(running.pid, signal.SIGHUP)
    expected = [("rights", "the role client may do more at the NATS server than it should")]
    until(lambda: troubles(sound) == expected)
    sound.run("secrets", "create")
    until(lambda: troubles(sound) == [])


@asynccontextmanager
async def older(server: EmbeddedServer) -> AsyncIterator[str]:
    """The address of a server that says of itself that it is of version 2.11.0, and is this one."""
    port = int(server.url.rpartition(":")[2])
    tasks: set[asyncio.Task[None]] = set()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_answer: bool) -> None:
        try:
            while data := await reader.read(2**16):
                if is_answer and data.startswith(b"INFO "):
                    head, _, rest = data.partition(b'"version":"')
                    data = head + b'"version":"2.11.0"' + rest.partition(b'"')[2]
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind, before = await asyncio.open_connection("127.0.0.1", port)
        tasks.add(asyncio.create_task(relay(reader, before, is_answer=False)))
        tasks.add(asyncio.create_task(relay(behind, writer, is_answer=True)))

    proxy = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        user = address(server).partition("//")[2].rpartition("@")[0]
        yield f"nats://{user}@127.0.0.1:{proxy.sockets[0].getsockname()[1]}"
    finally:
        proxy.close()
        await asyncio.gather(*tasks)
