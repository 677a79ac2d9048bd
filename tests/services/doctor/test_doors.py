"""Troubles of what listens: the gateway and the ports."""

from __future__ import annotations

import os
import socket

import pytest

from ..conftest import Cli
from .conftest import breaks, troubles


@breaks("gateway")
def test_a_public_gateway_without_tokens(sound: Cli) -> None:
    sound.environment["ROOFLOG_WEB_HOST"] = "0.0.0.0"  # noqa: S104
    [(check, what)] = troubles(sound)
    assert (check, "has no tokens: nobody comes in" in what) == ("gateway", True)
    sound.run("token", "add", "ann", "--role", "reviewer")
    assert troubles(sound) == []


@breaks("ports")
@pytest.mark.parametrize("setting", ["ROOFLOG_WEB_PORT", "ROOFLOG_MONITOR_PORT"])
def test_a_port_that_is_taken(sound: Cli, setting: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        sound.environment[setting] = str(port)
        [(check, what)] = troubles(sound)
        assert check == "ports"
        assert f"port {port} is taken by process {os.getpid()} (" in what
    assert troubles(sound) == []
