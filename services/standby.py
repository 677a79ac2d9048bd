"""Standing by: a service that waits for its log lives, is not ready, and says what it waits for."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

from nats.errors import Error as NatsError
from prometheus_client.metrics_core import Metric

from events.errors import NoStream, Unreachable
from events.log.log import Log

from .settings import Settings

TRY_SECONDS = 5.0
"""How long one try to reach the log may take, so that what is said of it is of now."""

PAUSE_SECONDS = 0.5

REMIND_SECONDS = 60.0
"""Between two lines in the service's log that it still waits."""


class Monitored(Protocol):
    """A service that tells monitors why it is not ready, and its figures of this moment."""

    async def why_not(self) -> list[str]:
        """Why it is not ready; empty where it is."""

    async def measure(self) -> list[Metric]:
        """Its figures that need the log."""

    async def measure_itself(self) -> list[Metric]:
        """Its figures that need no log."""


Run = Callable[["Settings", Log, "Standby"], Awaitable[int]]
"""A service from its log to its end; its exit code."""


class Standby:
    """What monitors are told of a service, before it has its log and after."""

    def __init__(self, who: str) -> None:
        self._who = who
        self._logger = logging.getLogger(f"rooflog.{who}")
        self._since: float | None = None
        self._reminded = 0.0
        self.service: Monitored | None = None
        """The service, once it has its log."""
        self._waits_for = "the log"

    @property
    def waiting(self) -> str | None:
        """What the service waits for, in words; None while it waits for nothing."""
        return None if self._since is None else f"waiting for {self._waits_for}"

    async def why_not(self) -> list[str]:
        """Why the service is not ready."""
        return [self.waiting or "it begins"] if self.service is None else await self.service.why_not()

    async def measure(self) -> list[Metric]:
        """The figures of the service. Raises Unreachable while it waits."""
        if self.service is None:
            raise Unreachable(self.waiting or "it begins")
        return await self.service.measure()

    async def measure_itself(self) -> list[Metric]:
        """The figures of the service that need no log; none while it waits."""
        return [] if self.service is None else await self.service.measure_itself()

    async def served(self, log: Log, settings: Settings, run: Run) -> int:
        """Run a service that needs its log, until it ends; the exit code.

        Where the log is lost before the service has begun its work it waits for the log again.
        """
        while True:
            await self.begin(log, settings.replicas)
            try:
                return await run(settings, log, self)
            except (Unreachable, NatsError, TimeoutError) as error:
                self.service = None
                self.wait(f"the log: {error or type(error).__name__}")
            finally:
                await log.close()
            await asyncio.sleep(PAUSE_SECONDS)

    async def begin(self, log: Log, replicas: int) -> None:
        """Reach a log, however long that takes. Raises OldServer, WrongStream and InputError: waiting mends none."""
        while True:
            try:
                await log.begin(f"rooflog-{self._who}", replicas=replicas, timeout=TRY_SECONDS)
                break
            except (Unreachable, NoStream) as error:
                self.wait(f"the log: {error}")
            await asyncio.sleep(PAUSE_SECONDS)
        if self._since is not None:
            self._logger.info("the log is there after %.0f seconds", time.monotonic() - self._since)
            self._since = None

    def wait(self, what: str) -> None:
        """Say what the service waits for: at once, and again now and then."""
        now = time.monotonic()
        self._waits_for = what
        if self._since is None:
            self._since = now
        elif now - self._reminded < REMIND_SECONDS:
            return
        self._reminded = now
        self._logger.warning("waiting for %s", what)
