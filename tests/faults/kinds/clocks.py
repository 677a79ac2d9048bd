"""Clocks that jump, by libfaketime (Debian's package `libfaketime`).

nats-server is a static program, which libfaketime does not reach: the clock of services and assistants jumps, and that
of the log does not.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..installation import Installation, NotRun
from ..registry import fault


@contextmanager
def with_clock(home: Path) -> Iterator[Installation]:
    """An installation whose wall clock is as far off as a file says."""
    libraries = [*Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), *Path("/usr/lib/faketime").glob("*MT.so.1")]
    if not libraries:
        raise NotRun("libfaketime is not installed; `apt-get install libfaketime`")
    clock = home / "clock"
    clock.write_text("+0\n")
    variables = {
        "LD_PRELOAD": str(libraries[0]),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    yield Installation(home, variables=variables)


async def _jump(site: Installation, rng: random.Random, seconds: int) -> None:
    (site.home / "clock").write_text(f"{seconds:+d}\n")
    await site.until_answering()
    await asyncio.sleep(rng.uniform(0, 3))
    (site.home / "clock").write_text("+0\n")


@fault("clock an hour ahead and back", install=with_clock)
async def ahead(site: Installation, rng: random.Random) -> None:
    await _jump(site, rng, rng.randint(600, 3_600))


@fault("clock a day behind and back", install=with_clock)
async def behind(site: Installation, rng: random.Random) -> None:
    await _jump(site, rng, -rng.randint(3_600, 86_400))
