"""Troubles of the tables and of the services that fold and read them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from events.log.log import Log
from services.doctor import database
from services.runtime import processes
from services.runtime.nats_server import EmbeddedServer

from ..conftest import Cli, address
from ..forked import Forked
from ..web.conftest import until
from .conftest import admin, breaks, examined, outside, settings, troubles

Start = Callable[..., Forked]

HOLDS = "import fcntl, sys, time; file = open({path!r}, 'w'); fcntl.flock(file, fcntl.LOCK_EX); time.sleep(600)"


@breaks("database")
def test_a_damaged_database(sound: Cli) -> None:
    path = sound.data_dir / "rooflog.duckdb"
    content = bytearray(path.read_bytes())
    content[3 * 4096 :] = b"\x55" * (len(content) - 3 * 4096)
    path.write_bytes(content)
    [(check, _)] = troubles(sound)
    assert check == "database"
    sound.run("rebuild")
    assert troubles(sound) == []


@pytest.mark.parametrize(("by", "age"), [(-1, "an older"), (1, "a newer")])
def test_a_database_of_another_version(sound: Cli, by: int, age: str) -> None:
    path = sound.data_dir / "rooflog.duckdb"
    with duckdb.connect(str(path)) as con:
        [(versions,)] = con.execute("SELECT versions FROM checkpoint").fetchall()
        other = re.sub(r"examples=(\d+)", lambda match: f"examples={int(match[1]) + by}", versions)
        con.execute("UPDATE checkpoint SET versions = ?", [other])
    assert troubles(sound) == [("database", f"{path} was written by {age} rooflog")]
    sound.run("rebuild")
    assert troubles(sound) == []


def test_a_database_of_another_log(sound: Cli, tmp_path: Path) -> None:
    other = Cli(tmp_path / "other")
    other.run("capture", "--prompt", "Another question?", "--response", "Another answer.")
    other.run("stats")
    path = sound.data_dir / "rooflog.duckdb"
    shutil.copy(other.data_dir / "rooflog.duckdb", path)
    [(check, what)] = troubles(sound)
    assert (check, f"{path} was folded from another log" in what) == ("database", True)
    path.unlink()
    sound.run("stats")
    assert troubles(sound) == []


@breaks("projector")
def test_a_projector_that_is_down(sound: Cli, running: EmbeddedServer, start: Start) -> None:
    outside(sound, running)
    exporter = sound.start("exporter")
    try:
        until(lambda: sound.json("status")["exporter"])
        assert troubles(sound) == [("projector", "no projector answers")]
        projector = sound.start("projector")
        try:
            until(lambda: troubles(sound) == [])
        finally:
            projector.terminate()
            projector.wait()
    finally:
        exporter.terminate()
        exporter.wait()


def test_a_data_directory_of_two_services(sound: Cli, running: EmbeddedServer) -> None:
    """Given a projector of another NATS server on the data directory, then it is named."""
    outside(sound, running)
    exporter, holder = sound.start("exporter"), sound.python("holder.err", "-c", HOLDS.format(path=_lock(sound)))
    try:
        until(lambda: processes.holder_of(Path(_lock(sound))))
        until(lambda: "projector" in dict(troubles(sound)))
        [(_, what)] = troubles(sound)
        assert f"process {holder.pid} (" in what
        assert "has the database, and no projector answers at this log" in what
    finally:
        for process in (exporter, holder):
            process.terminate()
            process.wait()


async def test_a_projector_that_is_behind(sound: Cli, running: EmbeddedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "LAG_SECONDS", -1.0)
    projector = sound.start("projector")
    try:
        until(lambda: sound.json("status")["projector_running"])
        assert await examined(settings(sound)) == [("projector", "the projector is 0 facts and 0 seconds behind")]
    finally:
        projector.terminate()
        projector.wait()


@breaks("services")
def test_two_projectors_at_one_log(sound: Cli, running: EmbeddedServer, tmp_path: Path) -> None:
    other = Cli(tmp_path / "other")
    other.data_dir.mkdir()
    other.environment["ROOFLOG_NATS_URL"] = address(running)
    projectors = [sound.start("projector"), other.start("projector")]
    try:
        until(lambda: troubles(sound) == [("services", "two projectors answer at this log")])
        projectors[1].terminate()
        projectors[1].wait()
        assert troubles(sound) == []
    finally:
        for projector in projectors:
            projector.terminate()
            projector.wait()


@breaks("quarantine")
async def test_a_message_in_quarantine(sound: Cli, running: EmbeddedServer) -> None:
    log = await Log.connect(admin(sound, running))
    await log.jetstream().publish("training.example.captured.x.y", b"no JSON")
    await log.close()
    sound.run("stats")
    assert troubles(sound) == [("quarantine", "messages are in quarantine: 1 malformed")]


def _lock(cli: Cli) -> str:
    return str(cli.data_dir / "rooflog.lock")
