"""Routes of tokens: operators let people and programs in, and shut them out."""

from __future__ import annotations

import hmac
import logging
from typing import Annotated

from litestar import Router, delete, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter
from msgspec import Meta, Struct

from ..access.auth import Principal, may
from ..access.limits import SMALL_BYTES
from ..access.tokens import Role, Token, Tokens, digest
from ..errors import Refusal
from .facts import Call

logger = logging.getLogger("rooflog.web")


class Person(Struct, frozen=True):
    """A token without its secret; `is_own` marks that of the caller."""

    name: str
    role: Role
    trusted: bool
    created_at: str
    is_own: bool


class People(Struct, frozen=True):
    """Every token in the order in which they were made."""

    items: list[Person]


class NewToken(Struct, frozen=True, forbid_unknown_fields=True):
    """Who gets a token, and the caller's own one once more: a browser that was left signed in lets nobody in.

    A trusted token may claim sources that approve: the command line alone makes it.
    """

    name: Annotated[str, Meta(min_length=1, max_length=64)]
    role: Role
    own_token: Annotated[str, Meta(max_length=200)]


class Made(Struct, frozen=True):
    """The secret, this once: it is kept nowhere."""

    name: str
    role: Role
    token: str


class Removed(Struct, frozen=True):
    """The token and the sessions of its browsers are refused from now on."""

    name: str


@get("/tokens", summary="Who may come in")
async def people(request: Call, tokens: NamedDependency[Tokens]) -> People:
    """Names, roles and since when; never a secret."""
    return People([_person(token, request.user) for token in tokens.all()])


@post("/tokens", status_code=201, summary="Let somebody in", request_max_body_size=SMALL_BYTES)
async def add(request: Call, tokens: NamedDependency[Tokens], data: JSONBody[NewToken]) -> Made:
    """Answers the secret once. While nobody has a token the command line makes the first."""
    if tokens.is_open:
        message = "the first token closes the gateway to everybody without one: make it with `rooflog token add`"
        raise Refusal(409, message, code="no_tokens")
    if not hmac.compare_digest(digest(data.own_token.strip()), request.user.token_digest or ""):
        raise Refusal(403, "this is not the token that you came in with", code="not_confirmed")
    secret = tokens.add(data.name, data.role)
    logger.warning("%s made a token for %s as %s", request.user.name, data.name, data.role)
    return Made(data.name, data.role, secret)


@delete("/tokens/{name:str}", status_code=200, summary="Shut somebody out")
async def remove(
    request: Call,
    tokens: NamedDependency[Tokens],
    name: Annotated[str, PathParameter(pattern="^[A-Za-z0-9._@-]{1,64}$")],
) -> Removed:
    """Nobody removes the token that they use themselves: so an operator is always left."""
    if name == request.user.name:
        raise Refusal(
            409, "this is your own token; another operator or `rooflog token remove` takes it", code="own_token"
        )
    if all(token.name != name for token in tokens.all()):
        raise Refusal(404, f"no token is called {name!r}", code="unknown_token")
    tokens.remove(name)
    logger.warning("%s removed the token of %s", request.user.name, name)
    return Removed(name)


def _person(token: Token, caller: Principal) -> Person:
    is_own = token.sha256 == caller.token_digest
    return Person(token.name, token.role, token.trusted, token.created_at.isoformat(timespec="seconds"), is_own)


ROUTES = Router("", route_handlers=[people, add, remove], guards=[may("operate")], tags=["tokens"])
