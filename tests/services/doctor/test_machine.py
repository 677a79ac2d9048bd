"""Troubles of the machine: Python, its packages, and the clock."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.doctor import machine

from ..conftest import Cli
from .conftest import breaks, examined, settings


@breaks("python")
async def test_a_python_of_which_nothing_is_known(sound: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "NEWEST", (3, 10))
    [(check, what)] = await examined(settings(sound))
    assert check == "python"
    assert f"this is Python {sys.version.split()[0]}, and rooflog is made for 3.11 to 3.10" in what


@breaks("packages")
async def test_a_package_that_takes_our_name(sound: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = tmp_path / "elsewhere" / "Events-0.5.dist-info"
    installed.mkdir(parents=True)
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: Events\nVersion: 0.5\n")
    (installed / "top_level.txt").write_text("events\n")
    monkeypatch.setattr(sys, "path", [*sys.path, str(installed.parent)])
    assert await examined(settings(sound)) == [("packages", "the package Events also installs a module called events")]
    (installed / "top_level.txt").unlink()
    (installed / "METADATA").unlink()
    assert await examined(settings(sound)) == []


async def test_a_current_folder_with_services_of_its_own(
    sound: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "work" / "services").mkdir(parents=True)
    (tmp_path / "work" / "services" / "__init__.py").touch()
    monkeypatch.chdir(tmp_path / "work")
    assert await examined(settings(sound)) == []
    monkeypatch.setattr(sys, "path", [*sys.path, ""])
    [(check, what)] = await examined(settings(sound))
    assert (check, "has a services of its own" in what) == ("packages", True)
    monkeypatch.chdir(tmp_path)
    assert await examined(settings(sound)) == []


@breaks("clock")
async def test_a_log_from_the_future(sound: Cli) -> None:
    now = datetime.now(UTC)
    [(check, what)] = await examined(settings(sound), now - timedelta(hours=5))
    assert (check, "seconds in the future: a clock is wrong" in what) == ("clock", True)
    assert await examined(settings(sound), now) == []
