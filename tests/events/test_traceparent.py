"""The trace of a fact: beside it on the log and in the outbox, never in it, and once however often it is published."""

from __future__ import annotations

from pathlib import Path

import pytest
from opentelemetry.sdk.trace import TracerProvider

from events import Rooflog, traceparent
from events.codec import encode
from events.log.log import Log
from events.subjects import STREAM
from events.traceparent import Record, current, passed_on, valid
from services.runtime.nats_server import EmbeddedServer
from tests.services.conftest import capture

from .conftest import on_the_log

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
OTHER = "00-0af7651916cd43dd8448eb211c80319d-b7ad6b7169203332-00"
NOBODY = "nats://127.0.0.1:1"


async def headers_of(log: Log, seq: int) -> dict[str, str]:
    message = await log.jetstream().get_msg(STREAM, seq)
    return message.headers or {}


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "x",
        TRACE.upper(),
        TRACE + "-00",
        "ff" + TRACE[2:],
        TRACE[:3] + "0" * 32 + TRACE[35:],
        f"{TRACE}\r\nX: y",
    ],
)
def test_what_is_no_traceparent_is_not_passed_on(text: str | None) -> None:
    assert valid(text) == ""
    with passed_on(text):
        assert current() == ""
    with passed_on(TRACE), passed_on(text):
        assert current() == TRACE
    assert current() == ""


def test_the_current_span_of_opentelemetry_is_taken() -> None:
    tracer = TracerProvider().get_tracer("an assistant")
    with tracer.start_as_current_span("answer") as span:
        context = span.get_span_context()
        assert current() == f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"
        assert valid(current())
        with passed_on(OTHER):
            assert current() == OTHER
    assert current() == ""


async def test_a_trace_survives_in_the_outbox_beside_its_fact(server: EmbeddedServer, log: Log, tmp_path: Path) -> None:
    """Given a capture in a trace without a log, when another process publishes it, then its header has the trace."""
    first = Rooflog(NOBODY, outbox=tmp_path / "outbox")
    with passed_on(TRACE):
        first.capture("Minimum slope for TPO?", "1/4 inch per foot.")
    first.capture("And for EPDM?", "1/4 inch per foot.")
    first.close(0)
    heir = Rooflog(server.access("client"), outbox=tmp_path / "outbox")
    assert await heir.aflush(60)
    while heir.stats().published < 2:  # what was adopted is not what this process has said
        assert await heir.aflush(60)
    await heir.aclose()
    assert (await headers_of(log, 1))[traceparent.HEADER] == TRACE
    assert traceparent.HEADER not in await headers_of(log, 2)
    assert all(TRACE[3:35].encode() not in (message.data if message else b"") for message in [await log.at(1)])


async def test_a_fact_in_two_traces_is_on_the_log_once(log: Log) -> None:
    fact = capture(example_id="e")
    for trace in (TRACE, OTHER):
        with passed_on(trace):
            await log.publish([fact])
    await log.publish_encoded([Record("training.example.captured.e.e", encode(fact), OTHER)])
    assert await on_the_log(log) == {"e": 1}
    assert (await headers_of(log, 1))[traceparent.HEADER] == TRACE
    message = await log.at(1)
    assert message
    assert message.data == encode(fact)
