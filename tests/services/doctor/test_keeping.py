"""Troubles of what is done to an installation now and then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from events.log.log import Log
from events.subjects import STREAM
from services.runtime.nats_server import EmbeddedServer

from ..conftest import Cli
from .conftest import admin, breaks, examined, settings, troubles


@breaks("backup")
async def test_a_backup_that_is_missing_or_old(sound: Cli, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    assert await examined(settings(sound), now + timedelta(days=7)) == []
    late = now + timedelta(days=9)
    assert await examined(settings(sound), late) == [("backup", "the log was never backed up from here")]
    sound.run("backup", tmp_path / "backup")
    [(check, what)] = await examined(settings(sound), late)
    assert (check, "the last backup was made at" in what) == ("backup", True)
    assert await examined(settings(sound), now + timedelta(days=7)) == []


async def test_a_verification_that_is_missing_or_old(sound: Cli) -> None:
    late = datetime.now(UTC) + timedelta(days=33)
    assert ("verification", "the log was never verified from here") in await examined(settings(sound), late)
    sound.run("verify")
    assert any("was last verified at" in what for _, what in await examined(settings(sound), late))


@breaks("verification")
async def test_a_verification_that_failed(sound: Cli, running: EmbeddedServer, tmp_path: Path) -> None:
    sound.run("backup", tmp_path / "backup")
    log = await Log.connect(admin(sound, running))
    await log.jetstream().delete_msg(STREAM, 1)
    await log.close()
    sound.run("verify", code=1)
    [(check, what)] = troubles(sound)
    assert (check, "has failed: the log is not what it was" in what) == ("verification", True)
    restored = Cli(tmp_path / "restored")
    restored.run("restore", tmp_path / "backup")
    assert troubles(restored) == []
