"""The application: every route, who may use it, and the headers that every answer carries."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

from litestar import Litestar, MediaType, Response, Router, get
from litestar.datastructures import MutableScopeHeaders, ResponseHeader
from litestar.di import NamedDependency, Provide
from litestar.openapi.datastructures import ResponseSpec
from litestar.routes import HTTPRoute
from litestar.static_files import create_static_files_router
from litestar.types import Message, Scope

from ..monitor import LIVE, READY, readiness
from . import metrics, openapi, pages, reference, routes, spans, traces
from .access import limits, session
from .access.auth import LOOPBACK, Door
from .access.limits import Limits
from .access.sessions import Sessions
from .access.tokens import Tokens
from .errors import HANDLERS, Problem
from .gateway import Gate, Gateway

API = "/api/v1"
STATIC = Path(__file__).parent / "static"

HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}
"""On every answer: nothing from elsewhere, no inline script or style, no framing, no text made into markup."""

_REFUSALS = {
    400: "The body is no JSON.",
    401: "No token, or one that is not known.",
    403: "The role may not do this, or another site's page has caused the request.",
    404: "No such example or job.",
    409: "The example has changed since the revision; `details.since` tells how.",
    413: "The body or the fact is too large.",
    415: "The body is not declared as JSON.",
    422: "A field or parameter is missing or wrong, or an idempotency key was used before with another body.",
    408: "The headers or the body did not come in time.",
    429: "Too many requests in one second or at one time; see Retry-After.",
    500: "The gateway or the projector failed.",
    503: "The log or the projector is away, or too much is at work; see Retry-After.",
}


def create(gateway: Gateway, tokens: Tokens, asyncapi: Callable[[], dict[str, Any]]) -> Litestar:
    """The application on one gateway; it follows the projector for as long as it runs.

    `asyncapi` makes the document of what the services say on NATS.
    """
    sessions = Sessions(gateway.settings.sessions_file)
    settings = gateway.settings
    door = Door(tokens, sessions, settings.who if settings.web_host in LOOPBACK else None)

    @asynccontextmanager
    async def running(_: Litestar) -> AsyncIterator[None]:
        async with gateway.following():
            yield

    api = Router(
        API,
        route_handlers=[session.ROUTES, *routes.every()],
        before_request=limits.json_only,
        response_headers=[ResponseHeader(name="Cache-Control", value="no-store", documentation_only=False)],
        security=[{"token": []}, {"session": []}],
    )
    for route in api.routes:  # Litestar has no place for what every route may answer
        for handler in route.route_handlers if isinstance(route, HTTPRoute) else ():
            handler.responses = {
                status: ResponseSpec(Problem, description=text, generate_examples=False)
                for status, text in _REFUSALS.items()
            }
    return Litestar(
        route_handlers=[
            api,
            traces.ROUTES,
            pages.page,
            health,
            live,
            ready,
            metrics.metrics,
            asyncapi_json,
            asyncapi_html,
            create_static_files_router("/static", [STATIC], name="static", include_in_schema=False),
        ],
        middleware=[metrics.counting(), spans.continued, door, Limits(gateway.settings.web_rate)],
        dependencies={
            "gateway": Provide(_always(gateway), sync_to_thread=False),
            "tokens": Provide(_always(tokens), sync_to_thread=False),
            "sessions": Provide(_always(sessions), sync_to_thread=False),
            "door": Provide(_always(door), sync_to_thread=False),
            "asyncapi": Provide(cache(asyncapi), sync_to_thread=True),
        },
        exception_handlers={kind: traces.spoken(handler) for kind, handler in HANDLERS.items()},
        before_send=[_secure],
        lifespan=[running],
        request_max_body_size=limits.BODY_BYTES,
        openapi_config=openapi.configuration(),
        logging_config=None,
    )


@get(
    "/health",
    summary="Is it well?",
    tags=["state"],
    responses={
        503: ResponseSpec(
            dict[str, Any], generate_examples=False, description="The log or the projector is away, or silent."
        )
    },
)
async def health(gateway: Gate) -> Response[dict[str, Any]]:
    """For load balancers and monitors; it needs no token, shows no text and waits for nobody.

    What was seen last, and in `age_seconds` how old it is; `down` with 503 where it is too old.
    """
    seen = gateway.health.held()
    shown = {name: value for name, value in seen.items() if name != "state"}
    return Response(shown, status_code=503 if seen["status"] == "down" else 200)


@get(LIVE, summary="Does it run?", tags=["state"])
async def live() -> dict[str, str]:
    """For whoever starts it anew where it hangs: it answers at once, and asks nobody."""
    return {"status": "live", "service": "web"}


@get(
    READY,
    summary="Can it be used?",
    tags=["state"],
    responses={503: ResponseSpec(dict[str, Any], generate_examples=False, description="Not now; `reasons` says why.")},
)
async def ready(gateway: Gate) -> Response[dict[str, Any]]:
    """For load balancers: 503 with the reasons while the log is away, or the projector has been silent for too long."""
    reasons = await gateway.why_not()
    return Response(readiness(reasons) | {"service": "web"}, status_code=503 if reasons else 200)


@get("/api/asyncapi.json", include_in_schema=False)
async def asyncapi_json(asyncapi: NamedDependency[dict[str, Any]]) -> dict[str, Any]:
    """What the services say on NATS, for programs."""
    return asyncapi


@get("/api/asyncapi", include_in_schema=False, media_type=MediaType.HTML)
async def asyncapi_html(asyncapi: NamedDependency[dict[str, Any]]) -> str:
    """What the services say on NATS, for people."""
    return reference.asyncapi_page(asyncapi)


def _always(thing: Any) -> Any:
    return lambda: thing


async def _secure(message: Message, _: Scope) -> None:
    if message["type"] == "http.response.start":
        headers = MutableScopeHeaders.from_message(message)
        for name, value in HEADERS.items():
            headers.setdefault(name, value)
