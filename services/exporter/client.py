"""How everybody else talks to the exporter that runs: requests over NATS, answered at once."""

from __future__ import annotations

import asyncio
from typing import Any

from events import requests
from events.errors import NotRunning, RooflogError, Unreachable
from events.log.log import Log

from ..state.protocol import EXPORTER, Progress

ANSWER_SECONDS = 10.0
POLL_SECONDS = 0.2
SILENT_SECONDS = 60.0
"""An exporter that was ended is started again by then, but has forgotten the command."""


async def ask(log: Log, name: str, **args: Any) -> Any:
    """Ask the exporter; None where none runs. Raises RooflogError with what it says is wrong, Unreachable."""
    try:
        return await requests.ask(log, f"{EXPORTER}.{name}", args, who="exporter", timeout=ANSWER_SECONDS)
    except NotRunning:
        return None


async def done(log: Log, job: str, progress: Progress | None = None) -> dict[str, Any]:
    """Wait until a job that was handed to the exporter is done; its result.

    Raises RooflogError with why it failed, or where the exporter ended meanwhile and has forgotten it.
    """
    silent = 0.0
    while True:
        try:
            state = await ask(log, "job", job=job)
        except Unreachable:
            state = None
        if state is None:
            silent += POLL_SECONDS
            if silent > SILENT_SECONDS:
                raise Unreachable("the exporter ended while it was at work; see `rooflog status`, then say it again")
        elif state["result"] is not None:
            result: dict[str, Any] = state["result"]
            if result.get("status") == "error":
                raise RooflogError(result["error"])
            return result
        else:
            silent = 0.0
            if progress and state["total"]:
                progress(state["done"], state["total"])
        await asyncio.sleep(POLL_SECONDS)
