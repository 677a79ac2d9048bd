"""Limits of requests: how many a caller makes, how many at a time, and how much of their bodies is held in memory.

What a connection may do before it is a request is in `connections`.
"""

from __future__ import annotations

import asyncio
import time
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from litestar import Request
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, HTTPRequestEvent, Receive, Scope, Send

from events.errors import InvalidFact
from events.limits import check_json

from ..errors import Refusal
from .connections import CONNECTIONS, HEALTH, address_of

BODY_BYTES = 8 * 2**20
"""A body at most: as much as the log takes in one message."""

SMALL_BYTES = 16 * 2**10
"""A body at most where a call takes a few numbers."""

SIGN_IN_BYTES = 2**10
"""A body at most of somebody who is not known yet: a token has 50 characters."""

UPLOAD_BYTES = 2**30
"""A file that is uploaded at most; it goes to disk piece by piece, and never into memory as a whole."""

FREE_BYTES = 64 * 2**10
"""So much of every body is not counted below: a small request is served whatever others upload."""

BODIES_BYTES = 48 * 2**20
"""Bodies under way or at work at most, together: each byte takes about five while it is decoded and published."""

BODIES_OF_ONE = BODIES_BYTES // 2
"""Of them, those of one caller."""

CALLS_OF_ONE = 64
"""Requests of one caller at a time, beside its streams."""

STREAMS = 500
"""Streams of events at a time: half of all connections."""

STREAMS_OF_ONE = 20
"""Of them, those of one caller: every tab of a browser has one."""

STREAM = "is_stream"
"""The option of a route whose answers are streams."""

UPLOAD = "is_upload"
"""The option of a route whose body is a file."""

CONTAINERS = 10_000
"""Lists and objects in one body: a batch of 500 has 2,000; 3 bytes of JSON would become 64 of memory."""

DEEPEST = 128
"""Levels of nesting in one body: deeper than any fact may be, and far from where decoders give up."""

SCANNED_BYTES = 64 * 2**10
"""Longer bodies are looked through in a thread, so that nobody waits for it."""

JSON = "application/json"

FILE = "application/octet-stream"
"""How a file is declared that is uploaded; as with JSON, a form of another site cannot."""

WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


