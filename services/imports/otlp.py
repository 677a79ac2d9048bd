"""OTLP in its JSON encoding: the spans of `{"resourceSpans": […]}`, each read by itself."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct, field

SERVICE = "service.name"
"""What a resource calls the service that its spans are of."""

_WHOLE = re.compile(r"-?\d{1,20}")
_BASE64 = re.compile(r"[A-Za-z0-9+/]{11}=|[A-Za-z0-9+/]{22}==")
"""An id of 8 or 16 bytes as Protobuf's own JSON encoding has it; OTLP's has it in hexadecimal."""

_FAILED = (2, "STATUS_CODE_ERROR")
"""How a status says that its span ended in an error."""


class Span(Struct, kw_only=True):
    """One span; its times are as they were written, and `broken` counts attributes that are none."""

    trace_id: str
    span_id: str
    began: Any = None
    ended: Any = None
    service: str | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    is_failed: bool = False
    status: str = ""
    broken: int = 0


Raw = tuple[str | None, Any]
"""A span that nobody has looked into, with the name of the service that it is from."""


def raws(data: Mapping[str, Any]) -> Iterator[Raw]:
    """Whatever stands where a span belongs; also what stands where spans belong and is no list of them."""
    for resource in _items(data.get("resourceSpans")):
        if not isinstance(resource, dict):
            yield None, resource
            continue
        service = _service(resource)
        for scope in _items(resource.get("scopeSpans")):
            for raw in _items(scope.get("spans")) if isinstance(scope, dict) else [scope]:
                yield service, raw


def span(raw: Raw) -> Span:
    """A span. Raises ValueError where it is none."""
    service, data = raw
    if not isinstance(data, dict):
        raise ValueError(f"not OTLP in its JSON encoding: {str(data)[:100]!r} stands where a span belongs")
    attributes, broken = attributes_of(data.get("attributes"))
    status = data.get("status")
    status = status if isinstance(status, dict) else {}
    return Span(
        trace_id=_id(data, "traceId"),
        span_id=_id(data, "spanId"),
        began=data.get("startTimeUnixNano"),
        ended=data.get("endTimeUnixNano"),
        service=service,
        attributes=attributes,
        events=[
            (str(event.get("name")), attributes_of(event.get("attributes"))[0])
            for event in _items(data.get("events"))
            if isinstance(event, dict)
        ],
        is_failed=status.get("code") in _FAILED,
        status=str(status.get("message") or ""),
        broken=broken,
    )


def attributes_of(pairs: Any) -> tuple[dict[str, Any], int]:
    """Attributes by their keys, and how many are none; one without a value is None."""
    attributes: dict[str, Any] = {}
    broken = 0
    for pair in _items(pairs):
        if isinstance(pair, dict) and isinstance(pair.get("key"), str):
            attributes[pair["key"]] = _value(pair.get("value"))
        else:
            broken += 1
    return attributes, broken


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _service(resource: dict[str, Any]) -> str | None:
    inner = resource.get("resource")
    attributes, _ = attributes_of(inner.get("attributes")) if isinstance(inner, dict) else ({}, 0)
    service = attributes.get(SERVICE)
    return service if isinstance(service, str) else None


def _id(data: dict[str, Any], name: str) -> str:
    value = data.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} must be a text, but is {value!r}")
    if _BASE64.fullmatch(value):
        try:
            return base64.b64decode(value).hex()
        except binascii.Error:
            return value
    return value.lower()


def _value(value: Any) -> Any:
    """A value of OTLP's JSON encoding; whole numbers are texts there, or what somebody else made of them."""
    if not isinstance(value, dict) or not value:
        return None
    kind = next(iter(value))
    inner: Any = value[kind]
    if kind == "intValue":
        return int(inner) if isinstance(inner, str) and _WHOLE.fullmatch(inner) else inner
    if kind == "arrayValue":
        return [_value(item) for item in _items(inner.get("values"))] if isinstance(inner, dict) else []
    if kind == "kvlistValue":
        return attributes_of(inner.get("values"))[0] if isinstance(inner, dict) else {}
    return inner
