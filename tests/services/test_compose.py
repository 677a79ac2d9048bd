"""The compose files and the image, as far as they can be proved without an engine; tests/containers does the rest."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.cli.commands import COMMANDS
from services.runtime.nats_server import binary
from tests.deadlines import FAR_SECONDS
from tests.ports import free_port

from .compose import CLUSTER, DOCKERFILE, FILES, ONE, ROOT, Service, play, services
from .conftest import Cli
from .web.conftest import until

HELD = re.compile(r"(?<![\w.:/])/(?:data|config|store|handed|volume|tokens|access|backups)\b")
"""The folders of a container."""

OUTSIDE = "127.0.0.2"
"""An address of this machine that rooflog takes for one that others reach."""


def is_ours(service: Service) -> bool:
    return "build" in service


@pytest.fixture(params=FILES, ids=lambda file: file.name)
def file(request: pytest.FixtureRequest) -> Path:
    chosen: Path = request.param
    return chosen


def test_every_service_of_ours_is_a_command_of_ours(file: Path) -> None:
    names = {entry.name for entry in COMMANDS}
    for service in services(file).values():
        if is_ours(service) and "entrypoint" not in service and "command" in service:
            assert service["command"][0] in names


def test_every_container_is_closed_and_bounded(file: Path) -> None:
    for name, service in services(file).items():
        assert service["user"] == "10001:10001", name
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}, name
        assert service["logging"]["options"].keys() >= {"max-size", "max-file"}, name
        assert service["stop_grace_period"], name
        assert "healthcheck" in service or is_ours(service), name


def test_ports_are_published_on_loopback_only(file: Path) -> None:
    ports = [port for service in services(file).values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_a_service_holds_the_secret_of_its_role_alone(file: Path) -> None:
    for name, service in services(file).items():
        mounts = {volume.split(":")[0] for volume in service.get("volumes", [])}
        if name not in ("access", "stream", "rooflog"):
            assert "secrets" not in mounts, name
        assert not [key for key in service.get("environment", {}) if "PASSWORD" in key or key.endswith("TOKEN")]


def test_the_image_has_every_folder_that_is_mounted(file: Path) -> None:
    made = re.search(r"install --directory.*?\n +(.*?)\n", DOCKERFILE.replace("\\\n", "\n"), re.S)
    assert made
    for name, service in services(file).items():
        for volume in service.get("volumes", []) if is_ours(service) else ():
            target = volume.split(":")[1]
            assert target in {*DOCKERFILE.split(), "/access"}, name


def test_everything_that_the_image_copies_is_there() -> None:
    lines = [line for line in DOCKERFILE.splitlines() if line.startswith("COPY ") and "--from" not in line]
    sources = [word for line in lines for word in line.split()[1:-1]]
    assert sources
    assert all((ROOT / source).exists() for source in sources)
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert let_in == set(sources)


def test_the_servers_are_of_the_version_that_is_tested(file: Path) -> None:
    version = subprocess.run([binary(), "--version"], capture_output=True, text=True, check=True).stdout.split("v")[-1]
    images = {service["image"] for service in services(file, {}).values() if "nats" in service["image"]}
    assert images == {f"nats:{version.strip()}-alpine"}


@pytest.mark.skipif(shutil.which("haproxy") is None, reason="haproxy is not installed")
def test_the_proxy_accepts_its_configuration() -> None:
    config = ROOT / "deploy" / "proxy" / "haproxy.cfg"
    checked = subprocess.run(["haproxy", "-c", "-f", config], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


class Installation:
    """The services of a compose file as processes: each has a folder for the root of its container."""

    def __init__(self, file: Path, home: Path) -> None:
        self.services = services(file)
        self.home = home
        servers = [name for name in self.services if name.startswith("nats")]
        self.ports = {(name, port): free_port() for name in servers for port in (4222, 6222, 8222)}
        self.processes: dict[str, Any] = {}
        self.clis = {name: self._cli(name) for name in self.services}

    def _cli(self, name: str) -> Cli:
        """A command line in the folder that stands for the container: its volumes are links."""
        service, root = self.services[name], self.home / "roots" / name
        mounts = sorted(tuple(volume.split(":")[:2]) for volume in service.get("volumes", []))
        targets = {target for _, target in mounts}
        for folder in ("data", "config"):
            (root / folder).mkdir(parents=True, mode=0o700)
        for volume, target in mounts:
            if any(other.startswith(f"{target}/") for other in targets) or volume.startswith("."):
                continue
            (self.home / "volumes" / volume).mkdir(parents=True, exist_ok=True, mode=0o700)
            place = root / target[1:]
            place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            if place.exists():
                place.rmdir()
            place.symlink_to(self.home / "volumes" / volume)
        cli = Cli(root / "data")
        for key, value in service.get("environment", {}).items():
            cli.environment[key] = self._translated(name, str(value or ""))
        cli.environment["ROOFLOG_MONITOR_PORT"] = "0"
        cli.environment["PATH"] = f"{self._commands()}:{os.environ['PATH']}"
        return cli

    def _commands(self) -> Path:
        folder = self.home / "bin"
        if not folder.exists():
            folder.mkdir()
            script = folder / "rooflog"
            script.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m services "$@"\n')
            script.chmod(0o700)
        return folder

    def _translated(self, name: str, text: str) -> str:
        """A word of the file with the folders and addresses of this machine."""
        text = HELD.sub(lambda match: f"{self.home / 'roots' / name}{match[0]}", text.replace("$$", "$"))
        for (server, port), free in self.ports.items():
            text = text.replace(f"{server}:{port}", f"127.0.0.1:{free}")
        return OUTSIDE if text == "0.0.0.0" else text  # noqa: S104

    def run(self, name: str) -> None:
        """Run a service that makes something and ends, once for each server whose ports it has to know."""
        if "entrypoint" not in self.services[name]:
            self.clis[name].run(*self.services[name]["command"])
            return
        for server in {server for server, _ in self.ports}:
            script = self._translated(name, self.services[name]["command"][0])
            for port in (4222, 6222, 8222):
                script = re.sub(
                    rf"(?:0\.0\.0\.0|127\.0\.0\.1):{port}\b", f"127.0.0.1:{self.ports[server, port]}", script
                )
            environment = self.clis[name].environment
            subprocess.run([*self.services[name]["entrypoint"], script], env=environment, check=True, cwd=self.home)
            config = self.home / "volumes" / "config" / self.config_of(server)
            config.rename(config.with_suffix(".kept"))
        for kept in (self.home / "volumes" / "config").glob("*.kept"):
            kept.rename(kept.with_suffix(".conf"))

    def config_of(self, server: str) -> str:
        return Path(self.services[server]["command"][1]).name

    def start(self, name: str) -> None:
        service = self.services[name]
        if is_ours(service):
            self.processes[name] = self.clis[name].start(*service["command"])
            return
        command = [self._translated(name, word) for word in service["command"]]
        with (self.home / f"{name}.log").open("wb") as log:
            self.processes[name] = subprocess.Popen([binary(), *command], stdout=log, stderr=log)

    def address(self, name: str, words: str) -> str:
        """Where a service answers, as it says itself."""
        pattern = re.compile(rf"{words} http://([^ ]+:\d+)")
        errors = self.clis[name].data_dir / f"{self.services[name]['command'][0]}.err"
        until(lambda: pattern.search(errors.read_text()) or self.processes[name].poll() is not None)
        assert self.processes[name].poll() is None, errors.read_text()
        return f"http://{pattern.findall(errors.read_text())[-1]}"

    def end(self) -> None:
        for process in reversed(self.processes.values()):
            process.terminate()
            process.wait(FAR_SECONDS)


@pytest.fixture(params=[ONE, pytest.param(CLUSTER, marks=pytest.mark.slow)], ids=lambda file: file.name)
def installation(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Installation]:
    """Everything that a file starts but the proxy, in the order of `depends_on`."""
    running = Installation(request.param, tmp_path)
    try:
        running.run("access")
        for name in running.services:
            if name.startswith("nats"):
                running.start(name)
        healthy = [f"http://127.0.0.1:{port}/healthz" for (_, inner), port in running.ports.items() if inner == 8222]
        until(lambda: all(httpx.get(url, trust_env=False).status_code == 200 for url in healthy))
        running.run("stream")
        for name, service in running.services.items():
            if is_ours(service) and name not in ("access", "stream", "rooflog"):
                running.start(name)
        yield running
    finally:
        running.end()


def test_the_services_of_a_file_work_together_as_processes(installation: Installation) -> None:
    gateways = [name for name, service in installation.services.items() if service.get("command") == ["web"]]
    others = ["projector", "exporter"]
    asked = [installation.address(name, "serving on") for name in gateways]
    asked += [installation.address(name, "answers monitors at") for name in others]
    until(lambda: all(httpx.get(f"{url}/health/ready", trust_env=False).status_code == 200 for url in asked))

    for name in gateways:  # nobody is let in before there is a token, and the log says how to make one
        errors = (installation.clis[name].data_dir / "web.err").read_text()
        assert "rooflog token add NAME --role operator" in errors
    assert [httpx.get(f"{url}/api/v1/queue", trust_env=False).status_code for url in asked[: len(gateways)]] == [
        401 for _ in gateways
    ]

    token = installation.clis["rooflog"].json("token", "add", "ann", "--role", "operator")["token"]
    for url in asked[: len(gateways)]:
        headers = {"Authorization": f"Bearer {token}"}
        with httpx.Client(base_url=url, headers=headers, timeout=FAR_SECONDS, trust_env=False) as client:
            assert play(client)["status"] == "exported"
    assert installation.clis["rooflog"].json("status")["last_seq"] > 0
    assert any((installation.home / "volumes" / "volume").rglob("*.jsonl"))
