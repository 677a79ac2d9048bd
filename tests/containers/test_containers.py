"""Both compose files in containers: started, used, killed, and closed as they promise."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.deadlines import FAR_SECONDS
from tests.ports import free_port

from ..services.compose import FILES, play
from ..services.web.conftest import until
from .engine import Engine, Missing, engine

LASTING = ("nats", "projector", "exporter", "web", "gateway", "proxy")
"""What the names of services begin with that run until they are stopped."""

PORTS = ("WEB_PORT", "NATS_PORT", "NATS_PORT_1", "NATS_PORT_2", "NATS_PORT_3")


class Running:
    """The containers of one file."""

    def __init__(self, machine: Engine, file: Path) -> None:
        self.machine, self.file = machine, file
        self.project: str = yaml.safe_load(file.read_text())["name"]
        self.variables = {name: str(free_port()) for name in PORTS}
        self.url = f"http://127.0.0.1:{self.variables['WEB_PORT']}"

    def compose(self, *words: str) -> str:
        return self.machine.compose(self.file, *words, **self.variables)

    def lasting(self) -> dict[str, dict[str, Any]]:
        containers = self.machine.containers(self.project)
        return {name: self.machine.inspect(each) for name, each in containers.items() if name.startswith(LASTING)}

    def is_healthy(self) -> bool:
        return all(each["State"]["Health"]["Status"] == "healthy" for each in self.lasting().values())

    def client(self, token: str = "") -> httpx.Client:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=FAR_SECONDS, trust_env=False)


@pytest.fixture(scope="module")
def machine() -> Iterator[Engine]:
    try:
        chosen = engine()
    except Missing as error:
        pytest.fail(str(error), pytrace=False)
    with chosen.serving():
        yield chosen


@pytest.fixture(scope="module", params=FILES, ids=lambda file: file.name)
def running(machine: Engine, request: pytest.FixtureRequest) -> Iterator[Running]:
    """An installation that has just been started for the first time, with an image built from these sources."""
    started = Running(machine, request.param)
    started.compose("down", "--volumes", "--timeout", "5")
    try:
        started.compose("build", "projector")
        started.compose("up", "--detach")
        yield started
    finally:
        started.compose("down", "--volumes", "--timeout", "5")


def test_an_installation_serves_closes_and_comes_back(running: Running) -> None:
    until(running.is_healthy, 3 * FAR_SECONDS)
    _assert_nobody_is_let_in(running)
    _assert_closed(running)
    token = running.compose("run", "--rm", "rooflog", "token", "add", "ann", "--role", "operator").strip()
    with running.client(token) as client:
        assert play(client)["status"] == "exported"
        for name, container in running.lasting().items():
            os.kill(container["State"]["Pid"], signal.SIGKILL)
            until(partial(_is_another, running, name, container["State"]["Pid"]), 3 * FAR_SECONDS)
        until(running.is_healthy, 3 * FAR_SECONDS)
        captured = client.get("/api/v1/stats").raise_for_status().json()["funnel"]["captured"]
        assert captured == 1


def _is_another(running: Running, name: str, killed: int) -> bool:
    """Whether a new process runs in a service's container."""
    state = running.lasting()[name]["State"]
    return bool(state["Running"]) and state["Pid"] not in (0, killed)


def _assert_nobody_is_let_in(running: Running) -> None:
    with running.client() as client:
        assert client.get("/health/ready").status_code == 200
        assert client.get("/api/v1/queue").status_code == 401
    gateways = [name for name in running.lasting() if name.startswith(("web", "gateway"))]
    for name in gateways:
        assert "rooflog token add NAME --role operator" in running.compose("logs", name)


def _assert_closed(running: Running) -> None:
    """As it stands in the processes, whatever the files say."""
    for name, container in running.lasting().items():
        status = Path(f"/proc/{container['State']['Pid']}/status").read_text()
        fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        assert fields["Uid"].split() == ["10001"] * 4, name
        assert int(fields["CapEff"], 16) == int(fields["CapBnd"], 16) == 0, name
        assert fields["NoNewPrivs"] == "1", name
        tried = running.machine.run("exec", container["Id"], "sh", "-c", "touch /x 2>&1 || true; touch /tmp/x")
        assert "Read-only file system" in tried, name
        assert container["HostConfig"]["Memory"] > 0, name
