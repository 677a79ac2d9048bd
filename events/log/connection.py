"""The connection to a server: who waits for an answer learns at once that the connection broke."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Coroutine
from typing import Any, TypeVar

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext

from ..errors import Forbidden, Unreachable
from .access import Access

ACK_SECONDS = 10.0
"""How long a synced batch may take to be acknowledged before its fate is looked up; a killed server never answers."""

T = TypeVar("T")

_FORBIDDEN = re.compile(r'permissions violation for publish to "([^"]*)"', re.IGNORECASE)


class Connection:
    """A connection to a server, once it is open."""

    def __init__(self, access: Access, *, may_read: bool = True) -> None:
        self.client = Client()
        self.access = access
        self.api = access.api
        """The prefix of the subjects on which JetStream is asked."""
        self.may_read = may_read
        """Whether the log may be looked at; whoever may only say facts settles a lost answer by saying them again."""
        self.problem: str | None = None
        """What nats-py last reported on the side: a lost connection, a permission that is missing."""
        self._last_error: Exception | None = None
        self._unanswered: dict[asyncio.Future[Any], str] = {}
        self._forbidden: set[asyncio.Future[Any]] = set()

    async def open(self, name: str, timeout: float) -> None:
        """Connect under a name. Raises Unreachable, and InputError where a file of the access cannot be used."""
        options = self.access.options()
        servers = self.access.shown
        try:
            async with asyncio.timeout(timeout):
                await self.client.connect(
                    **options,
                    name=name,
                    allow_reconnect=True,
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=0.2,  # type: ignore[arg-type]
                    error_cb=self._report,
                    disconnected_cb=self._disconnected,
                )
        except TimeoutError as error:
            if isinstance(self._last_error, NatsError) or type(self._last_error).__module__ == "ssl":
                raise Unreachable(f"the NATS server at {servers} refused: {self.problem}") from error
            raise Unreachable(
                f"no NATS server answers at {servers}; start one with `rooflog up`, "
                "or set ROOFLOG_NATS_URL to the address that it prints"
            ) from error
        except (NatsError, OSError, ValueError) as error:
            raise Unreachable(f"the NATS server at {servers} refused: {name_of(error)}") from error

    async def close(self) -> None:
        """End the connection; nothing is pending, as every call waits for its acknowledgement."""
        await self.client.close()

    def jetstream(self, timeout: float = 5.0) -> JetStreamContext:
        """JetStream as nats-py offers it."""
        return self.client.jetstream(prefix=self.api, timeout=timeout)

    async def request(self, subject: str, data: bytes, *, timeout: float, headers: dict[str, str] | None = None) -> Msg:
        """The answer to a request. Raises Forbidden, TimeoutError also where the connection breaks, and NatsError."""
        return await self.unless_lost(self.client.request(subject, data, timeout=timeout, headers=headers), subject)

    async def unless_lost(self, answer: Coroutine[Any, Any, T], subject: str) -> T:
        """An answer, or TimeoutError at once when the connection breaks: the server that knew the question is gone.

        Raises Forbidden as soon as the server says that this user may not publish on the subject.
        """
        waiting = asyncio.ensure_future(answer)
        self._unanswered[waiting] = subject
        try:
            await asyncio.wait({waiting})
            if waiting.cancelled():
                if waiting in self._forbidden:
                    raise Forbidden(self.access.shown, subject)
                raise TimeoutError("the connection broke before the answer")
            return waiting.result()
        finally:
            self._unanswered.pop(waiting, None)
            self._forbidden.discard(waiting)
            waiting.cancel()

    async def _disconnected(self) -> None:
        for waiting in self._unanswered:
            waiting.cancel()

    async def _report(self, error: Exception) -> None:
        """Connection errors reach callers as exceptions of the calls they make; nats-py would print them as well."""
        self._last_error, self.problem = error, name_of(error)
        if subject := _FORBIDDEN.search(self.problem):
            for waiting, asked in self._unanswered.items():
                if asked.lower() == subject[1].lower():  # nats-py repeats the server's words in small letters
                    self._forbidden.add(waiting)
                    waiting.cancel()


def name_of(error: BaseException) -> str:
    """What an error says, or its type where it says nothing."""
    return str(error) or type(error).__name__
