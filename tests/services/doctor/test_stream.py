"""Troubles of the stream and of the cluster that holds it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from events.log import stream
from events.log.log import Log
from events.subjects import STREAM
from services.access import server_config
from services.access.secrets import Secrets
from services.runtime.nats_server import EmbeddedServer, binary
from tests.ports import free_port

from ..conftest import Cli
from ..forked import Forked
from ..web.conftest import until
from .conftest import admin, breaks, examined, settings, troubles

Start = Callable[..., Forked]


@breaks("stream")
async def test_a_stream_that_is_gone(sound: Cli, running: EmbeddedServer, tmp_path: Path) -> None:
    sound.run("backup", tmp_path / "backup")
    log = await Log.connect(admin(sound, running))
    await log.jetstream().delete_stream(STREAM)
    await log.close()
    assert troubles(sound) == [("stream", f"the NATS server at {running.url} holds no stream TRAINING")]
    sound.run("restore", tmp_path / "backup")
    assert troubles(sound) == []


async def test_a_stream_that_may_forget(sound: Cli, running: EmbeddedServer) -> None:
    log = await Log.connect(admin(sound, running))
    wanted = stream.configuration()
    await log.jetstream().update_stream(wanted.evolve(max_age=86_400.0))
    found = troubles(sound)
    await log.jetstream().update_stream(wanted)
    await log.close()
    assert found == [("stream", "stream TRAINING has max_age = 86400000000000, but rooflog needs it to be unset")]
    assert troubles(sound) == []


@pytest.mark.parametrize("setting", ["persist_mode", "deny_purge"])
async def test_a_stream_that_is_not_synced_or_may_be_purged(tmp_path: Path, setting: str) -> None:
    cli = Cli(tmp_path / "data")
    with EmbeddedServer(cli.data_dir) as server:
        log = await Log.connect(admin(cli, server), create=False)
        await log.jetstream().delete_stream(STREAM)
        config = stream.wanted()
        if setting == "persist_mode":
            config |= {"persist_mode": "async", "allow_atomic": False}  # the server takes them alone
        else:
            config |= {"deny_purge": False}
        await log.request(f"$JS.API.STREAM.CREATE.{STREAM}", msgspec.json.encode(config), timeout=5)
        await log.close()
        found = troubles(cli)
    assert {check for check, _ in found} == {"stream"}
    assert any(f"stream TRAINING has {setting} = " in what for _, what in found)


async def test_a_stream_with_too_few_copies(sound: Cli) -> None:
    assert await examined(settings(sound, replicas="3")) == [("stream", "stream TRAINING has 1 of 3 copies")]
    assert await examined(settings(sound, replicas="1")) == []


@pytest.fixture
def three(tmp_path: Path) -> Iterator[dict[str, tuple[str, subprocess.Popen[bytes]]]]:
    """Address and process of three servers that are one cluster."""
    secrets = Secrets(tmp_path / "data")
    secrets.create()
    names = ("nats-1", "nats-2", "nats-3")
    ports = {name: (free_port(), free_port()) for name in names}
    servers = {}
    for name, (port, route) in ports.items():
        made = server_config.document(secrets.users(), store=tmp_path / name, port=port, name=name)
        routes = [f"nats://127.0.0.1:{other}" for _, other in ports.values()]
        made["cluster"] = {"name": "rooflog", "host": "127.0.0.1", "port": route, "routes": routes}
        config = tmp_path / f"{name}.conf"
        config.write_bytes(server_config.encoded(made))
        command = [binary(), "--config", str(config), "--log", str(tmp_path / f"{name}.log")]
        servers[name] = (f"nats://127.0.0.1:{port}", subprocess.Popen(command))
    yield servers
    for _, server in servers.values():
        server.kill()
        server.wait()


@pytest.mark.slow
@breaks("cluster")
def test_a_server_of_the_cluster_that_is_down(
    three: dict[str, tuple[str, subprocess.Popen[bytes]]], cli: Cli, tmp_path: Path, start: Start
) -> None:
    cli.data_dir = tmp_path / "data"
    cli.environment |= {
        "ROOFLOG_DATA_DIR": str(cli.data_dir),
        "ROOFLOG_NATS_URL": ",".join(url for url, _ in three.values()),
        "ROOFLOG_REPLICAS": "3",
    }
    until(lambda: cli.run("stream", "--create", code=None).returncode == 0)
    for service in ("projector", "exporter"):
        start(service)
    until(lambda: troubles(cli) == [])
    three["nats-3"][1].kill()
    until(lambda: troubles(cli) == [("cluster", "server nats-3 of the cluster rooflog is down")])
    three["nats-2"][1].kill()
    until(lambda: [what for _, what in troubles(cli) if "no working JetStream" in what or "leads the stream" in what])
