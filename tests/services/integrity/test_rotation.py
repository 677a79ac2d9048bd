"""Backups one after the other: made when due, the oldest removed, never the last good one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from events.errors import RooflogError
from events.log.log import Log
from services.integrity import backup as backups
from services.integrity import rotation
from services.integrity.backup import Manifest
from services.integrity.rotation import back_up, due_in, go_on, kept

from ..conftest import Cli, capture
from ..forked import Forked
from ..web.conftest import until

NOW = datetime(2025, 3, 18, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def dated(folder: Path, at: datetime) -> None:
    """Have a backup say that it was made at another time."""
    path = folder / backups.MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | {"at": at.isoformat()}))


async def made(log: Log, folder: Path, days: int, keep: int) -> list[str]:
    """Make a backup on each of so many days; the names of those that stay."""

    async def make(place: Path) -> Manifest:
        manifest = await backups.backup(log, place)
        dated(place, datetime.strptime(place.name, rotation._STAMP).replace(tzinfo=UTC))
        return manifest

    for day in range(days):
        await back_up(make, folder, keep, NOW + day * DAY)
    return [each.folder.name for each in kept(folder)]


async def test_the_newest_stay(log: Log, tmp_path: Path) -> None:
    await log.publish([capture()])
    folder = tmp_path / "backups"
    names = ["2025-03-21T120000Z", "2025-03-20T120000Z", "2025-03-19T120000Z"]
    assert await made(log, folder, days=4, keep=3) == names
    assert sorted(path.name for path in folder.iterdir()) == names[::-1]


async def test_what_it_did_not_make_stays(log: Log, tmp_path: Path) -> None:
    await log.publish([capture()])
    folder = tmp_path / "backups"
    await backups.backup(log, folder / "before-the-move")
    (folder / "erased.jsonl").touch()
    (folder / "2024-01-01T000000Z").mkdir()
    await made(log, folder, days=3, keep=1)
    left = sorted(path.name for path in folder.iterdir())
    assert left == ["2025-03-20T120000Z", "before-the-move", "erased.jsonl"], "what was broken off went"


async def test_a_backup_that_fails_removes_nothing(log: Log, tmp_path: Path) -> None:
    await log.publish([capture()])
    folder = tmp_path / "backups"
    names = await made(log, folder, days=2, keep=2)

    async def fails(place: Path) -> Manifest:
        raise RooflogError("the server broke off the snapshot")

    async def damages(place: Path) -> Manifest:
        manifest = await backups.backup(log, place)
        (place / backups.SNAPSHOT).write_bytes(b"")
        return manifest

    for make in (fails, damages):
        with pytest.raises(RooflogError):
            await back_up(make, folder, 1, NOW + 5 * DAY)
    assert set(names) <= {path.name for path in folder.iterdir()}


async def test_a_backup_is_due_by_the_age_of_the_newest(log: Log, tmp_path: Path) -> None:
    await log.publish([capture()])
    folder = tmp_path / "backups"
    assert due_in(folder, DAY, NOW) == timedelta()
    await made(log, folder, days=1, keep=1)
    assert due_in(folder, DAY, NOW + timedelta(hours=23)) == timedelta(hours=1)
    assert due_in(folder, DAY, NOW + timedelta(hours=25)) == timedelta()


async def test_it_goes_on_until_it_is_told_to_stop(log: Log, tmp_path: Path) -> None:
    stopping, tried = asyncio.Event(), 0

    async def make(place: Path) -> Manifest:
        nonlocal tried
        tried += 1
        stopping.set()
        raise RooflogError("no")

    await go_on(make, tmp_path, DAY, 1, stopping)
    assert tried == 1


def test_the_command_makes_backups_by_itself(cli: Cli, start: Callable[..., Forked], tmp_path: Path) -> None:
    cli.run("capture", "--prompt", "p", "--response", "r")
    folder = tmp_path / "backups"
    process = start("backup", str(folder), "--every", "24h", "--keep", "2")
    until(lambda: kept(folder) and (folder / "erased.jsonl").exists())
    process.terminate()
    assert process.wait(60) == 0
    assert "give a number of minutes" in cli.run("backup", folder, "--every", "5", code=2).stderr
