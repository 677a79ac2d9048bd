"""Secrets are private, exchanged without locking anybody out, and never shown."""

from __future__ import annotations

import asyncio
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from events import Rooflog
from events.errors import InputError, Unreachable
from events.log.access import Access, read_secret
from events.log.log import Log
from services.access.roles import NAMES
from services.access.secrets import Secrets
from services.runtime.nats_server import EmbeddedServer
from tests.services.conftest import capture

from .tried import comes_in


def test_a_new_installation_has_a_private_secret_for_every_role(tmp_path: Path) -> None:
    secrets = Secrets(tmp_path)
    assert not secrets.exist
    secrets.create()
    assert [name for name, _ in secrets.users()] == list(NAMES)
    assert len({secret.password for _, secret in secrets.users()}) == len(NAMES)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in secrets.folder.glob("*.json")}
    assert modes == {0o600}
    assert stat.S_IMODE(secrets.folder.stat().st_mode) == 0o700


def test_making_secrets_again_keeps_those_that_are_there(tmp_path: Path) -> None:
    secrets = Secrets(tmp_path)
    secrets.create()
    before = secrets.users()
    secrets.create()
    assert secrets.users() == before


def test_both_users_come_in_until_a_rotation_is_finished(tmp_path: Path) -> None:
    secrets = Secrets(tmp_path)
    secrets.create()
    before = read_secret(secrets.path("client"))
    assert secrets.rotate(["client"]) == ["client"]
    assert {secret.user for name, secret in secrets.users() if name == "client"} == {"client-1", "client-2"}
    with pytest.raises(InputError, match="a rotation is under way"):
        secrets.rotate()
    secrets.finish()
    assert before not in [secret for _, secret in secrets.users()]
    assert len(secrets.users()) == len(NAMES)


def test_a_rotation_without_secrets_says_how_to_make_them(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="rooflog secrets create"):
        Secrets(tmp_path).rotate()


def test_the_window_for_older_clients_ends(tmp_path: Path) -> None:
    secrets = Secrets(tmp_path)
    secrets.create(datetime.now(UTC) + timedelta(hours=1))
    assert secrets.let_in_until is not None
    secrets.create(datetime.now(UTC) - timedelta(seconds=1))
    assert secrets.let_in_until is None
    assert secrets.window_has_ended
    secrets.end_window()
    assert not secrets.window_has_ended


def test_a_damaged_secret_file_is_named_and_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "client.json"
    path.write_text('{"user": "client-1", "pass')
    with pytest.raises(InputError, match="is no secret file") as refused:
        read_secret(path)
    assert "client-1" not in str(refused.value)


async def test_a_connection_survives_the_rotation_of_its_secret(
    server: EmbeddedServer, log: Log, tmp_path: Path
) -> None:
    secrets = Secrets(tmp_path)
    old = read_secret(secrets.path("client"))
    client = Rooflog(server.access("client"), outbox=tmp_path / "outbox")
    first = client.capture("p", "r")
    assert await client.aflush()
    secrets.rotate()
    assert await asyncio.to_thread(server.take_over)
    secrets.finish()
    assert await asyncio.to_thread(server.take_over)
    second = client.capture("p", "r")
    assert await client.aflush()
    await client.aclose()
    async with asyncio.timeout(60):
        while not await _knows(log, first, second):
            await asyncio.sleep(0.05)
    async with asyncio.timeout(60):
        while comes_in(Access.of(server.url, user=old.user, password=old.password)):
            await asyncio.sleep(0.05)


async def _knows(log: Log, *example_ids: str) -> bool:
    """Whether the log holds them all; its own connection breaks with the secret that it came with."""
    try:
        return all([await log.knows(example_id) for example_id in example_ids])
    except Unreachable:
        return False


async def test_an_older_installation_is_moved_over_by_one_command(tmp_path: Path) -> None:
    """Its log goes into the account of the log; clients of before come in for as long as the window is open."""
    secrets = Secrets(tmp_path)
    (tmp_path / "nats" / "store" / "jetstream" / "$G").mkdir(parents=True)
    with EmbeddedServer(tmp_path) as server:
        assert server.lets_everybody_in
        log = await Log.connect(server.access())
        await log.publish([capture(example_id="before")])
        await log.close()
        secrets.create(datetime.now(UTC) + timedelta(days=1))
        assert await asyncio.to_thread(lambda: server.take_over(restart=True))
        older = await Log.connect(Access.of(server.url))
        assert await older.knows("before")
        await older.publish([capture(example_id="window")])
        await older.close()
        secrets.create(datetime.now(UTC) - timedelta(days=1))
        assert not await asyncio.to_thread(server.revive)
        async with asyncio.timeout(60):
            while comes_in(Access.of(server.url)):
                await asyncio.sleep(0.05)
        log = await Log.connect(server.access())
        assert await log.knows("window")
        await log.close()
