"""`make soak`: an installation at work for long, with everything that happens in a year of it; memory must stay flat.

Assistants capture at a steady rate and a reviewer decides. Meanwhile policies are adopted, exports made, examples
erased and backups written. The figures come as a table and as JSON; 1 where a limit is exceeded or a promise was
broken.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import msgspec
from msgspec import Struct, field

from tests.services.exporter.test_service import adopted

from .installation import SERVICES, Installation
from .load import CLIENTS, Load
from .soundness import examine

KINDS = ("nats", *SERVICES, "client")

SAMPLE_SECONDS = 5.0

ROUND_SECONDS = 30.0
"""Between two of policy, export, erasure and backup, which take turns."""

SETTLED = 1 / 3
"""The share of a run after which memory is looked at: caches have filled by then."""

BYTES_PER_FACT = {"nats": 4_000, "projector": 6_000}
OTHERS_BYTES_PER_FACT = 500
"""How much each process may grow for a fact of the settled part. The server keeps an index of all subjects, and the
projector the columns of all examples; everybody else keeps nothing."""

NOISE_BYTES = 64 * 2**20
"""By how much memory may be larger without that."""

LAG_SECONDS = 60.0
"""From then on the gateway asks for attention."""


class Sample(Struct):
    """One moment: seconds from the start, facts on the log, bytes by kind of process, and the age of what waits."""

    seconds: float
    facts: int
    memory: dict[str, int]
    behind_seconds: float | None


class Memory(Struct):
    """Of one kind of process, in MB; the slope is that of the settled part."""

    at_first: float
    at_last: float
    most: float
    mb_per_hour: float
    bytes_per_fact: float
    is_flat: bool


class Figures(Struct):
    """What a soak has come to."""

    minutes: float
    rate: int
    facts: int = 0
    facts_per_second: float = 0.0
    decisions: int = 0
    stale: int = 0
    done: dict[str, int] = field(default_factory=dict)
    """How often what takes turns was done."""
    lag_median_seconds: float = 0.0
    lag_max_seconds: float = 0.0
    memory: dict[str, Memory] = field(default_factory=dict)
    lost: int = 0
    doubled: int = 0
    problems: list[str] = field(default_factory=list)
    """What was promised and does not hold."""
    exceeded: list[str] = field(default_factory=list)
    """Limits of memory and lag, which depend on the machine."""


async def soak(site: Installation, minutes: float, rate: int) -> Figures:
    """Let an installation work for so many minutes at so many captures a second, and look at it."""
    figures, samples = Figures(minutes, rate), list[Sample]()
    load = Load(site, rate // CLIENTS)
    try:
        await site.start()
        load.start()
        work = [asyncio.create_task(_take_turns(site, load, figures)), asyncio.create_task(_sample(site, samples))]
        await asyncio.wait(work, timeout=60 * minutes, return_when=asyncio.FIRST_EXCEPTION)
        for task in work:
            task.cancel()
        for ended in await asyncio.gather(*work, return_exceptions=True):
            if isinstance(ended, Exception):
                figures.problems.append(f"{type(ended).__name__}: {ended}")
        await load.end()
        _summarize(samples, figures)
        result = await examine(site, load.acknowledged)
        figures.lost, figures.doubled = result.lost, result.doubled
        figures.decisions, figures.stale = len(load.acknowledged.decisions), load.acknowledged.stale
        figures.problems += [*result.problems, *await site.stop()]
    finally:
        await load.abandon()
        site.destroy()
    return figures


async def _sample(site: Installation, samples: list[Sample]) -> None:
    began = time.monotonic()
    async with site.web("operator") as web:
        while True:
            await asyncio.sleep(SAMPLE_SECONDS)
            behind = None
            try:
                health = (await web.get("/health")).json()
                behind = (health.get("projector") or {}).get("behind_seconds")
            except httpx.HTTPError:
                pass
            memory = {kind: sum(map(_resident, site.pids(kind))) for kind in KINDS}
            samples.append(Sample(time.monotonic() - began, await site.log.last_sequence(), memory, behind))


async def _take_turns(site: Installation, load: Load, figures: Figures) -> None:
    """Adopt a policy, export, erase an example, write a backup, and again. Raises AssertionError where one fails."""
    rng = random.Random(1)
    backup = site.home / "backup"

    async def policy() -> None:
        await site.log.publish([adopted(changed_examples=rng.randrange(100, 10**6))])

    async def export() -> None:
        await _run(site, "export", "--min-examples", "1")

    async def erasure() -> None:
        example_id = load.acknowledged.decisions[max(load.acknowledged.decisions)]
        await _run(site, "erase", example_id, "--reason", "asked for", "--yes")

    async def back_up() -> None:
        shutil.rmtree(backup, ignore_errors=True)
        await _run(site, "backup", str(backup))

    while True:
        for name, turn in (("policy", policy), ("export", export), ("erasure", erasure), ("backup", back_up)):
            await asyncio.sleep(min(ROUND_SECONDS, 60 * figures.minutes / 6))
            await turn()
            figures.done[name] = figures.done.get(name, 0) + 1


async def _run(site: Installation, *command: str) -> Any:
    return await asyncio.to_thread(site.cli.json, *command)


def _resident(pid: int) -> int:
    """Bytes of memory of a process; 0 where it is gone."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * 4096