class Limits(ASGIMiddleware):
    """Refuses what is too much, before a body is read and before an answer begins."""

    scopes = (ScopeType.HTTP,)

    def __init__(self, per_second: int) -> None:
        """`per_second` are the requests of one token, or of one address where no token is given."""
        self._per_second = per_second
        self._second = 0
        self._made: dict[str, int] = {}
        self._calls = Turns("requests", CONNECTIONS, CALLS_OF_ONE)
        self._streams = Turns("streams", STREAMS, STREAMS_OF_ONE)
        self._bodies = Bodies()

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Let the request through, or raise Refusal 429, or 400 for a body where none belongs."""
        if scope["path"] in HEALTH:
            await next_app(scope, receive, send)
            return
        caller = caller_of(scope)
        self._count(caller)
        method = scope.get("method")
        if method not in WITH_BODY and _announces_body(scope):
            raise Refusal(400, f"{method} takes no body")
        turns = self._streams if scope["route_handler"].opt.get(STREAM) else self._calls
        with turns.taken(caller), self._bodies.of(caller) as body:
            is_upload = scope["route_handler"].opt.get(UPLOAD)
            await next_app(scope, receive if is_upload else body.counted(receive), send)

    def _count(self, caller: str) -> None:
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._made = second, {}
        self._made[caller] = self._made.get(caller, 0) + 1
        if self._made[caller] > self._per_second:
            raise Refusal(429, "too many requests in one second; wait a moment", headers={"Retry-After": "1"})


class Turns:
    """How many of something run at a time, in all and for each caller."""

    def __init__(self, what: str, most: int, of_one: int) -> None:
        self._what, self._most, self._of_one = what, most, of_one
        self._running: Counter[str] = Counter()

    @contextmanager
    def taken(self, caller: str) -> Iterator[None]:
        """One more of a caller, until this ends. Raises Refusal: 429 for one who has enough, 503 where all have."""
        if self._running[caller] >= self._of_one:
            message = f"{self._of_one} {self._what} of yours are open; wait for one of them to end"
            raise Refusal(429, message, headers={"Retry-After": "2"})
        if self._running.total() >= self._most:
            message = f"too many {self._what} are open; come again later"
            raise Refusal(503, message, code="busy", headers={"Retry-After": "5"})
        self._running[caller] += 1
        try:
            yield
        finally:
            self._running[caller] -= 1
            if not self._running[caller]:
                del self._running[caller]


class Bodies:
    """The bytes of all bodies that are under way or at work."""

    def __init__(self) -> None:
        self.held = 0
        self.held_by: dict[str, int] = {}

    @contextmanager
    def of(self, caller: str) -> Iterator[Body]:
        """A body of a caller, whose bytes count until this ends."""
        body = Body(self, caller)
        try:
            yield body
        finally:
            self.add(caller, -body.counted_bytes)

    def add(self, caller: str, more: int) -> None:
        """Count bytes of a caller."""
        self.held += more
        held = self.held_by.get(caller, 0) + more
        if held:
            self.held_by[caller] = held
        else:
            self.held_by.pop(caller, None)

    def has_room(self, caller: str, more: int) -> bool:
        """May so many bytes of this caller come?"""
        return self.held + more <= BODIES_BYTES and self.held_by.get(caller, 0) + more <= BODIES_OF_ONE


class Body:
    """One body that comes in pieces."""

    def __init__(self, bodies: Bodies, caller: str) -> None:
        self._bodies, self._caller = bodies, caller
        self._received = 0
        self._is_whole = False
        self.counted_bytes = 0

    def counted(self, receive: Receive) -> Receive:
        """`receive`, with every piece counted. It raises Refusal: 503 where there is no room, 400 for half a body."""

        async def counting() -> Any:
            message = await receive()
            if message["type"] == "http.request":
                if not self._received:
                    message["body"] = message["body"].removeprefix(BOM_UTF8)  # some editors and shells write one
                self._take(message)
            elif not self._is_whole:
                raise Refusal(400, "the body broke off")
            return message

        return counting

    def _take(self, message: HTTPRequestEvent) -> None:
        size = len(message["body"])
        self._is_whole = not message["more_body"]
        more = max(0, self._received + size - FREE_BYTES) - self.counted_bytes
        if more and not self._bodies.has_room(self._caller, more):
            message_ = "too many large bodies are under way; send this one again in a moment"
            raise Refusal(503, message_, code="busy", headers={"Retry-After": "5"})
        self._received += size
        self.counted_bytes += more
        self._bodies.add(self._caller, more)


async def json_only(request: Request[Any, Any, Any]) -> None:
    """Raise Refusal 415 where a body is not declared as JSON, which a form of another site cannot do; 400 for none.

    JSON that would become many times its size in memory is refused before it is decoded.
    """
    if request.method not in WITH_BODY:
        return
    is_upload = bool(request.route_handler.opt.get(UPLOAD))
    kind, wanted = (
        request.headers.get("content-type", "").partition(";")[0].strip().lower(),
        FILE if is_upload else JSON,
    )
    if kind != wanted:
        raise Refusal(415, f"send {wanted}, not {kind or 'a body of no declared kind'}")
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding != "identity":
        raise Refusal(415, f"send the body as it is, without the encoding {encoding!r}")
    if is_upload:
        return
    body = await request.body()
    if not body:
        raise Refusal(400, "the body is empty; send a JSON object")
    try:
        if len(body) > SCANNED_BYTES:
            await asyncio.to_thread(_require_simple, body)
        else:
            _require_simple(body)
    except InvalidFact as error:
        raise Refusal(400, f"{error.reason}; send it in parts", code="too_complex") from error


def _require_simple(body: bytes) -> None:
    check_json(body, containers=CONTAINERS, deepest=DEEPEST, what="the body")


def caller_of(scope: Scope) -> str:
    """Whom a limit counts for: the token, or the address where there is none."""
    principal = scope.get("user")
    if principal is not None and principal.token_digest is not None:
        return f"token {principal.token_digest}"
    return address_of_caller(scope)


def address_of_caller(scope: Scope) -> str:
    """The address that a request comes from; that which a proxy tells, where the proxy is one of ours."""
    client = scope.get("client")
    return f"address {address_of(client[0]) if client else 'unknown'}"


def _announces_body(scope: Scope) -> bool:
    headers = dict(scope["headers"])
    return b"transfer-encoding" in headers or headers.get(b"content-length", b"0").strip() not in (b"", b"0")
