"""Logs that have lost something: an older backup, a damaged block. What is gone is told by its sequences."""

from __future__ import annotations

import asyncio
import random
import shutil

from tests.services.conftest import Cli

from ..installation import Installation, until
from ..registry import fault
from .databases import flip


@fault("log restored behind the database", leaves="less")
async def restored(site: Installation, rng: random.Random) -> None:
    """The log is restored beside, as assistants would say new facts to a server that comes up empty in its place."""
    backup, beside = site.home / "backup", Cli(site.home / "beside")
    made = await asyncio.to_thread(site.cli.json, "backup", str(backup))
    await site.until_answering()
    await site.halt(with_server=True)
    store = site.data_dir / "nats" / "store"
    shutil.rmtree(store)
    await asyncio.to_thread(beside.json, "restore", str(backup))
    shutil.move(beside.data_dir / "nats" / "store", store)
    await site.start_again()
    told = f"is the same only up to {made['last_seq']}, as after an older backup was restored"
    await until(lambda: told in site.words_since_start, f"nobody says {told!r}")
    site.database.unlink()
    await site.until_answering()


@fault("block of the log damaged", leaves="broken")
async def damaged(site: Installation, rng: random.Random) -> None:
    """The server cuts its file at the damage: acknowledged facts are gone, and new ones take their place."""
    folded = (await site.asked("status"))["checkpoint"]
    before = await _subjects(site, folded)
    flip(max((site.data_dir / "nats" / "store").rglob("*.blk"), key=lambda path: path.stat().st_size), rng)
    site.kill("nats")
    await until(lambda: "it runs again" in site.words(), "nobody starts the server again")
    verified = await asyncio.to_thread(site.cli.json, "verify", code=None)
    after = await _subjects(site, folded)
    gone = {seq for seq in before if after.get(seq) != before[seq]}
    named = {seq for problem in verified["problems"] for seq in range(problem["seq"], problem["last"] + 1)}
    assert gone, "nothing was damaged"
    assert verified["status"] == "broken"
    assert named >= gone, f"verify does not name {sorted(gone - named)}"
    await site.halt()
    site.database.unlink()
    site.start_up()


async def _subjects(site: Installation, until_seq: int) -> dict[int, str]:
    """The subjects on the log up to a sequence."""
    read = site.log.read(0, min(until_seq, await site.log.last_sequence()))
    return {message.seq: message.subject async for messages in read for message in messages if not message.is_missing}
