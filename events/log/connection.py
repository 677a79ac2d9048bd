"""The connection to a server: who waits for an answer learns at once that the connection broke."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import msgspec
from nats.aio.client import Client
from nats.errors import Error as NatsError

from ..errors import Unreachable

ACK_SECONDS = 10.0
"""How long a synced batch may take to be acknowledged before its fate is looked up; a killed server never answers."""

T = TypeVar("T")


class Access(msgspec.Struct, frozen=True):
    """How a server is reached: what a process needs to have a connection of its own."""

    url: str
    user: str | None = None
    password: str | None = None


class Connection:
    """A connection to a server, once it is open."""

    def __init__(self, access: Access) -> None:
        self.client = Client()
        self.access = access
        self.problem: str | None = None
        """What nats-py last reported on the side: a lost connection, a permission that is missing."""
        self._last_error: Exception | None = None
        self._unanswered: set[asyncio.Future[Any]] = set()

    async def open(self, name: str, timeout: float) -> None:
        """Connect under a name. Raises Unreachable."""
        url = self.access.url
        try:
            async with asyncio.timeout(timeout):
                await self.client.connect(
                    url,
                    name=name,
                    user=self.access.user,
                    password=self.access.password,
                    allow_reconnect=True,
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=0.2,  # type: ignore[arg-type]
                    error_cb=self._report,
                    disconnected_cb=self._disconnected,
                )
        except TimeoutError as error:
            if isinstance(self._last_error, NatsError):
                raise Unreachable(f"the NATS server at {url} refused: {self.problem}") from error
            raise Unreachable(
                f"no NATS server answers at {url}; start one with `rooflog up`, "
                "or set ROOFLOG_NATS_URL to the address that it prints"
            ) from error
        except (NatsError, OSError, ValueError) as error:
            raise Unreachable(f"the NATS server at {url} refused: {name_of(error)}") from error

    async def close(self) -> None:
        """End the connection; nothing is pending, as every call waits for its acknowledgement."""
        await self.client.close()

    async def unless_lost(self, answer: Coroutine[Any, Any, T]) -> T:
        """An answer, or TimeoutError at once when the connection breaks: the server that knew the question is gone."""
        waiting = asyncio.ensure_future(answer)
        self._unanswered.add(waiting)
        try:
            await asyncio.wait({waiting})
            if waiting.cancelled():
                raise TimeoutError("the connection broke before the answer")
            return waiting.result()
        finally:
            self._unanswered.discard(waiting)
            waiting.cancel()

    async def _disconnected(self) -> None:
        for waiting in self._unanswered:
            waiting.cancel()

    async def _report(self, error: Exception) -> None:
        """Connection errors reach callers as exceptions of the calls they make; nats-py would print them as well."""
        self._last_error, self.problem = error, name_of(error)


def name_of(error: BaseException) -> str:
    """What an error says, or its type where it says nothing."""
    return str(error) or type(error).__name__
