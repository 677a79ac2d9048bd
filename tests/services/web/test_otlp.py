"""OTLP over HTTP: what a body may be, and how much it may become."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from typing import Any

import pytest
from google.rpc.status_pb2 import Status as GoogleStatus
from litestar import Request, Response
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue

from services.web import otlp
from services.web.access.limits import JSON
from services.web.errors import Error, Problem, Refusal
from services.web.otlp import PROTOBUF

PACKED = gzip.compress(b"{}", mtime=0)


def export(attributes: int = 1) -> ExportTraceServiceRequest:
    """A request with a span of so many attributes."""
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add()
    span.trace_id, span.span_id, span.start_time_unix_nano = bytes(range(16)), bytes(range(8)), 1742306400000000000
    values = [AnyValue(string_value="x"), AnyValue(array_value=ArrayValue(values=[AnyValue(int_value=3)]))]
    span.attributes.extend(KeyValue(key=f"k{n}", value=values[n % 2]) for n in range(attributes))
    return request


def asked(kind: str, encoding: str | None = None) -> Request[Any, Any, Any]:
    """A request with these headers."""
    headers = [(b"content-type", kind.encode())] + ([(b"content-encoding", encoding.encode())] if encoding else [])
    scope: Any = {"type": "http", "method": "POST", "headers": headers, "path": "/", "query_string": b""}
    return Request(scope)


def test_a_request_in_protobuf_is_one_in_json() -> None:
    data = otlp.decoded(export(2).SerializeToString(), PROTOBUF, packed=False)
    (span,) = data["resourceSpans"][0]["scopeSpans"][0]["spans"]
    assert (span["traceId"], span["startTimeUnixNano"]) == ("AAECAwQFBgcICQoLDA0ODw==", "1742306400000000000")
    assert span["attributes"][1] == {"key": "k1", "value": {"arrayValue": {"values": [{"intValue": "3"}]}}}
    assert otlp.decoded(json.dumps(data).encode(), JSON, packed=False) == data
    assert otlp.decoded(b"", PROTOBUF, packed=False) == {}


def test_a_body_in_gzip_is_unpacked_up_to_the_limit() -> None:
    body = export().SerializeToString()
    whole = otlp.decoded(body, PROTOBUF, packed=False)
    assert otlp.decoded(gzip.compress(body[:9]) + gzip.compress(body[9:]), PROTOBUF, packed=True) == whole
    bomb = gzip.compress(b" " * (4 * otlp.UNPACKED_BYTES))
    tracemalloc.start()
    try:
        with pytest.raises(Refusal, match="send fewer spans") as refused:
            otlp.decoded(bomb, JSON, packed=True)
        assert tracemalloc.get_traced_memory()[1] < 3 * otlp.UNPACKED_BYTES
    finally:
        tracemalloc.stop()
    assert refused.value.status == 413


@pytest.mark.parametrize(
    ("body", "kind", "packed"),
    [
        (b"{", JSON, False), (b"[]", JSON, False), (b"\xff", JSON, False), (b"", JSON, False),
        (b"\x0a\xff", PROTOBUF, False), (b"{}", PROTOBUF, False), (b"\x0a" * 999, PROTOBUF, False),
        (b"no gzip", JSON, True), (PACKED[:-4], JSON, True), (PACKED + b"x", JSON, True),
    ],
)  # fmt: skip
def test_a_broken_body_is_refused(body: bytes, kind: str, packed: bool) -> None:
    with pytest.raises(Refusal) as refused:
        otlp.decoded(body, kind, packed=packed)
    assert refused.value.status == 400


def _within(body: bytes) -> bytes:
    """A message as the first field of another one."""
    number, length = len(body), bytearray()
    while number > 127:
        length.append(number & 127 | 128)
        number >>= 7
    return b"\x0a" + bytes([*length, number]) + body


def test_too_many_messages_are_refused_before_they_are_made() -> None:
    fits = export(otlp.CONTAINERS // 4).SerializeToString()
    otlp.decoded(fits, PROTOBUF, packed=False)
    for body, kind in (
        (export(otlp.CONTAINERS // 2 + 1).SerializeToString(), PROTOBUF),
        (b"\x7b\x7c" + b"\x0a\x00" * (otlp.CONTAINERS + 1), PROTOBUF),  # behind a group that nobody knows
        (_within(_within(b"\x1a\x00" * (otlp.CONTAINERS + 1))), PROTOBUF),  # entities of a resource
        (b"\x08\x00" * (otlp.FIELDS + 1), PROTOBUF),  # fields that nobody knows
        (b'{"resourceSpans": [' + b"{}," * otlp.CONTAINERS + b"{}]}", JSON),
        (b'{"resourceSpans": ' + b"[" * 200 + b"]" * 200 + b"}", JSON),
    ):
        with pytest.raises(Refusal, match="send fewer spans") as refused:
            otlp.decoded(body, kind, packed=False)
        assert refused.value.status == 413


@pytest.mark.parametrize(("kind", "encoding"), [("text/plain", None), ("", None), (JSON, "br"), (PROTOBUF, "zstd")])
def test_another_encoding_is_refused(kind: str, encoding: str | None) -> None:
    with pytest.raises(Refusal) as refused:
        otlp.kind_of(asked(kind, encoding))
    assert refused.value.status == 415


def test_a_refusal_is_a_status_as_the_request_asked() -> None:
    problem = Response(Problem(Error("busy", "wait " + "é" * 200)), status_code=503, headers={"Retry-After": "2"})
    read = GoogleStatus.FromString(otlp.refusal(asked(PROTOBUF), problem).content)
    assert (read.code, read.message) == (14, "wait " + "é" * 200)
    for kind in (JSON, "text/plain"):
        answer = otlp.refusal(asked(kind), problem)
        assert (answer.media_type, answer.headers["Retry-After"]) == (JSON, "2")
        assert json.loads(answer.content) == {"code": 14, "message": "wait " + "é" * 200}


def test_refused_spans_are_a_partial_success() -> None:
    assert ExportTraceServiceResponse.FromString(otlp.answer(PROTOBUF, 0, "").content) == ExportTraceServiceResponse()
    partial = ExportTraceServiceResponse.FromString(otlp.answer(PROTOBUF, 2, "no time").content).partial_success
    assert (partial.rejected_spans, partial.error_message) == (2, "no time")
    assert json.loads(otlp.answer(JSON, 2, "no time").content) == {
        "partialSuccess": {"rejectedSpans": "2", "errorMessage": "no time"}
    }
