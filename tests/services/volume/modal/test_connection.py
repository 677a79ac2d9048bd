"""How Modal is reached: credentials, a server that is away or silent, a proxy, and no client at all."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from events.deadline import within
from services import settings
from services.volume import VolumeError, open_trainer, open_volume
from services.volume.modal import connection
from services.volume.modal.connection import Connection
from tests.deadlines import FAR_SECONDS

from .standin import StandIn

MODAL = settings.load({}, {"ROOFLOG_SINK": "modal"})


@pytest.mark.parametrize(
    "missing", [{"MODAL_TOKEN_ID"}, {"MODAL_TOKEN_SECRET"}, {"MODAL_TOKEN_ID", "MODAL_TOKEN_SECRET"}]
)
async def test_missing_credentials_are_named(
    standin: StandIn, monkeypatch: pytest.MonkeyPatch, missing: set[str]
) -> None:
    for name in missing:
        monkeypatch.delenv(name)
    with pytest.raises(VolumeError, match=r"cannot connect: Token missing.*; set both MODAL_TOKEN_ID and") as caught:
        await open_volume(MODAL).listing()
    assert not caught.value.retryable
    assert standin.steps == []


async def test_wrong_credentials_are_named(standin: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODAL_TOKEN_SECRET", "as-wrong")
    volume = open_volume(MODAL)
    with pytest.raises(VolumeError, match=r"Token ID not found; set both MODAL_TOKEN_ID and") as caught:
        await volume.listing()
    assert not caught.value.retryable
    await volume.close()


@pytest.fixture
def real_deadlines(standin: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deadlines that pass by the clock; only for tests in which nothing is done before one passes."""
    monkeypatch.setattr(connection, "within", within)


async def test_a_server_that_is_away_is_given_up_in_time(real_deadlines: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODAL_SERVER_URL", "http://127.0.0.1:9")
    with pytest.raises(VolumeError, match=r"cannot connect: not done after 0\.2 s") as caught:
        await Connection(None, 0.2).client()
    assert caught.value.retryable


async def test_a_silent_server_is_given_up_in_time(real_deadlines: None, monkeypatch: pytest.MonkeyPatch) -> None:
    left = asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        left.set()

    silent = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    async with silent:
        port = silent.sockets[0].getsockname()[1]
        monkeypatch.setenv("MODAL_SERVER_URL", f"http://127.0.0.1:{port}")
        chosen = settings.load({}, {"ROOFLOG_SINK": "modal", "ROOFLOG_MODAL_SECONDS": "0.2"})
        volume = open_volume(chosen)
        with pytest.raises(VolumeError, match=r"not done after 0.2 s") as caught:
            await volume.listing()
        assert caught.value.retryable
        await volume.close()
        await asyncio.wait_for(left.wait(), FAR_SECONDS)


async def test_volume_and_trainer_close_apart(standin: StandIn) -> None:
    """Modal keeps one client for a process; whoever is left opens it again."""
    volume, trainer = open_volume(MODAL), open_trainer(MODAL)
    assert trainer is not None
    assert await volume.listing() == {}
    call = await trainer.spawn(epochs=3)
    await volume.close()
    assert (await trainer.outcome(call, 0))[0] == "running"
    await trainer.close()
    await trainer.close()


async def test_an_unusable_proxy_is_named_without_its_password(
    standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", "http://me:secret@proxy.example:8080")
    assert await open_volume(MODAL).listing() == {}
    monkeypatch.delenv("MODAL_DISABLE_API_PROXY")
    with pytest.raises(VolumeError, match=r"proxy \(http://proxy.example:8080\); set MODAL_DISABLE_API_PROXY=1"):
        open_volume(MODAL)
    monkeypatch.delenv("https_proxy")
    volume = open_volume(MODAL)
    assert await volume.listing() == {}
    await volume.close()


def test_a_missing_client_is_named_with_the_command(tmp_path: Path) -> None:
    (tmp_path / "modal.py").write_text("raise ImportError('No module named modal')")
    assert_says(tmp_path, "Modal's client is not installed (No module named modal): pip install 'modal>=1.6,<1.7'", {})


def test_a_configuration_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "modal.toml").write_text("not toml")
    assert_says(
        tmp_path, "Error when reading the modal configuration", {"MODAL_CONFIG_PATH": str(tmp_path / "modal.toml")}
    )


def assert_says(path: Path, text: str, environment: dict[str, str]) -> None:
    code = (
        "from services import settings; from services.volume import VolumeError, open_volume\n"
        "try: open_volume(settings.load({}, {'ROOFLOG_SINK': 'modal'}))\n"
        "except VolumeError as error: print(error, error.retryable)"
    )
    variables = {"PYTHONPATH": str(path)} | environment
    done = subprocess.run([sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=False)
    assert text in done.stdout, done.stderr
    assert done.stdout.endswith("False\n")


async def test_an_unknown_error_is_still_a_volume_error() -> None:
    async def broken() -> None:
        raise KeyError("ETag")

    with pytest.raises(VolumeError, match=r"^Modal: cannot write a file: 'ETag'$") as caught:
        await Connection(None, 1).step("write a file", broken())
    assert caught.value.retryable


def test_setting_the_proxy_aside_keeps_its_port() -> None:
    assert connection._without_password("http://me:s@cret@proxy:3128") == "http://proxy:3128"
    assert connection._without_password("socks5://proxy:1080") == "socks5://proxy:1080"


@pytest.mark.parametrize("seconds", ["soon", "0", "-1", "86401", "nan"])
def test_a_deadline_that_is_none_is_refused(seconds: str) -> None:
    with pytest.raises(settings.SettingsError, match=f"^ROOFLOG_MODAL_SECONDS = '{seconds}': give a number"):
        settings.load({}, {"ROOFLOG_MODAL_SECONDS": seconds})
