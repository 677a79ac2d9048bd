"""OTLP: a span is read by itself, whatever stands beside it."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from services.imports import otlp

TRACE, SPAN = bytes(range(16)), bytes(range(8))


def ids(trace: str, span: str) -> tuple[str, str]:
    read = otlp.span((None, {"traceId": trace, "spanId": span}))
    return read.trace_id, read.span_id


def test_ids_are_read_in_both_encodings() -> None:
    same = (TRACE.hex(), SPAN.hex())
    assert ids(TRACE.hex().upper(), SPAN.hex().upper()) == same
    assert ids(base64.b64encode(TRACE).decode(), base64.b64encode(SPAN).decode()) == same


def test_attributes_have_the_values_of_every_kind() -> None:
    pairs = [
        {"key": "text", "value": {"stringValue": "x"}}, {"key": "whole", "value": {"intValue": "3"}},
        {"key": "list", "value": {"arrayValue": {"values": [{"boolValue": True}, {"doubleValue": 0.5}]}}},
        {"key": "object", "value": {"kvlistValue": {"values": [{"key": "a", "value": {"stringValue": "b"}}]}}},
        {"key": "none"}, {"value": {}}, 3,
    ]  # fmt: skip
    expected = {"text": "x", "whole": 3, "list": [True, 0.5], "object": {"a": "b"}, "none": None}
    assert otlp.attributes_of(pairs) == (expected, 2)


@pytest.mark.parametrize(
    ("data", "count"),
    [
        ({"resourceSpans": None}, 0),
        ({"resourceSpans": 3}, 1),
        ({"resourceSpans": [{"scopeSpans": [{"spans": [3, {}]}, 4]}, 5, {"scopeSpans": []}]}, 4),
    ],
)
def test_whatever_stands_where_a_span_belongs_is_told(data: dict[str, Any], count: int) -> None:
    raws = list(otlp.raws(data))
    assert len(raws) == count
    for raw in raws:
        with pytest.raises(ValueError, match=r"not OTLP|traceId must be a text"):
            otlp.span(raw)


def test_a_span_knows_its_service() -> None:
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "assistant"}}]}
    ((service, _),) = otlp.raws({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [{}]}]}]})
    assert service == "assistant"
