"""Health: how log and projector are, asked once a second in the background and told with its age."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from nats.errors import Error as NatsError

from events.deadline import within
from events.errors import RooflogError
from events.log.log import Log

from ..standby import Standby
from ..state.client import State
from ..state.lag import LAG_SECONDS, Lag, lag
from .changes import Changes

logger = logging.getLogger("rooflog.web")

LOOK_SECONDS = 1.0
"""From the beginning of one look to that of the next."""

OLDEST_SECONDS = 5.0
"""How long a look may take, and how old what was seen may be: a projector that folds texts of 1 MB answers in 1 s."""


class Health:
    """What was seen of log and projector last, and when."""

    def __init__(self, log: Log, state: State, changes: Changes, standby: Standby) -> None:
        self._log, self._state, self._changes, self._standby = log, state, changes, standby
        self._looks = 0
        self._looking = asyncio.Lock()
        self._seen: dict[str, Any] = self._down("the gateway has not asked yet")
        self._seen_at: float | None = None

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Look once a second while this is open."""
        watching = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching

    def held(self) -> dict[str, Any]:
        """What was seen last, and in `age_seconds` how old it is; `down` where it is too old. It waits for nobody."""
        age = None if self._seen_at is None else time.monotonic() - self._seen_at
        if not self._log.client.is_connected:
            answer = self._down(self._standby.waiting or "the log is away")
        elif age is not None and age > OLDEST_SECONDS:
            answer = self._down(f"the projector has not answered for {age:.0f} seconds")
        else:
            answer = self._seen
        return answer | {"age_seconds": None if age is None else round(age, 3)}

    async def look(self) -> dict[str, Any]:
        """What is held after a look, with the answer of the projector in `state` where it has answered.

        However many ask at a time, there is one look at a time: all who came before it began share its answer.
        """
        wanted = self._looks + 1
        async with self._looking:
            if self._looks < wanted:
                self._looks += 1
                began = time.monotonic()
                with suppress(TimeoutError):  # silence is told by the age of what was seen before
                    self._seen = await self._look()
                    self._seen_at = began
        return self.held()

    async def _watch(self) -> None:
        while True:
            began = time.monotonic()
            try:
                await self.look()
            except Exception:  # a bug; the age of what was seen tells of it, and the next look may do better
                logger.exception("looking after the projector")
            await asyncio.sleep(max(0.0, began + LOOK_SECONDS - time.monotonic()))

    async def _look(self) -> dict[str, Any]:
        """Raises TimeoutError where nobody answers in time."""
        answer = self._down("the log is away")
        if not self._log.client.is_connected:
            return answer
        try:
            status, now = await within(OLDEST_SECONDS, self._asked(answer))
        except (RooflogError, NatsError) as error:
            return answer | {"reason": str(error) or type(error).__name__}
        moved = self._changes.moved_at
        has_trouble = bool(status["quarantined"]) or now.seconds > LAG_SECONDS
        return {
            "status": "attention" if has_trouble else "ok",
            "log": answer["log"],
            "projector": {
                "checkpoint": status["checkpoint"],
                "behind": now.behind,
                "behind_seconds": now.seconds,
                "moved_seconds_ago": round(time.time() - moved, 3) if moved else None,
            },
            "quarantined": status["quarantined"],
            "state": status,
        }

    async def _asked(self, answer: dict[str, Any]) -> tuple[dict[str, Any], Lag]:
        """How the projector is, and how far behind; the end of the log comes into the answer before."""
        answer["log"] |= {"last_seq": await self._log.last_sequence()}
        status = await self._state.ask_after(0, "status", {})
        return status, await lag(self._log, status["checkpoint"])

    def _down(self, reason: str) -> dict[str, Any]:
        connected = self._log.client.is_connected
        return {"status": "down", "log": {"connected": connected}, "projector": None, "reason": reason}
