"""Troubles of the data directory and of the room for it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from services.doctor import folder

from ..conftest import Cli
from .conftest import NOBODY, as_nobody, breaks, examined, settings, troubles


@breaks("data directory")
def test_a_directory_that_is_missing(tmp_path: Path) -> None:
    cli = Cli(tmp_path / "data")
    assert troubles(cli) == [("data directory", f"{cli.data_dir} does not exist")]
    cli.data_dir.mkdir(mode=0o700)
    assert troubles(cli) == []
    cli.data_dir.rmdir()
    cli.data_dir.touch()
    assert troubles(cli) == [("data directory", f"{cli.data_dir} is no directory")]


def test_a_directory_that_others_may_read(sound: Cli) -> None:
    (sound.data_dir / "rooflog.duckdb").chmod(0o644)
    [(check, what)] = troubles(sound)
    assert (check, what) == ("data directory", f"others may read or change {sound.data_dir / 'rooflog.duckdb'}")
    (sound.data_dir / "rooflog.duckdb").chmod(0o600)
    assert troubles(sound) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to another user")
def test_a_directory_of_another_user(sound: Cli) -> None:
    database = sound.data_dir / "rooflog.duckdb"
    os.chown(database, NOBODY, NOBODY)
    [(check, what)] = troubles(sound)
    assert (check, f"{database} belongs to " in what) == ("data directory", True)
    os.chown(database, 0, 0)
    assert troubles(sound) == []


async def test_a_directory_that_cannot_be_written(model: Path, shared: Path) -> None:
    cli = Cli(shared / "data")
    shutil.copytree(model, cli.data_dir)
    cli.data_dir.chmod(0o500)
    with as_nobody(cli.data_dir):
        assert await examined(settings(cli)) == [("data directory", f"{cli.data_dir} is not writable")]
        cli.data_dir.chmod(0o700)
        assert await examined(settings(cli)) == []


@breaks("room")
async def test_a_disk_that_is_nearly_full(sound: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "LEAST_BYTES", 2**60)
    found = await examined(settings(sound))
    assert {check for check, _ in found} == {"room"}
    assert f"the disk of {sound.data_dir} is nearly full" in found[0][1]
