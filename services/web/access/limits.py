"""Limits: how large a body may be, of what kind, and how many requests one caller makes in a second."""

from __future__ import annotations

from typing import Any

from litestar import Request
from litestar.middleware import DefineMiddleware
from litestar.middleware.rate_limit import RateLimitConfig

from ..errors import Refusal

BODY_BYTES = 8 * 2**20
"""A body at most: as much as the log takes in one message."""

JSON = "application/json"


def rate(per_second: int) -> DefineMiddleware:
    """So many requests a second of each token, or of each address where no token is given."""
    return RateLimitConfig(rate_limit=("second", per_second), identifier_for_request=_caller).middleware


async def json_only(request: Request[Any, Any, Any]) -> None:
    """Raise Refusal 415 where a body is not declared as JSON, which a form of another site cannot do; 400 for none."""
    if request.method not in ("POST", "PUT", "PATCH"):
        return
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != JSON:
        raise Refusal(415, f"send {JSON}, not {kind or 'a body of no declared kind'}")
    if not await request.body():
        raise Refusal(400, "the body is empty; send a JSON object")


def _caller(request: Request[Any, Any, Any]) -> str:
    principal = request.scope.get("user")
    if principal is not None and principal.token_digest is not None:
        return f"token {principal.token_digest}"
    return f"address {request.client.host if request.client else 'unknown'}"
