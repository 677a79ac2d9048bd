"""Checks of the machine: Python, its packages, and the clock."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from importlib.metadata import packages_distributions
from pathlib import Path

from ..state.lag import received
from .check import Trouble
from .installation import Installation

NEWEST = (3, 14)
"""The newest Python that rooflog and all it depends on are made for; pyproject.toml has the oldest."""

OURS = ("events", "projections", "services")
DISTRIBUTION = "rooflog-server"

AHEAD = timedelta(seconds=60)
"""How far the clock of the log's server may be ahead of this one."""


async def python(_: Installation) -> AsyncIterator[Trouble]:
    """Python is of a version that rooflog is made for."""
    if sys.version_info[:2] > NEWEST:
        newest = ".".join(map(str, NEWEST))
        yield Trouble(
            f"this is Python {sys.version.split()[0]}, and rooflog is made for 3.11 to {newest}",
            f"make its environment with Python {newest}",
        )


async def packages(_: Installation) -> AsyncIterator[Trouble]:
    """Nobody else has put packages of our names where Python looks for ours."""
    owners = packages_distributions()
    for name in OURS:
        for distribution in sorted({*owners.get(name, ())} - {DISTRIBUTION}):
            yield Trouble(
                f"the package {distribution} also installs a module called {name}",
                f"give rooflog an environment of its own, or remove it and install rooflog again: "
                f"pip uninstall {distribution}",
            )
    here = Path.cwd()
    if any(entry in ("", ".") or Path(entry).resolve() == here for entry in sys.path) and here != _home():
        for name in OURS:
            if (here / name / "__init__.py").exists() or (here / f"{name}.py").exists():
                yield Trouble(
                    f"the current folder is on Python's path and has a {name} of its own: {here / name}",
                    "start rooflog from another folder, or take the current folder from PYTHONPATH",
                )


async def clock(seen: Installation) -> AsyncIterator[Trouble]:
    """The log's last fact does not come from the future."""
    if seen.last is not None and (ahead := received(seen.last) - seen.now) > AHEAD:
        yield Trouble(
            f"the log's last fact came {ahead.total_seconds():,.0f} seconds in the future: a clock is wrong, "
            "here or at the NATS server",
            "set both clocks by NTP; facts keep their order, and their times stay as they are",
        )


def _home() -> Path:
    return Path(__file__).resolve().parents[2]
