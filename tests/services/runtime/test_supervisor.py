"""Everything on this machine: started once, announced when it answers, and quiet about what is only starting."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from services.runtime.nats_server import EmbeddedServer
from services.runtime.supervisor import SERVICES
from tests.bench.processes import users_of
from tests.deadlines import FAR_SECONDS
from tests.ports import free_port

from ..conftest import Cli
from ..forked import Forked

Start = Callable[..., Forked]


def _until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + FAR_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)


def test_a_second_one_on_the_same_data_is_refused(cli: Cli, start: Start) -> None:
    first = start("up")
    lock = cli.data_dir / "up.lock"
    _until(lambda: lock.exists() and lock.read_text())
    refused = cli.run("up", code=1).stderr
    assert f"rooflog up already runs on {cli.data_dir}: process {first.pid} (" in refused
    assert re.search(r"since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\); end that one first", refused)
    assert "ended with exit code" not in refused


@pytest.mark.parametrize("setting", ["WEB_PORT", "MONITOR_PORT", "NATS_PORT"])
def test_a_port_that_is_taken_ends_it(cli: Cli, setting: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        cli.environment[f"ROOFLOG_{setting}"] = str(port)
        refused = cli.run("up", code=1).stderr
    assert f"{port}" in refused
    assert f"is taken by process {os.getpid()} (" in refused
    assert f"choose another {'with ' * (setting == 'NATS_PORT')}--{setting.lower().replace('_', '-')}" in refused
    assert "ended with exit code" not in refused


def test_backups_are_made_where_a_folder_for_them_is_named(cli: Cli, start: Start, tmp_path: Path) -> None:
    cli.run("capture", "--prompt", "p", "--response", "r")
    cli.environment["ROOFLOG_BACKUP_DIR"] = str(tmp_path / "backups")
    start("up")
    _until(lambda: list((tmp_path / "backups").glob("*/backup.json")))


def test_what_a_killed_one_leaves_locks_nothing(cli: Cli, start: Start) -> None:
    (cli.data_dir / "up.lock").write_text("12345678901\n")
    first = start("up")
    _until(lambda: (cli.data_dir / "up.lock").read_text() == f"{first.pid}\n")


def test_a_killed_one_takes_its_services_with_it(cli: Cli, start: Start) -> None:
    def services() -> list[int]:
        return [pid for pid in users_of(cli.data_dir) if b"services" in Path(f"/proc/{pid}/cmdline").read_bytes()]

    with EmbeddedServer(cli.data_dir):
        first = start("up")
        _until(lambda: len(services()) >= len(SERVICES))
        first.kill()
        _until(lambda: services() == [])


def test_the_page_is_announced_when_it_answers(cli: Cli, start: Start) -> None:
    """Given a start, when all services are up, then the page answered when it was announced and nothing had warned."""
    cli.environment["ROOFLOG_WEB_PORT"] = str(free_port())
    start("up")
    said = cli.data_dir / "up.err"
    _until(lambda: "web at http" in said.read_text())
    found = re.search(r"web at (http://\S+)", said.read_text())
    assert found is not None
    assert httpx.get(f"{found[1]}/health", trust_env=False, timeout=FAR_SECONDS).status_code in (200, 503)
    _until(lambda: (cli.json("status")["exporter"] or {}).get("state") == "idle")
    assert "WARNING" not in said.read_text()


def test_a_command_says_where_a_new_log_begins(tmp_path: Path) -> None:
    cli = Cli(tmp_path / "new")
    assert f"a new log begins in {cli.data_dir}" in cli.run("status").stderr
    assert cli.run("status").stderr == ""
    assert Cli(tmp_path / "another").run("status", "--json").stderr == ""
    assert f"data: {cli.data_dir}" in cli.run("status").stdout
    assert cli.json("status")["data_dir"] == str(cli.data_dir)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk of two megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m,mode=700", "tmpfs", str(place)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a small disk")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_a_full_disk_is_told_and_leaves_no_process(small: Path) -> None:
    cli = Cli(small / "data")
    (small / "filler").write_bytes(bytes(os.statvfs(small).f_bavail * os.statvfs(small).f_bsize))
    refused = cli.run("up", code=1).stderr
    assert f"no space left on {cli.data_dir}" in refused
    commands = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not [command for command in commands if str(small).encode() in command]
