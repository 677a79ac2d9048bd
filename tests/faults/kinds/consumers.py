"""Readers of the log that cannot keep up."""

from __future__ import annotations

import asyncio
import random
import signal

from tests.services.conftest import capture

from ..installation import Installation
from ..registry import fault

BURST = 3_000
LONG = "Extend the base flashing above the membrane. " * 50
"""Some 2 kB: more waits than the server delivers ahead."""


@fault("slow consumer")
async def slow(site: Installation, rng: random.Random) -> None:
    """The projector stands still while much arrives."""
    site.kill("projector", signal.SIGSTOP)
    for n in range(0, BURST, 500):
        await site.log.publish([capture(f"Question {n + k}?", LONG) for k in range(500)])
    await asyncio.sleep(rng.uniform(1, 12))
    site.kill("projector", signal.SIGCONT)