def _summarize(samples: Sequence[Sample], figures: Figures) -> None:
    settled = samples[int(len(samples) * SETTLED) :]
    if len(settled) < 2:
        figures.problems.append(f"{len(samples)} samples are too few")
        return
    first, last = settled[0], settled[-1]
    figures.facts = last.facts
    figures.facts_per_second = round((last.facts - first.facts) / (last.seconds - first.seconds), 1)
    for kind in KINDS:
        slope = statistics.linear_regression([s.seconds for s in settled], [s.memory[kind] for s in settled]).slope
        growth = slope * (last.seconds - first.seconds)
        facts = max(1, last.facts - first.facts)
        allowed = NOISE_BYTES + BYTES_PER_FACT.get(kind, OTHERS_BYTES_PER_FACT) * facts
        figures.memory[kind] = Memory(
            at_first=_mb(first.memory[kind]),
            at_last=_mb(last.memory[kind]),
            most=_mb(max(s.memory[kind] for s in samples)),
            mb_per_hour=_mb(slope * 3_600),
            bytes_per_fact=round(growth / facts, 1),
            is_flat=growth <= allowed,
        )
        if growth > allowed:
            figures.exceeded.append(f"{kind} has grown by {growth / 2**20:,.0f} MB while {facts:,} facts came")
    lags = [s.behind_seconds for s in samples if s.behind_seconds is not None]
    figures.lag_median_seconds = round(statistics.median(lags), 2) if lags else -1.0
    figures.lag_max_seconds = round(max(lags), 2) if lags else -1.0
    if not lags or figures.lag_max_seconds > LAG_SECONDS:
        figures.exceeded.append(f"a fact has waited {figures.lag_max_seconds:.0f} s to be folded")


def _mb(count: float) -> float:
    return round(count / 2**20, 1)


def table(figures: Figures) -> str:
    """The figures for people."""
    done = ", ".join(f"{count} × {name}" for name, count in figures.done.items())
    rows = [
        f"{figures.minutes:g} minutes, {figures.rate} captures/s wanted: {figures.facts:,} facts, "
        f"{figures.facts_per_second:,.0f}/s; {figures.decisions:,} decisions, {figures.stale} stale; {done}",
        f"lag: median {figures.lag_median_seconds:.1f} s, max {figures.lag_max_seconds:.1f} s; "
        f"lost {figures.lost}, doubled {figures.doubled}",
        f"{'process':10} {'settled':>10} {'at last':>10} {'most':>10} {'MB/hour':>10} {'bytes/fact':>10}",
    ]
    for kind, m in figures.memory.items():
        shown = (f"{m.at_first:.0f} MB", f"{m.at_last:.0f} MB", f"{m.most:.0f} MB", f"{m.mb_per_hour:+.0f}")
        rows.append(f"{kind:10} {' '.join(f'{value:>10}' for value in shown)} {m.bytes_per_fact:>10.0f}")
    return "\n".join([*rows, *(f"PROBLEM: {problem}" for problem in [*figures.problems, *figures.exceeded])])


def main(arguments: Sequence[str]) -> int:
    """Soak an installation that is thrown away."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--rate", type=int, default=500, help="captures a second, of all assistants together")
    parser.add_argument("--json", type=Path, help="write the figures into this file as well")
    options = parser.parse_args(arguments)
    home = Path(tempfile.mkdtemp(prefix="rooflog-soak-"))
    try:
        figures = asyncio.run(soak(Installation(home), options.minutes, options.rate))
    finally:
        shutil.rmtree(home, ignore_errors=True)
    if options.json:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(figures), indent=2))
    sys.stdout.write(f"{table(figures)}\n")
    return 1 if figures.problems or figures.exceeded else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
