"""Disks without a byte left, each of the four that an installation writes to."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from services.exporter.client import ask as ask_exporter
from tests.events.client.caller import dropped
from tests.services.exporter.test_training import check_root

from ..disks import fill, free, small_disk
from ..installation import Installation, until
from ..registry import Install, fault

NO_SPACE = "No space left on device"


def on_small_disk(megabytes: int, *places: str, **settings: Any) -> Install:
    """An installation that has a file system of its own at each of these places below its home."""

    @contextmanager
    def install(home: Path) -> Iterator[Installation]:
        with ExitStack() as stack:
            for place in places:
                stack.enter_context(small_disk(home / place, megabytes))
            yield Installation(home, **settings)

    return install


async def _full(place: Path, rng: random.Random, has_told: Callable[[], bool]) -> None:
    """Fill a disk until somebody has told of it, and a while longer."""
    fill(place)
    await until(has_told, f"nobody tells that {place} is full")
    await asyncio.sleep(rng.uniform(0, 5))
    free(place)


@fault("disk of the log full", install=on_small_disk(64, "data/nats"))
async def log(site: Installation, rng: random.Random) -> None:
    folder = site.data_dir / "nats"
    await _full(folder, rng, lambda: f"write {folder}" in site.words() and NO_SPACE.lower() in site.words())


@fault("disk of the database full", install=on_small_disk(64, "data", "data/nats"), is_short=True)
async def database(site: Installation, rng: random.Random) -> None:
    words = len(site.words())
    await _full(site.data_dir, rng, lambda: NO_SPACE in site.words()[words:])
    told = next(line for line in site.words()[words:].splitlines() if NO_SPACE in line)
    assert "rooflog.projector ERROR sequence" in told, told
    assert f'"{site.data_dir}/' in told
    assert "give that disk more space" in told
    assert "Traceback" not in site.words()


@fault("disk of the outbox full", install=on_small_disk(8, "outbox", may_drop=True, outbox_bytes=128 * 2**10))
async def outbox(site: Installation, rng: random.Random) -> None:
    def has_told() -> bool:
        return any(dropped(ids) for ids in site.home.glob("ids?"))

    await _full(site.outbox, rng, has_told)
    told = "".join(errors.read_text() for errors in site.home.glob("ids*.err"))
    assert "captures are being LOST" in told
    assert f"the outbox {site.outbox} cannot grow: [Errno 28] {NO_SPACE}" in told


@fault("disk of the volume full", install=on_small_disk(64, "data/volume"))
async def volume(site: Installation, rng: random.Random) -> None:
    """The export before stays whole."""
    volume = site.data_dir / "volume"
    fill(volume)
    async with asyncio.timeout(120):
        while NO_SPACE not in str(((await ask_exporter(site.log, "status")) or {}).get("error")):
            await asyncio.sleep(0.1)
    check_root(volume)
    await asyncio.sleep(rng.uniform(0, 5))
    free(volume)
