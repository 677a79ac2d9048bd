"""The trace in which a fact is said: W3C's `traceparent`, beside the fact as a header of its message, never in it.

Source: https://www.w3.org/TR/trace-context/. An application that uses OpenTelemetry has loaded it: its current span is
taken from there, and nothing is imported for it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

HEADER = "traceparent"

_VALID = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")

_given: ContextVar[str] = ContextVar("traceparent", default="")


class Record(NamedTuple):
    """A fact as it is published: where it belongs, its bytes, and the trace in which it was said, if in any."""

    subject: str
    data: bytes
    traceparent: str = ""


def valid(text: str | None) -> str:
    """A traceparent that somebody else has sent; empty where it is none."""
    return text if text is not None and _VALID.fullmatch(text) else ""


@contextmanager
def passed_on(text: str | None) -> Iterator[None]:
    """Say facts in the trace of a caller while this is open; what is no traceparent changes nothing."""
    token = _given.set(valid(text) or _given.get())
    try:
        yield
    finally:
        _given.reset(token)


def current() -> str:
    """The trace of this moment: one that is passed on, else that of OpenTelemetry's current span; empty without."""
    if given := _given.get():
        return given
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return ""
    span = trace.get_current_span().get_span_context()
    return f"00-{span.trace_id:032x}-{span.span_id:016x}-{int(span.trace_flags):02x}" if span.is_valid else ""


def headers(text: str) -> dict[str, str]:
    """The headers of a message that is sent in a trace."""
    return {HEADER: text} if text else {}
