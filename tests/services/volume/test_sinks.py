"""The registry of sinks: each one keeps the contract of volumes, and the settings know all of them."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services import settings
from services.volume import SINKS, Sink, Volume, open_trainer

from . import contract

PROJECT = Path(__file__).parents[3] / "pyproject.toml"


class TestVolumes(contract.VolumeContract):
    """Every sink of the registry, on each place that it is tested on."""

    @pytest.fixture(params=contract.CASES)
    async def volume(
        self, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> AsyncIterator[Volume]:
        sink, case = request.param
        async with contract.opened(sink, case, tmp_path, monkeypatch) as volume:
            yield volume


async def test_a_sink_without_set_up_fails_with_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SINKS, "s3", Sink(name="s3", description="a bucket", volume=SINKS["local"].volume))
    with pytest.raises(pytest.fail.Exception, match=r"the sink 's3' has no set-up: tell in .*contract.SETUPS"):
        async with contract.opened("s3", "without set-up", tmp_path, monkeypatch):
            pass


def test_no_set_up_is_left_of_a_removed_sink() -> None:
    assert set(contract.SETUPS) - set(SINKS) == set()


def test_a_directory_is_the_default_and_nothing_trains_there(tmp_path: Path) -> None:
    chosen = settings.load({"data_dir": tmp_path}, {})
    assert chosen.sink == "local"
    assert open_trainer(chosen) is None


@pytest.mark.parametrize("name", SINKS)
def test_settings_know_every_sink(name: str) -> None:
    assert settings.load({}, {"ROOFLOG_SINK": name}).sink == name


def test_an_unknown_sink_is_refused_with_the_known_names() -> None:
    with pytest.raises(settings.SettingsError, match=r"^ROOFLOG_SINK = 's3': give ") as caught:
        settings.load({}, {"ROOFLOG_SINK": "s3"})
    for sink in SINKS.values():
        assert f"{sink.name} ({sink.description})" in str(caught.value)


def test_what_a_sink_needs_is_an_extra() -> None:
    extras = tomllib.loads(PROJECT.read_text("utf-8"))["project"]["optional-dependencies"]
    for sink in SINKS.values():
        assert extras.get(sink.name) == (None if sink.needs is None else [sink.needs])


def test_no_client_is_imported_before_a_sink_is_opened() -> None:
    needed = [re.split(r"\W", sink.needs)[0] for sink in SINKS.values() if sink.needs]
    code = f"import sys, services.settings, services.volume; print(set({needed!r}) & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
