"""Who is asking: bearer tokens for programs, session cookies for people, and what each role may do.

A cookie counts only where the browser says that the request comes from our own pages. So another site cannot act
through the browser of a signed-in reviewer.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal
from urllib.parse import urlsplit

from litestar.connection import ASGIConnection
from litestar.datastructures import Headers
from litestar.enums import ScopeType
from litestar.handlers import BaseRouteHandler
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send
from msgspec import Struct

from ..errors import Refusal
from .limits import address_of_caller
from .peers import is_own
from .sessions import Sessions
from .tokens import Role, Token, Tokens

Right = Literal["say", "look", "decide", "operate", "trusted"]

RIGHTS: dict[Role, tuple[Right, ...]] = {
    "publisher": ("say",),
    "reviewer": ("say", "look", "decide"),
    "operator": ("say", "look", "decide", "operate"),
    "auditor": ("look",),
}
"""What each role may do: say facts, look at examples, decide on them, and operate exports and policies.

`trusted` belongs to a token and to no role: what it claims counts, such as a source that approves by itself.
"""

COOKIE = "rooflog_session"
OWN_PAGE = "x-rooflog-page"
"""A header that only our own pages send: another site cannot add it without a preflight that is never granted."""

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

REFUSED_A_MINUTE = 30
"""Wrong tokens of one address in a minute: somebody who mistypes, and no search."""


class Principal(Struct, frozen=True):
    """Who is asking; `name` is the actor of what they say."""

    name: str
    role: Role
    token_digest: str | None = None
    expires_at: float | None = None
    is_trusted: bool = False

    @property
    def rights(self) -> tuple[Right, ...]:
        """What they may do."""
        return (*RIGHTS[self.role], *(("trusted",) if self.is_trusted else ()))


class Door(ASGIMiddleware):
    """Finds out who is asking and puts the principal into the scope, or None where nobody is known."""

    scopes = (ScopeType.HTTP,)

    def __init__(self, tokens: Tokens, sessions: Sessions, owner: str | None) -> None:
        """`owner` is who the user that runs the service is while there are no tokens; nobody else comes in then.

        None where other machines reach the service: then nobody comes in before there is a token.
        """
        self._tokens = tokens
        self._sessions = sessions
        self._owner = owner
        self._refused: dict[str, int] = {}
        self._minute = 0

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Let the request in, or raise Refusal: 401 for a wrong token, 403 for what another site has caused."""
        scope["user"] = self._enter(ASGIConnection(scope), str(scope.get("method")))
        scope["auth"] = None
        await next_app(scope, receive, send)

    def still_in(self, principal: Principal) -> bool:
        """May someone who was let in stay: is the token still there and the session not over?"""
        if principal.token_digest is None:
            return self._tokens.is_open
        if principal.expires_at is not None and principal.expires_at < time.time():
            return False
        return self._tokens.of_digest(principal.token_digest) is not None

    def _enter(self, connection: ASGIConnection, method: str) -> Principal | None:  # type: ignore[type-arg]
        headers = connection.headers
        if self._tokens.is_open:
            if self._owner is None:
                return None
            _check_host(headers)
            if method not in SAFE:
                _check_origin(headers, needs_proof=False)
            if not is_own(connection.scope.get("client"), connection.scope.get("server")):
                return None
            return Principal(self._owner, "operator", is_trusted=True)
        scheme, _, secret = headers.get("authorization", "").partition(" ")
        if scheme:
            token = self._tokens.find(secret.strip()) if scheme.lower() == "bearer" else None
            if token is None:
                raise self.refusal(connection)
            return principal_of(token)
        principal = self._of_cookie(connection.cookies.get(COOKIE))
        if method not in SAFE:
            _check_origin(headers, needs_proof=principal is not None)
        return principal

    def refusal(self, connection: ASGIConnection) -> Refusal:  # type: ignore[type-arg]
        """Why a token is refused: 401, or 429 once its address has had too many of them refused in a minute.

        A token that is known is let in all the same: a colleague's broken script must not lock an office out.
        """
        minute, address = int(time.monotonic() // 60), address_of_caller(connection.scope)
        if minute != self._minute:
            self._minute, self._refused = minute, {}
        self._refused[address] = self._refused.get(address, 0) + 1
        if self._refused[address] > REFUSED_A_MINUTE:
            message = "too many tokens that are not known came from your address; wait a minute"
            return Refusal(429, message, headers={"Retry-After": "60"})
        return unauthorized("the token is not known; it may have been removed")

    def _of_cookie(self, cookie: str | None) -> Principal | None:
        session = self._sessions.find(cookie) if cookie else None
        token = self._tokens.of_digest(session.token) if session else None
        return principal_of(token, session.ends) if session and token else None


def principal_of(token: Token, ends: float | None = None) -> Principal:
    """Who somebody with this token is; `ends` is the end of their session."""
    return Principal(token.name, token.role, token.sha256, ends, token.trusted)


def unauthorized(message: str) -> Refusal:
    """Nobody, or nobody known, is asking."""
    return Refusal(401, message, headers={"WWW-Authenticate": 'Bearer realm="rooflog"'})


def may(right: Right | None) -> Callable[[ASGIConnection, BaseRouteHandler], None]:  # type: ignore[type-arg]
    """A guard: only who has this right comes in; None lets everybody in who is known."""

    def guard(connection: ASGIConnection, _: BaseRouteHandler) -> None:  # type: ignore[type-arg]
        principal: Principal | None = connection.scope.get("user")
        if principal is None:
            raise unauthorized("a token is needed: send `Authorization: Bearer TOKEN`, or sign in")
        if connection.scope.get("method") not in SAFE and "say" not in principal.rights:
            raise Refusal(403, f"{principal.name} is {principal.role}, who looks and changes nothing")
        if right is not None and right not in principal.rights:
            roles = " or ".join(role for role, rights in RIGHTS.items() if right in rights)
            raise Refusal(403, f"{principal.name} is {principal.role}; this needs the role {roles}")

    return guard


def _check_origin(headers: Headers, *, needs_proof: bool) -> None:
    """Refuse a change that another site's page has caused; `needs_proof` where only our own pages may."""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None:
        is_ours = site == "same-origin"
    elif origin is not None:
        is_ours = urlsplit(origin).netloc == headers.get("host")
    else:
        is_ours = not needs_proof or OWN_PAGE in headers
    if not is_ours:
        raise Refusal(403, "this request comes from another site's page", code="cross_origin")


def _check_host(headers: Headers) -> None:
    """Refuse names that another site may have pointed at this machine: without tokens the name is all that tells."""
    try:
        name = urlsplit(f"//{headers.get('host', '')}").hostname
    except ValueError:
        name = None
    if name not in LOOPBACK:
        message = "without tokens only localhost is served; make tokens with `rooflog token add`"
        raise Refusal(403, message, code="wrong_host")
