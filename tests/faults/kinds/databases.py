"""Database files that are not what the projector left: damaged, older, of another log."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

from events.log.log import Log
from services.runtime.nats_server import EmbeddedServer
from services.state.owner import Owner
from tests.services.conftest import capture

from ..installation import Installation, until
from ..registry import fault

FLIPPED = 64
"""Bytes that are changed in a damaged file."""


def flip(path: Path, rng: random.Random, first: int = 0) -> None:
    """Change some bytes behind the first so many."""
    with path.open("r+b") as file:
        for _ in range(FLIPPED):
            at = rng.randrange(first, path.stat().st_size)
            file.seek(at)
            byte = file.read(1)
            file.seek(at)
            file.write(bytes([byte[0] ^ 0xFF]))


async def _told(site: Installation, words: str) -> None:
    """Wait until the services have said something since they were started again."""
    await until(lambda: words in site.words_since_start, f"nobody says {words!r}")


@fault("database damaged")
async def damaged(site: Installation, rng: random.Random) -> None:
    await site.halt()
    flip(site.database, rng)
    site.start_up()
    await until(lambda: "rooflog rebuild" in site.words_since_start or site.is_projecting, "nobody says anything")
    if not site.is_projecting:
        await site.halt()
        site.cli.run("rebuild")
        site.start_up()


@fault("database older")
async def older(site: Installation, rng: random.Random) -> None:
    copy = site.home / "older"
    await site.halt()
    shutil.copy(site.database, copy)
    site.start_up()
    await site.until_answering()
    await site.halt()
    shutil.copy(copy, site.database)
    site.start_up()


@fault("database of another log")
async def foreign(site: Installation, rng: random.Random) -> None:
    other = site.home / "other"
    with EmbeddedServer(other) as server:
        log = await Log.connect(server.access())
        await log.publish([capture(f"Question {n}?") for n in range(5)])
        owner = Owner(other / "rooflog.duckdb")
        await owner.catch_up(log)
        owner.close()
        await log.close()
    await site.halt()
    shutil.copy(other / "rooflog.duckdb", site.database)
    site.start_up()
    await _told(site, "remove the database file to fold it anew from this log")
    site.database.unlink()
