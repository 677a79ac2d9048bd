"""One play: an installation under load, a fault at a random moment, and what is left when all is over."""

from __future__ import annotations

import asyncio
import random
import shutil
import tempfile
import time
import traceback
from pathlib import Path

from msgspec import Struct

from .installation import Installation, NotRun
from .load import Load
from .registry import Fault
from .soundness import examine

FIRST_SECONDS, LAST_SECONDS = 0.3, 2.5
"""When the fault comes, from the beginning of the load on."""


class Outcome(Struct):
    """What a play has come to; `seconds` from the end of the harm until everything answers, None if never."""

    fault: str
    seed: int
    seconds: float | None = None
    acknowledged: int = 0
    lost: int = 0
    doubled: int = 0
    problems: list[str] = []
    not_run: str | None = None

    @property
    def has_survived(self) -> bool:
        """Did everything that was promised hold?"""
        return not self.problems and self.not_run is None


def play(fault: Fault, seed: int) -> Outcome:
    """Play a fault from its installation to the end of its last process."""
    home = Path(tempfile.mkdtemp(prefix="rooflog-fault-"))
    try:
        with fault.install(home) as site:
            return asyncio.run(_play(fault, site, seed))
    except NotRun as reason:
        return Outcome(fault.name, seed, not_run=str(reason))
    finally:
        shutil.rmtree(home, ignore_errors=True)


async def _play(fault: Fault, site: Installation, seed: int) -> Outcome:
    outcome, rng = Outcome(fault.name, seed), random.Random(f"{fault.name} {seed}")
    load = Load(site)
    try:
        await site.start()
        load.start()
        await asyncio.sleep(rng.uniform(FIRST_SECONDS, LAST_SECONDS))
        await fault.play(site, rng)
        over = time.monotonic()
        await site.until_answering()
        outcome.seconds = round(time.monotonic() - over, 2)
        await load.end()
        outcome.acknowledged = len(load.acknowledged.captures) + len(load.acknowledged.decisions)
        if fault.leaves != "broken":
            result = await examine(site, load.acknowledged, counts=fault.leaves == "everything")
            outcome.lost, outcome.doubled, outcome.problems = result.lost, result.doubled, result.problems
        outcome.problems += await site.stop()
    except NotRun:
        raise
    except Exception as error:  # whatever it is, the other plays go on and this one has failed
        where = traceback.extract_tb(error.__traceback__)[-1]
        outcome.problems.append(f"{type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})")
        outcome.problems.append(site.last_words())
    finally:
        await load.abandon()
        site.destroy()
    return outcome
