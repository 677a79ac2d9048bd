"""A container engine with Docker Compose: podman with its service in a folder of its own, or else docker."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
HOME = ROOT / ".make" / "containers"
"""Images and containers of podman, and what `make container-tools` unpacks: nothing of the machine's own is touched."""

UP_SECONDS = 300
"""How long the engine may take for one command."""

_SETTINGS = """[containers]
default_ulimits = ["nofile=8192:8192", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
"""
"""Limits that need no right to raise them, and no systemd."""


class Missing(Exception):
    """Something that the tests need is not installed; the message says what."""


class Engine:
    """Commands of the engine and of Compose."""

    def __init__(self, program: str) -> None:
        self.is_podman = program == "podman"
        self._socket = HOME / "podman.sock"
        self._command = [program]
        self.environment = dict(os.environ)
        if self.is_podman:
            HOME.mkdir(parents=True, exist_ok=True)
            (HOME / "containers.conf").write_text(_SETTINGS)
            self._command += ["--root", str(HOME / "storage"), "--runroot", str(HOME / "run")]
            self.environment |= {
                "CONTAINERS_CONF": str(HOME / "containers.conf"),
                "DOCKER_HOST": f"unix://{self._socket}",
                "DOCKER_BUILDKIT": "0",
                "DISABLE_HC_SYSTEMD": "true",
            }

    def run(self, *words: str, check: bool = True) -> str:
        """What a command of the engine prints."""
        return self._run([*self._command, *words], check=check)

    def compose(self, file: Path, *words: str, **variables: str) -> str:
        """What a command of Compose prints."""
        return self._run([*compose_program(), "-f", str(file), *words], variables)

    def inspect(self, container: str) -> dict[str, Any]:
        """How a container is."""
        described: dict[str, Any] = json.loads(self.run("inspect", container))[0]
        return described

    def containers(self, project: str) -> dict[str, str]:
        """The ids of a project's containers by their service, those that have ended too."""
        label = "com.docker.compose"
        ids = self.run("ps", "-aq", "--filter", f"label={label}.project={project}").split()
        return {self.inspect(each)["Config"]["Labels"][f"{label}.service"]: each for each in ids}

    @contextmanager
    def serving(self) -> Iterator[None]:
        """The service of podman, and the health checks that systemd would run otherwise."""
        if not self.is_podman:
            yield
            return
        service = subprocess.Popen(
            [*self._command, "system", "service", "--time", "0", f"unix://{self._socket}"], env=self.environment
        )
        has_ended = threading.Event()
        checking = threading.Thread(target=self._check_health, args=(has_ended,))
        checking.start()
        try:
            while not self._socket.exists():
                time.sleep(0.1)
            yield
        finally:
            has_ended.set()
            checking.join()
            service.terminate()
            service.wait()
            self._socket.unlink(missing_ok=True)

    def _check_health(self, has_ended: threading.Event) -> None:
        while not has_ended.wait(1.0):
            with suppress(subprocess.SubprocessError):
                for container in self.run("ps", "-q").split():
                    self.run("healthcheck", "run", container, check=False)

    def _run(self, command: list[str], variables: dict[str, str] | None = None, *, check: bool = True) -> str:
        done = subprocess.run(
            command,
            env=self.environment | (variables or {}),
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=UP_SECONDS * 4,
            check=False,
        )
        assert not check or done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout


def engine() -> Engine:
    """The engine of this machine. Raises Missing."""
    compose_program()
    for program in ("podman", "docker"):
        if shutil.which(program):
            return Engine(program)
    raise Missing(
        "neither podman nor docker is installed; `make container-tools` installs podman from Debian's packages"
    )


def compose_program() -> list[str]:
    """Docker Compose, as a program or as a part of docker. Raises Missing."""
    unpacked = HOME / "compose" / "usr" / "libexec" / "docker" / "cli-plugins" / "docker-compose"
    for command in ([str(unpacked)], ["docker-compose"], ["docker", "compose"]):
        if shutil.which(command[0]) is None:
            continue
        asked = subprocess.run([*command, "version", "--short"], capture_output=True, text=True, check=False)
        version = asked.stdout.strip().removeprefix("v").split(".")
        if asked.returncode == 0 and [int(part) for part in version[:2]] >= [2, 23]:
            return command
    raise Missing("Docker Compose 2.23 or newer is not installed; `make container-tools` unpacks Debian's package")
