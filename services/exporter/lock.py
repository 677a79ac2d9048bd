"""The lock of a data directory: one exporter at a time works in it."""

from __future__ import annotations

import asyncio
import fcntl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from events.errors import RooflogError

LOCK_SECONDS = 60.0
"""How long a command waits for an exporter that works."""

LOOK_SECONDS = 0.05


class Busy(RooflogError):
    """Another exporter works in the data directory."""


@asynccontextmanager
async def alone(data_dir: Path, seconds: float = LOCK_SECONDS) -> AsyncIterator[None]:
    """Be the only exporter of a data directory. Raises Busy where another one stays for `seconds`."""
    data_dir.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + seconds
    with (data_dir / "exporter.lock").open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise Busy(
                        f"another exporter works in {data_dir} and is not done; see `rooflog status`, or end it"
                    ) from None
                await asyncio.sleep(LOOK_SECONDS)
        yield
