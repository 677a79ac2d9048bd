"""Another user of the same machine reads nothing, comes in nowhere, and learns no secret."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services import private_files
from services.access.secrets import Secrets
from services.runtime.nats_server import EmbeddedServer
from services.web.access.peers import is_own
from tests.services.web.conftest import Site

from ..conftest import Cli

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def shared() -> Iterator[Path]:
    """A folder that every user of the machine may enter, as /srv is."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def found(shared: Path) -> dict[str, Any]:
    """What a stranger finds while everything runs as `rooflog up` runs it, without tokens."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    site = Site(shared / "data", with_tokens=False)
    site.cli.run("capture", "--prompt", "p", "--response", "r")
    with EmbeddedServer(site.cli.data_dir) as server:
        try:
            for name in ("projector", "exporter", "web"):
                site.start(name)
            site.until_answering()
            assert site.client().get("/api/v1/stats").status_code == 200
            pids = [str(pid) for pid in (server.pid, *(process.pid for process in site.processes.values()))]
            command = [sys.executable, "-m", "tests.services.access.stranger", str(site.cli.data_dir)]
            told = subprocess.run(
                [*command, server.url, site.url, *pids], cwd=ROOT, capture_output=True, text=True, check=True
            )
        finally:
            site.close()
    outcome: dict[str, Any] = json.loads(told.stdout)
    return outcome | {"passwords": [secret.password for _, secret in Secrets(site.cli.data_dir).users()]}


def test_no_file_can_be_read(found: dict[str, Any]) -> None:
    assert found["files"] == []


def test_the_log_lets_nobody_in(found: dict[str, Any]) -> None:
    assert found["log"] is False


def test_the_pages_serve_only_who_runs_them(found: dict[str, Any]) -> None:
    assert set(found["web"].values()) == {401}


def test_processes_tell_no_secret(found: dict[str, Any]) -> None:
    assert found["environments"] == []
    assert len(found["passwords"]) == 7
    assert not [secret for secret in found["passwords"] if any(secret in command for command in found["commands"])]


def test_what_is_too_open_is_named_and_closed(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "rooflog.duckdb").touch()
    (tmp_path / "rooflog.duckdb").chmod(0o644)
    (tmp_path / "secrets").mkdir(mode=0o700)
    assert private_files.too_open(tmp_path) == [tmp_path, tmp_path / "rooflog.duckdb"]
    private_files.close(tmp_path)
    assert private_files.too_open(tmp_path) == []


def test_every_command_that_opens_the_folder_tells_it_once(tmp_path: Path) -> None:
    cli = Cli(tmp_path)
    (tmp_path / "tokens.json").touch()
    (tmp_path / "tokens.json").chmod(0o644)
    for command in (["token", "list"], ["status"], ["secrets", "list"]):
        told = cli.run(*command, code=None).stderr
        assert told.count("ATTENTION: others may read or change") == 1, command
        assert str(tmp_path / "tokens.json") in told
    cli.environment[private_files.TOLD] = "1"
    assert "ATTENTION: others" not in cli.run("status").stderr


def test_a_connection_nobody_knows_is_not_ones_own() -> None:
    assert not is_own(None, ("127.0.0.1", 1))
    assert not is_own(("127.0.0.1", 1), ("127.0.0.1", 1))
