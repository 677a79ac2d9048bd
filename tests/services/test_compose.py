"""docker-compose.yml: as far as it can be proved without a container engine."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.cli.commands import COMMANDS
from services.runtime.nats_server import binary
from tests.services.conftest import Cli

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())


@pytest.mark.parametrize("name", ["access", "access-cluster"])
def test_the_server_accepts_the_configuration_that_is_made_for_it(cli: Cli, name: str, tmp_path: Path) -> None:
    command: list[str] = COMPOSE["services"][name]["command"]
    config = tmp_path / "nats.conf"
    cli.run(*(str(config) if word.startswith("/config/") else word for word in command))
    checked = subprocess.run(
        [binary(), "-t", "--config", str(config), "--name", "nats-1"], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
    assert json.loads(config.read_text())["jetstream"] == {"store_dir": "/store", "sync_interval": "always"}


def test_every_service_of_ours_is_a_command_of_ours() -> None:
    for service in COMPOSE["services"].values():
        if "build" in service:
            assert service["command"][0] in {entry.name for entry in COMMANDS}


def test_ports_are_published_on_loopback_only() -> None:
    ports = [port for service in COMPOSE["services"].values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_everything_that_the_image_copies_is_there() -> None:
    lines = COMPOSE["services"]["projector"]["build"]["dockerfile_inline"].splitlines()
    sources = [word for line in lines if line.startswith("COPY ") for word in line.split()[1:-1]]
    assert sources
    assert all((ROOT / source).exists() for source in sources)
