"""Errors: one shape for all of them, `{"error": {"code", "message", "details"}}`."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from litestar import MediaType, Request, Response
from litestar.exceptions import HTTPException, ValidationException
from msgspec import Struct
from nats.errors import Error as NatsError

from events.errors import InputError, InvalidFact, RooflogError, StaleRevision, TooLarge, UnknownExample, Unreachable

from ..curation.decisions import Unchanged
from ..curation.redactions import WrongSpan
from . import pages
from .access.tokens import TokensError

logger = logging.getLogger("rooflog.web")

RETRY_SECONDS = 2
"""When a caller should come again while the log or the projector is away."""

CODES = {
    400: "malformed",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "too_slow",
    409: "conflict",
    413: "too_large",
    415: "unsupported_media_type",
    422: "invalid",
    429: "too_many_requests",
    500: "internal",
    503: "unavailable",
}
"""The code of a status where nothing more is known."""


class Error(Struct, frozen=True):
    """What went wrong: a code for programs, a sentence for people, and whatever else helps."""

    code: str
    message: str
    details: dict[str, Any] = {}


class Problem(Struct, frozen=True):
    """The body of every answer whose status is 400 or above."""

    error: Error


class Refusal(Exception):
    """A request is refused; status, code, message and details are what the caller gets."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        details: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code or CODES[status]
        self.details = dict(details or {})
        self.headers = dict(headers or {})

    def response(self) -> Response[Problem]:
        """The refusal as an answer."""
        return Response(
            Problem(Error(self.code, str(self), self.details)),
            status_code=self.status,
            media_type=MediaType.JSON,
            headers=self.headers,
        )


def unavailable(what: str, message: str) -> Refusal:
    """Something that the gateway needs is away for the moment."""
    return Refusal(503, message, code=f"{what}_unavailable", headers={"Retry-After": str(RETRY_SECONDS)})


def _refused(_: Request[Any, Any, Any], error: Refusal) -> Response[Problem]:
    return error.response()


def _domain(_: Request[Any, Any, Any], error: RooflogError) -> Response[Problem]:
    return refusal_of(error).response()


def refusal_of(error: Exception) -> Refusal:
    """How an error of the log or the state is told."""
    match error:
        case InvalidFact():
            refusal = Refusal(422, error.reason, code="invalid_fact", details={"category": error.category})
        case Unchanged():
            refusal = Refusal(422, str(error), code="unchanged")
        case WrongSpan():
            refusal = Refusal(422, str(error), code="wrong_span")
        case TooLarge():
            refusal = Refusal(413, str(error))
        case UnknownExample():
            message = f"no example {error.example_id!r}; check the id, or capture it first"
            refusal = Refusal(404, message, code="unknown_example", details={"example_id": error.example_id})
        case StaleRevision():
            details = {"example_id": error.example_id, "seen": error.seen}
            refusal = Refusal(409, str(error), code="stale_revision", details=details)
        case InputError():
            refusal = Refusal(422, str(error))
        case Unreachable():
            refusal = unavailable("log", str(error))
        case _:
            logger.error("%s", error)
            refusal = Refusal(500, str(error))
    return refusal


def _http(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    """What Litestar refuses: unknown paths and methods, bodies and parameters of the wrong kind or size."""
    status, message, details = error.status_code, str(error.detail), {}
    if isinstance(error, ValidationException):
        status = 422
        if error.extra:
            details = {"problems": error.extra}
    elif status == 404 and _is_of_a_person(request):
        return pages.unknown()
    elif status == 404:
        message = f"there is nothing at {request.url.path}; the API is described at /api"
    elif status == 405:
        message = f"{request.method} is not possible at {request.url.path}"
    elif status >= 500:
        return _unexpected(request, error)
    code = CODES.get(status, "refused")
    return Refusal(status, message, code=code, details=details, headers=error.headers).response()


def _is_of_a_person(request: Request[Any, Any, Any]) -> bool:
    """Does a browser ask for a page?"""
    is_page = request.method == "GET" and not request.url.path.startswith(("/api", "/static", "/v1"))
    return is_page and "text/html" in request.headers.get("accept", "")


def _too_deep(_: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    return Refusal(400, f"the body is no JSON that can be read: {error}").response()


def _tokens(_: Request[Any, Any, Any], error: TokensError) -> Response[Problem]:
    logger.error("%s", error)
    return unavailable(
        "tokens", "the tokens file cannot be used, so nobody is let in; see the service's log"
    ).response()


def _away(_: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    return unavailable("log", f"the log does not answer: {error or type(error).__name__}").response()


def _unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    number = secrets.token_hex(4)
    logger.error("%s %s failed (%s)", request.method, request.url.path, number, exc_info=error)
    message = f"the gateway failed; the cause is in its log under {number}"
    return Refusal(500, message, details={"log": number}).response()


HANDLERS: dict[Any, Callable[[Request[Any, Any, Any], Any], Response[Problem]]] = {
    Refusal: _refused,
    RooflogError: _domain,
    HTTPException: _http,
    TokensError: _tokens,
    NatsError: _away,
    TimeoutError: _away,
    RecursionError: _too_deep,
    UnicodeDecodeError: _too_deep,
    msgspec.DecodeError: _too_deep,
    Exception: _unexpected,
}
"""Exception -> answer, for every route."""
