"""The span of a request to the gateway: it continues the trace of its caller."""

from __future__ import annotations

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from opentelemetry.trace import SpanKind, StatusCode

from events.traceparent import HEADER, valid

from .. import tracing

FOLLOWED = ("/api/", "/v1/")
"""Where requests say, ask and decide; pages, files and what monitors ask are not followed."""


def continued(app: ASGIApp) -> ASGIApp:
    """An application whose requests are spans, named by method and route, never by what is in a path."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        route = scope.get("path_template", "")
        if scope["type"] != ScopeType.HTTP or not route.startswith(FOLLOWED):
            await app(scope, receive, send)
            return
        parents = [value.decode("latin-1") for name, value in scope["headers"] if name == HEADER.encode()]
        parent = valid(parents[0]) if len(parents) == 1 else ""
        method = scope["method"]
        with tracing.span(f"{method} {route}", kind=SpanKind.SERVER, parent=parent) as span:
            span.set_attributes({"http.request.method": method, "http.route": route})

            async def sent(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.set_attribute("http.response.status_code", message["status"])
                    if message["status"] >= 500:
                        span.set_status(StatusCode.ERROR)
                await send(message)

            await app(scope, receive, sent)

    return answer
