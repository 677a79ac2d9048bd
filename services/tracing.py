"""Traces: spans of the services on the way of a fact from its capture to the export, sent as the OTEL_* variables say.

Without these variables, or without the extra `otel`, spans are nothing, and a caller's trace is passed on as it came.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from events.traceparent import HEADER, valid

logger = logging.getLogger("rooflog.tracing")

LINKS = 64
"""Traces that one span is linked to at most: a batch holds the facts of thousands of captures."""

_PROPAGATOR = TraceContextTextMapPropagator()
_TRACER = trace.get_tracer("rooflog", version("rooflog-server"))

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")


def begin(service: str, environment: Mapping[str, str] = os.environ) -> None:
    """Send the spans of this process to where the environment says, if it does."""
    if not is_wanted(environment):
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        logger.warning("OTEL_* asks for traces, but %s is missing: install the extra otel", error.name)
        return
    name = environment.get("OTEL_SERVICE_NAME") or f"rooflog-{service}"
    provider = TracerProvider(
        resource=Resource.create({SERVICE_NAME: name, SERVICE_VERSION: version("rooflog-server")})
    )
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)


def is_wanted(environment: Mapping[str, str]) -> bool:
    """Whether the variables name a receiver, and do not turn traces off."""
    is_off = environment.get("OTEL_SDK_DISABLED", "").lower() == "true"
    return not is_off and environment.get("OTEL_TRACES_EXPORTER") != "none" and any(map(environment.get, _ENDPOINTS))


@contextmanager
def span(
    name: str, *, kind: SpanKind = SpanKind.INTERNAL, parent: str = "", links: Iterable[str] = (), **about: str | int
) -> Iterator[Span]:
    """A span while this is open; facts that are said meanwhile belong to it.

    `parent` and `links` are traceparents, `about` are attributes of the span below `rooflog.`. Without a parent it
    begins a trace.
    """
    attributes = {f"rooflog.{key}": value for key, value in about.items()}
    context = _context(parent) if parent else Context()
    with _TRACER.start_as_current_span(
        name,
        context=context,
        kind=kind,
        links=_links(links),
        attributes=attributes,
        record_exception=False,  # its words may be those of a text
        set_status_on_exception=False,
    ) as opened:
        try:
            yield opened
        except Exception as error:
            opened.set_status(StatusCode.ERROR, type(error).__name__)
            raise


def distinct(traceparents: Iterable[str | None]) -> list[str]:
    """The first traceparent of each trace, `LINKS` at most; what is none is left out."""
    first = {text[3:35]: text for text in reversed([*map(valid, traceparents)]) if text}
    return [*reversed(first.values())][:LINKS]


def _links(traceparents: Iterable[str]) -> list[Link]:
    return [Link(context) for text in traceparents if (context := _span_context(text)).is_valid]


def _span_context(traceparent: str) -> SpanContext:
    return trace.get_current_span(_context(traceparent)).get_span_context()


def _context(traceparent: str) -> Context:
    return _PROPAGATOR.extract({HEADER: traceparent}, context=Context())
