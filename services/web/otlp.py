"""OTLP over HTTP: bodies in JSON or Protobuf, as they are or in gzip, and answers in the encoding of their request."""

from __future__ import annotations

import gzip
import io
import zlib
from typing import Any

import msgspec
from google.protobuf.descriptor import Descriptor
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError
from litestar import Request, Response
from msgspec import Struct
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from events.errors import InvalidFact
from events.limits import check_json

from .access.limits import DEEPEST, JSON
from .errors import Problem, Refusal

TRACES = "/v1/traces"
"""Where exporters send spans, below the address that they are given."""

PROTOBUF = "application/x-protobuf"

UNPACKED_BYTES = 16 * 2**20
"""Bytes of a request unpacked at most: two are at work at a time, and each takes about five times that."""

CONTAINERS = 200_000
"""Lists and objects of a request at most: 2,000 spans of 40 attributes."""

FIELDS = 1_000_000
"""Fields of a request in Protobuf at most, known or not: that of the most spans has half as many."""

_ENCODINGS = ("identity", "gzip")

_CODES = {400: 3, 401: 16, 403: 7, 404: 5, 405: 12, 408: 4, 413: 8, 415: 3, 422: 3, 429: 8, 503: 14}
"""Statuses of HTTP as codes of gRPC; what is not here is 13, an internal error."""


class Status(Struct, frozen=True):
    """The body of a refusal: a code of gRPC, and a sentence."""

    code: int
    message: str


def kind_of(request: Request[Any, Any, Any]) -> str:
    """The encoding of a request. Raises Refusal 415 for one that is not known."""
    kind, packed = _declared(request), request.headers.get("content-encoding", "identity").strip().lower()
    if kind not in (JSON, PROTOBUF):
        raise Refusal(415, f"send {JSON} or {PROTOBUF}, not {kind or 'a body of no declared kind'}")
    if packed not in _ENCODINGS:
        raise Refusal(415, f"send the body as it is or in gzip, without the encoding {packed!r}")
    return kind


def is_packed(request: Request[Any, Any, Any]) -> bool:
    """Whether a request says that it is in gzip."""
    return request.headers.get("content-encoding", "").strip().lower() == "gzip"


def decoded(body: bytes, kind: str, *, packed: bool) -> dict[str, Any]:
    """A request in OTLP's JSON encoding. Raises Refusal 400 for a broken one, and 413 for one that is too large."""
    body = _unpacked(body) if packed else body
    try:
        if kind == PROTOBUF:
            return _from_protobuf(body)
        check_json(body, containers=CONTAINERS, deepest=DEEPEST, what="the body")
        return msgspec.json.decode(body, type=dict[str, Any])
    except InvalidFact as error:
        raise Refusal(413, f"{error.reason}; send fewer spans at a time", code="too_complex") from error
    except (msgspec.DecodeError, DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal(400, f"the body is no {kind} that can be read: {error}") from error


def answer(kind: str, refused: int, reason: str) -> Response[bytes]:
    """The request was taken, but for `refused` of its spans."""
    partial = ExportTracePartialSuccess(rejected_spans=refused, error_message=reason) if refused else None
    message = ExportTraceServiceResponse(partial_success=partial)
    data = message.SerializeToString() if kind == PROTOBUF else msgspec.json.encode(MessageToDict(message))
    return Response(data, status_code=200, media_type=kind)


def refusal(request: Request[Any, Any, Any], problem: Response[Problem]) -> Response[bytes]:
    """A refusal as exporters read it: a `Status` in the encoding of the request, JSON where that is not known."""
    status = Status(_CODES.get(problem.status_code or 500, 13), problem.content.error.message)
    kind = PROTOBUF if _declared(request) == PROTOBUF else JSON
    data = _as_protobuf(status) if kind == PROTOBUF else msgspec.json.encode(status)
    return Response(data, status_code=problem.status_code, media_type=kind, headers=problem.headers)


def _declared(request: Request[Any, Any, Any]) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _unpacked(body: bytes) -> bytes:
    """What a body in gzip holds, never more of it than the limit and a byte."""
    try:
        with gzip.open(io.BytesIO(body)) as file:
            whole = file.read(UNPACKED_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise Refusal(400, f"the body is no gzip: {error}") from error
    if len(whole) > UNPACKED_BYTES:
        raise Refusal(413, f"unpacked the body has more than {UNPACKED_BYTES:,} bytes; send fewer spans at a time")
    return whole


def _from_protobuf(body: bytes) -> dict[str, Any]:
    _require_few(body)
    data: dict[str, Any] = MessageToDict(ExportTraceServiceRequest.FromString(body))
    return data


def _messages_in(message: Descriptor, known: dict[Descriptor, dict[int, Descriptor]]) -> None:
    """Note the kinds of messages in a kind of message, and in those, by the numbers of their fields."""
    if message not in known:
        known[message] = {field.number: field.message_type for field in message.fields if field.message_type}
        for inner in known[message].values():
            _messages_in(inner, known)


_FIXED = {1: 8, 5: 4, 3: 0, 4: 0}
"""Bytes behind the key of a field by its wire type, of which 3 and 4 begin and end a group: its fields follow."""

_INNER: dict[Descriptor, dict[int, Descriptor]] = {}
_messages_in(ExportTraceServiceRequest.DESCRIPTOR, _INNER)


def _require_few(body: bytes) -> None:
    """Raise InvalidFact where a request holds more than is taken: two bytes of a message become ninety of memory.

    What is broken is left to the decoder.
    """
    count, fields, waiting = 0, 0, [(ExportTraceServiceRequest.DESCRIPTOR, 0, len(body))]
    while waiting:
        kind, at, end = waiting.pop()
        while at < end:
            key, at = _number(body, at)
            fields += 1
            if key & 7 == 2:
                size, at = _number(body, at)
                if (inner := _INNER[kind].get(key >> 3)) is not None:
                    waiting.append((inner, at, min(at + size, end)))
                    count += 1
                at += size
            else:
                at = _number(body, at)[1] if key & 7 == 0 else at + _FIXED.get(key & 7, end)
            if count > CONTAINERS or fields > FIELDS:
                most = f"{CONTAINERS:,} messages" if count > CONTAINERS else f"{FIELDS:,} fields"
                raise InvalidFact("malformed", f"the body has more than {most}")


def _number(body: bytes, at: int) -> tuple[int, int]:
    """A variable-length number, and the place behind it; at the end of the body 0."""
    value = shift = 0
    while at < len(body):
        byte, at = body[at], at + 1
        value |= (byte & 127) << shift
        if byte < 128 or shift > 63:
            break
        shift += 7
    return value, at


def _as_protobuf(status: Status) -> bytes:
    """`google.rpc.Status`: the code is field 1, and the message field 2."""
    message = status.message.encode("utf-8", "replace")
    return b"\x08" + _varint(status.code) + b"\x12" + _varint(len(message)) + message


def _varint(number: int) -> bytes:
    whole = bytearray()
    while number > 127:
        whole.append(number & 127 | 128)
        number >>= 7
    return bytes([*whole, number])
