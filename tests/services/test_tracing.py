"""Traces from capture to export, as a receiver of OTLP gets them from real services."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from events import Rooflog
from events.log.log import Log
from events.subjects import STREAM
from events.traceparent import passed_on, valid
from services import tracing
from services.runtime.nats_server import EmbeddedServer

from .conftest import ANSWER, Cli, address
from .exporter.test_service import adopted
from .forked import Forked
from .web.conftest import until

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Receiver:
    """A receiver of OTLP over HTTP, and the spans that it got with the services that sent them."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, Span]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.take(ExportTraceServiceRequest.FromString(body))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def take(self, request: ExportTraceServiceRequest) -> None:
        for resource in request.resource_spans:
            (name,) = [a.value.string_value for a in resource.resource.attributes if a.key == "service.name"]
            self.spans += [(name, span) for scope in resource.scope_spans for span in scope.spans]

    def of(self, service: str, name: str) -> list[Span]:
        return [span for sender, span in list(self.spans) if sender == f"rooflog-{service}" and span.name == name]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()


@pytest.fixture
def traced_cli(cli: Cli, server: EmbeddedServer, receiver: Receiver) -> Cli:
    cli.environment |= {
        "ROOFLOG_NATS_URL": address(server),
        "ROOFLOG_LOG_FORMAT": "json",
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
        "OTEL_BSP_SCHEDULE_DELAY": "50",
    }
    return cli


def says(cli: Cli, name: str, words: str) -> bool:
    """Whether a service has said something in its log."""
    return words in (cli.data_dir / f"{name}.err").read_text()


def linked(spans: list[Span], trace_id: bytes) -> list[Span]:
    return [span for span in spans if trace_id in {link.trace_id for link in span.links}]


async def header(log: Log, subject: str) -> str:
    message = await log.jetstream().get_last_msg(STREAM, subject)
    return str((message.headers or {}).get("traceparent", ""))


async def test_a_capture_is_followed_to_its_export(
    traced_cli: Cli, server: EmbeddedServer, log: Log, receiver: Receiver, start: Callable[..., Forked]
) -> None:
    """Given an assistant's span, then the fold is linked to its trace, and the export to that of the fold."""
    await log.publish([adopted(changed_examples=1)])
    begins = {"projector": "projecting from", "exporter": "exporting to"}
    for name, words in begins.items():
        start(name)
        await asyncio.to_thread(until, partial(says, traced_cli, name, words))
    provider, kept = TracerProvider(), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    client = Rooflog(server.access("client"), outbox=traced_cli.data_dir / "outbox")
    with provider.get_tracer("an assistant").start_as_current_span("answer"):
        example_id = client.capture("Minimum slope for TPO?", ANSWER)
        client.feedback(example_id, "positive")
    assert await client.aflush(60)
    await client.aclose()
    (answer,) = kept.get_finished_spans()
    trace_id = answer.context.trace_id.to_bytes(16, "big")
    await asyncio.to_thread(until, lambda: linked(receiver.of("projector", "fold"), trace_id))
    folds = linked(receiver.of("projector", "fold"), trace_id)
    assert all(span.kind == Span.SpanKind.SPAN_KIND_CONSUMER for span in folds)
    assert {link.span_id for link in folds[0].links} == {answer.context.span_id.to_bytes(8, "big")}
    await asyncio.to_thread(until, lambda: linked(receiver.of("exporter", "export"), folds[-1].trace_id))
    (export, *_) = linked(receiver.of("exporter", "export"), folds[-1].trace_id)
    assert (await header(log, "training.training_set.exported.*.*"))[3:35] == export.trace_id.hex()
    sent = b"".join(span.SerializeToString() for _, span in receiver.spans)
    assert not any(text.encode() in sent for text in ("slope", ANSWER, example_id))


async def test_the_gateway_goes_on_with_the_trace_of_its_caller(
    traced_cli: Cli, log: Log, receiver: Receiver, start: Callable[..., Forked]
) -> None:
    start("projector")
    start("web")
    await asyncio.to_thread(until, partial(says, traced_cli, "web", "serving on"))
    url = (traced_cli.data_dir / "web.err").read_text().rpartition("serving on ")[2].split()[0]
    async with httpx.AsyncClient(base_url=url, timeout=60, trust_env=False) as caller:
        body = {"prompt": "Minimum slope for TPO?", "response": ANSWER}
        answer = await caller.post("/api/v1/examples", json=body, headers={"traceparent": TRACE})
        assert answer.status_code == 201
        example_id = answer.json()["example_id"]
        stats = await caller.get("/api/v1/stats", headers={"traceparent": TRACE})
        assert stats.status_code == 200
        assert (await caller.get("/api/v1/examples/none", headers={"traceparent": "00-bad"})).status_code == 404
    await asyncio.to_thread(until, lambda: receiver.of("projector", "projector stats"))
    await asyncio.to_thread(until, lambda: receiver.of("web", "GET /api/v1/examples/{example_id}"))
    (said,) = receiver.of("web", "POST /api/v1/examples")
    assert (said.trace_id.hex(), said.parent_span_id.hex()) == (TRACE[3:35], TRACE[36:52])
    assert await header(log, f"training.example.captured.{example_id}.*") == (
        f"00-{said.trace_id.hex()}-{said.span_id.hex()}-01"
    )
    (question,) = [span for span in receiver.of("projector", "projector stats") if span.trace_id == said.trace_id]
    assert question.parent_span_id in {span.span_id for span in receiver.of("web", "GET /api/v1/stats")}
    (begun,) = receiver.of("web", "GET /api/v1/examples/{example_id}")
    assert begun.trace_id != said.trace_id
    assert begun.parent_span_id == b""


def test_a_span_tells_no_words_of_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    provider, kept = TracerProvider(), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    monkeypatch.setattr(tracing, "_TRACER", provider.get_tracer("test"))

    def fails() -> None:
        with tracing.span("fold", parent=TRACE, links=[TRACE], facts=3):
            raise ValueError("a private text")

    with pytest.raises(ValueError, match="a private text"):
        fails()
    (span,) = kept.get_finished_spans()
    assert "private" not in span.to_json()
    assert span.status.description == "ValueError"
    assert span.attributes == {"rooflog.facts": 3}
    assert f"{span.context.trace_id:032x}" == TRACE[3:35]
    assert len(span.links) == 1


def test_links_are_of_distinct_traces_and_bounded() -> None:
    many = [f"00-{n:032x}-{1:016x}-01" for n in range(1, 200)]
    assert tracing.distinct(many) == many[: tracing.LINKS]
    assert tracing.distinct([TRACE, None, "no", TRACE[:36] + "0" * 15 + "1-01"]) == [TRACE]


def test_without_an_sdk_a_trace_is_passed_on() -> None:
    with tracing.span("anything", parent=TRACE), passed_on(None):
        from events.traceparent import current

        assert valid(current())[3:35] == TRACE[3:35]


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_SDK_DISABLED": "true"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_TRACES_EXPORTER": "none"}, False),
    ],
)
def test_traces_are_sent_where_the_environment_says_so(environment: dict[str, str], wanted: bool) -> None:
    assert tracing.is_wanted(environment) is wanted


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setitem(__import__("sys").modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with caplog.at_level(logging.WARNING):
        tracing.begin("web", {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"})
    assert "install the extra otel" in caplog.text
