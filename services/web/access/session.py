"""Routes of a browser's session: sign in with a token, who am I, sign out."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, Router, delete, get, post
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Struct

from ..bodies import SignIn
from ..errors import Refusal
from ..routes.facts import Call
from .auth import COOKIE, Door, Principal, Right, may, principal_of
from .limits import SIGN_IN_BYTES
from .sessions import SESSION_SECONDS, Sessions
from .tokens import Role, Tokens


class Me(Struct, frozen=True):
    """Who is asking; `expires_at` is the end of a session in seconds since 1970, `is_open` means no token is needed."""

    name: str
    role: Role
    rights: tuple[Right, ...]
    is_open: bool
    expires_at: float | None = None


class SignedOut(Struct, frozen=True):
    """Nobody is signed in any more; `ended` says whether somebody was."""

    ended: bool


@get("/session", summary="Who am I?", guards=[may(None)])
async def whoami(request: Call, tokens: NamedDependency[Tokens]) -> Me:
    """Name, role and rights of the token or session."""
    return _me(request.user, tokens)


@post("/session", status_code=200, summary="Sign in a browser", request_max_body_size=SIGN_IN_BYTES)
async def sign_in(
    request: Request[Principal | None, Any, Any],
    data: JSONBody[SignIn],
    tokens: NamedDependency[Tokens],
    sessions: NamedDependency[Sessions],
    door: NamedDependency[Door],
) -> Response[Me]:
    """A token becomes a session cookie that scripts cannot read and other sites cannot use."""
    token = tokens.find(data.token.strip())
    if token is None and tokens.is_open:
        raise Refusal(
            401, "no token was made yet; make one with `rooflog token add NAME --role reviewer`", code="no_tokens"
        )
    if token is None:
        raise door.refusal(request)
    value, ends = sessions.start(token)
    cookie = Cookie(
        COOKIE,
        value=value,
        max_age=SESSION_SECONDS,
        path="/",
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return Response(_me(principal_of(token, ends), tokens), cookies=[cookie])


@delete("/session", status_code=200, summary="Sign out a browser")
async def sign_out(
    request: Request[Principal | None, Any, Any], sessions: NamedDependency[Sessions]
) -> Response[SignedOut]:
    """The session ends here, whatever becomes of the cookie."""
    value = request.cookies.get(COOKIE)
    has_ended = sessions.end(value) if value else False
    response = Response(SignedOut(has_ended))
    response.delete_cookie(COOKIE, path="/")
    return response


def _me(principal: Principal, tokens: Tokens) -> Me:
    return Me(principal.name, principal.role, principal.rights, tokens.is_open, principal.expires_at)


ROUTES = Router("", route_handlers=[whoami, sign_in, sign_out], tags=["session"])
