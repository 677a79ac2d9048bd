"""docker-compose.yml: as far as it can be proved without a container engine."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.access.server_config import MAX_PAYLOAD
from services.cli.commands import COMMANDS
from services.runtime.nats_server import binary

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())


@pytest.mark.parametrize("name", ["nats", "cluster"])
def test_the_server_accepts_the_configuration_and_syncs_before_it_acknowledges(name: str, tmp_path: Path) -> None:
    text: str = COMPOSE["configs"][name]["content"]
    assert "sync_interval: always" in text
    assert f"max_payload: {MAX_PAYLOAD}" in text
    config = tmp_path / "nats.conf"
    config.write_text(text.replace("/store", str(tmp_path)))
    checked = subprocess.run(
        [binary(), "-t", "--config", str(config), "--name", "nats-1"], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr


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
