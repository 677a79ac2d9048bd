"""Spans over HTTP, as every OpenTelemetry SDK and collector sends them: `POST /v1/traces`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from litestar import Request, Response, Router, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIMediaType, Operation, RequestBody, Schema

from ..imports.received import Received, received
from . import otlp
from .access.auth import may
from .access.limits import JSON
from .errors import Problem
from .gateway import Gate
from .otlp import PROTOBUF, TRACES, Status
from .routes.facts import Call, marked

REASONS = 3
"""Reasons of refused spans that an answer tells."""

_TAKEN = "Taken; `partialSuccess` counts the spans that were refused, and says why."

_REFUSALS = {
    400: "The body is not what its header says.",
    401: "No token, or one that is not known.",
    403: "The role may not do this.",
    413: "The body is too large, as it is or unpacked.",
    415: "The body is neither JSON nor Protobuf, or packed otherwise than in gzip.",
    429: "Too many requests in one second or at one time; see Retry-After.",
    503: "The log is away; see Retry-After.",
}


@dataclass
class _Export(Operation):
    """Tells the document that bodies and answers are in two encodings."""

    def __post_init__(self) -> None:
        binary = OpenAPIMediaType(schema=Schema(type="string", format="binary"))  # type: ignore[arg-type]
        self.request_body = RequestBody(
            content={JSON: OpenAPIMediaType(schema=Schema(type="object")), PROTOBUF: binary},  # type: ignore[arg-type]
            required=True,
        )
        for response in (self.responses or {}).values():
            response.content = (getattr(response, "content", None) or {}) | {PROTOBUF: binary}  # type: ignore[union-attr]


@post(
    TRACES,
    status_code=200,
    summary="Export spans",
    tags=["facts"],
    guards=[may("say")],
    operation_class=_Export,
    security=[{"token": []}],
    responses={200: ResponseSpec(dict[str, Any], description=_TAKEN, generate_examples=False)}
    | {status: ResponseSpec(Status, description=text, generate_examples=False) for status, text in _REFUSALS.items()},
)
async def export(gateway: Gate, request: Call) -> Response[bytes]:
    """Spans that hold a question and its answer become examples, each once; other spans are ignored.

    The answer comes when the facts are on disk.
    """
    kind = otlp.kind_of(request)
    gateway.require_log()
    body, actor = await request.body(), request.user.name
    behind = gateway.calls_of(actor)

    def read() -> Received:
        return received(otlp.decoded(body, kind, packed=otlp.is_packed(request)), actor, behind)

    spans = await gateway.workers.run(actor, read)
    facts = [marked(request, fact) for fact in spans.facts]
    published, _ = await gateway.publish(actor, facts)
    behind.absorb(spans.memory, {*published.new, *published.existing})
    reasons = spans.refused + [f"{event_id}: {reason}" for event_id, reason in published.refused]
    more = f"; and {len(reasons) - REASONS} more" if len(reasons) > REASONS else ""
    return otlp.answer(kind, len(reasons), "; ".join(reasons[:REASONS]) + more)


def spoken(
    handler: Callable[[Request[Any, Any, Any], Any], Response[Problem]],
) -> Callable[[Request[Any, Any, Any], Any], Response[Any]]:
    """An exception handler that answers exporters as they read it, and everybody else as ever."""

    def answer(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
        problem = handler(request, error)
        return otlp.refusal(request, problem) if request.url.path == TRACES else problem

    return answer


ROUTES = Router("", route_handlers=[export])
