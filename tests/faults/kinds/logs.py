"""Logs that have lost something: an older backup, a damaged block. What is gone is told by its sequences."""

from __future__ import annotations

import asyncio
import random
import shutil

from ..installation import Installation, until
from ..registry import fault
from .databases import flip


@fault("log restored behind the database", loses_facts=True)
async def restored(site: Installation, rng: random.Random) -> None:
    backup = site.home / "backup"
    made = await asyncio.to_thread(site.cli.json, "backup", str(backup))
    await site.until_answering()
    await site.halt(with_server=True)
    shutil.rmtree(site.data_dir / "nats" / "store")
    await asyncio.to_thread(site.cli.json, "restore", str(backup))
    await site.start_again()
    told = f"is the same only up to {made['last_seq']}, as after an older backup was restored"
    await until(lambda: told in site.words_since_start, f"nobody says {told!r}")
    site.database.unlink()
    await site.until_answering()


@fault("block of the log damaged", loses_facts=True)
async def damaged(site: Installation, rng: random.Random) -> None:
    await site.halt(with_server=True)
    block = max((site.data_dir / "nats" / "store").rglob("*.blk"), key=lambda path: path.stat().st_size)
    flip(block, rng)
    await site.start_again()
    verified = await asyncio.to_thread(site.cli.json, "verify", code=None)
    assert verified["status"] == "broken", verified
