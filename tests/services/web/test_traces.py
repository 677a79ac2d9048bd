"""Spans over HTTP: a real exporter sends them, and what they say is in the queue, once."""

from __future__ import annotations

import gzip
import json
from typing import Any

import httpx
import pytest
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from services.web.access.limits import JSON
from services.web.otlp import PROTOBUF

from .conftest import Site, until

ANSWER = "Overlap TPO sheets at least 3 inches and hot-air weld a seam of 1.5 inches; probe every seam."
PATH = "/v1/traces"


def said(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": text}]}


def span(number: int, *asked: dict[str, Any], answer: str = ANSWER, **changes: Any) -> dict[str, Any]:
    """A span in OTLP's JSON encoding that answers what was asked."""
    attributes = {
        "gen_ai.request.model": "gpt-4o", "gen_ai.input.messages": json.dumps(asked),
        "gen_ai.output.messages": json.dumps([said("assistant", answer)]),
    }  # fmt: skip
    return {
        "traceId": f"{number:032x}", "spanId": f"{number:016x}", "name": "chat",
        "startTimeUnixNano": str(1742306400000000000 + number), "endTimeUnixNano": str(1742306401000000000 + number),
        "attributes": [{"key": key, "value": {"stringValue": value}} for key, value in attributes.items()],
    } | changes  # fmt: skip


def body(*spans: Any) -> dict[str, Any]:
    return {"resourceSpans": [{"scopeSpans": [{"spans": list(spans)}]}]}


def example_id(number: int) -> str:
    return f"span_{number:032x}_{number:016x}"


def fact(site: Site, any_id: str) -> dict[str, Any]:
    (entry,) = site.client("auditor").get(f"/api/v1/examples/{any_id}/history").json()["facts"]
    return dict(entry["fact"])


def last_seq(site: Site) -> int:
    return int(site.client("auditor").get("/api/v1/status").json()["log"]["last_seq"])


def recorded(question: str) -> ReadableSpan:
    """A span as the SDK makes it."""
    kept = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource.create({"service.name": "architect-ai"}))
    provider.add_span_processor(SimpleSpanProcessor(kept))
    with provider.get_tracer("assistant").start_as_current_span("chat gpt-4o") as now:
        now.set_attributes({
            "gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o", "gen_ai.usage.input_tokens": 31,
            "user.id": "ann", "gen_ai.input.messages": json.dumps([said("user", question)]),
            "gen_ai.output.messages": json.dumps([said("assistant", ANSWER)]),
        })  # fmt: skip
    (finished,) = kept.get_finished_spans()
    return finished


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip])
def test_spans_of_an_sdk_are_in_the_queue(site: Site, compression: Compression) -> None:
    question = f"How wide is a TPO seam, sent with {compression.value}?"
    headers = {"Authorization": f"Bearer {site.secrets['publisher']}"}
    exporter = OTLPSpanExporter(endpoint=site.url + PATH, headers=headers, compression=compression)
    finished = recorded(question)
    assert exporter.export([finished]) is SpanExportResult.SUCCESS
    before = last_seq(site)
    assert exporter.export([finished]) is SpanExportResult.SUCCESS
    assert last_seq(site) == before
    reviewer = site.client("reviewer")

    def waiting() -> list[dict[str, Any]]:
        items = reviewer.get("/api/v1/queue", params={"limit": 50}).json()["items"]
        return [item for item in items if item["prompt"] == question]

    until(waiting)
    context = finished.context
    assert context is not None
    kept = fact(site, f"span_{context.trace_id:032x}_{context.span_id:016x}")
    assert (kept["actor"], kept["untrusted"], kept["model"], kept["metadata"]["tokens_in"]) == (
        "publisher", True, "gpt-4o", 31,
    )  # fmt: skip
    assert (kept["details"]["span"]["service"], kept["details"]["span"]["user"]) == ("architect-ai", "ann")


def test_json_by_hand_is_taken_once(site: Site) -> None:
    client, request = site.client("publisher"), body(span(101, said("user", "Which slope?")))
    first = client.post(PATH, json=request)
    assert (first.status_code, first.headers["content-type"], first.json()) == (200, JSON, {})
    before = last_seq(site)
    packed = client.post(
        PATH, content=gzip.compress(json.dumps(request).encode()),
        headers={"Content-Type": JSON, "Content-Encoding": "gzip"},
    )  # fmt: skip
    assert (packed.status_code, packed.json(), last_seq(site)) == (200, {}, before)
    assert fact(site, example_id(101))["prompt"] == "Which slope?"


def test_a_turn_follows_the_span_of_an_earlier_request(site: Site) -> None:
    client = site.client("operator")
    asked = said("user", "Which slope for PVC?")
    client.post(PATH, json=body(span(201, asked)))
    client.post(PATH, json=body(span(202, asked, said("assistant", ANSWER), said("user", "And for EPDM?"))))
    second = fact(site, example_id(202))
    assert (second["prompt"], second["follows"], second["conversation"]) == (
        "And for EPDM?", example_id(201), example_id(201),
    )  # fmt: skip


def test_bad_spans_are_counted_and_others_taken(site: Site) -> None:
    client = site.client("publisher")
    bare = {"traceId": "a" * 32, "spanId": "b" * 16, "name": "GET"}
    spans = [
        3, bare, span(301, said("user", "Curb height?"), startTimeUnixNano="soon"),
        span(302, said("user", "Curb width?"), answer="x" * (2**20 + 1)), span(303, said("user", "Curb depth?")),
    ]  # fmt: skip
    partial = client.post(PATH, json=body(*spans)).json()["partialSuccess"]
    assert partial["rejectedSpans"] == "3"
    assert "not OTLP" in partial["errorMessage"]
    assert "is no time" in partial["errorMessage"]
    assert "response has" in partial["errorMessage"]
    assert fact(site, example_id(303))["prompt"] == "Curb depth?"


def test_spans_without_texts_are_ignored(site: Site) -> None:
    before = last_seq(site)
    answer = site.client("publisher").post(PATH, json=body({"traceId": "c" * 32, "spanId": "d" * 16, "name": "GET"}))
    assert (answer.status_code, answer.json(), last_seq(site)) == (200, {}, before)
    empty = site.client("publisher").post(PATH, content=b"", headers={"Content-Type": PROTOBUF})
    assert ExportTraceServiceResponse.FromString(empty.content) == ExportTraceServiceResponse()


@pytest.mark.parametrize(
    ("content", "headers", "status", "code"),
    [
        (b"{", {"Content-Type": JSON}, 400, 3),
        (b"{}", {"Content-Type": "text/plain"}, 415, 3),
        (b"{}", {"Content-Type": JSON, "Content-Encoding": "br"}, 415, 3),
        (b" " * (8 * 2**20 + 1), {"Content-Type": JSON}, 413, 8),
        (gzip.compress(b" " * 2**25, mtime=0), {"Content-Type": JSON, "Content-Encoding": "gzip"}, 413, 8),
        (b"{}", {"Content-Type": JSON, "Authorization": "Bearer nobody"}, 401, 16),
    ],
)
def test_every_refusal_is_a_status(site: Site, content: bytes, headers: dict[str, str], status: int, code: int) -> None:
    answer = site.client("publisher").post(PATH, content=content, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (status, JSON)
    assert answer.json()["code"] == code
    assert answer.json()["message"].strip()


def test_who_may_not_say_facts_is_refused(site: Site) -> None:
    answers: list[httpx.Response] = [
        site.client("auditor").post(PATH, json=body()), site.client().post(PATH, json=body()),
    ]  # fmt: skip
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(403, 7), (401, 16)]
