"""Traces by OpenTelemetry's GenAI conventions, in OTLP's JSON encoding: `{"resourceSpans": […]}` a line.

That is what the collector's file exporter writes. A span is an example where it holds what was asked and answered:
`gen_ai.input.messages` and `gen_ai.output.messages` (conventions 1.37 and later, with the recording of content switched
on), as text or structured. Other spans are counted and left out. The example's id is the span's.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from events import calls
from events.facts import Fact

from .format import ACTOR, Format, Left, Record
from .lines import Line

SOURCE = "production_query"

_FAILED = 2
"""OTLP's status code of a span that ended in an error."""

_KEPT = (
    "gen_ai.provider.name", "gen_ai.request.model", "gen_ai.response.model", "gen_ai.response.id",
    "gen_ai.conversation.id", "gen_ai.agent.name", "gen_ai.system_instructions", "error.type",
)  # fmt: skip
"""Attributes that go into the example's details."""

_SERVICE = "service.name"
"""What a resource calls the service that its spans are of."""


class Spans(Format):
    """Spans of a trace, any number a line; each is imported or refused by itself."""

    name = "spans"
    description = 'spans as OpenTelemetry\'s file exporter writes them, {"resourceSpans": […]}'

    @staticmethod
    def recognises(data: dict[str, Any]) -> bool:
        """See `Format.recognises`."""
        return "resourceSpans" in data

    def records(self, line: Line) -> Iterator[Record]:
        """See `Format.records`: the spans, each with the name of its service."""
        try:
            for service, span in _spans(line.data):
                yield Record(line, span | {_SERVICE: service}, f"span {span.get('spanId')!r}")
        except (AttributeError, TypeError, KeyError) as error:
            raise ValueError(f"not OTLP in its JSON encoding: {error!r}") from error

    def facts(self, record: Record) -> Iterator[Fact | Left]:
        """See `Format.facts`; a span of anything else than a question and its answer has none."""
        fact = _example(record.data[_SERVICE], record.data)
        yield Left.NO_ANSWER if fact is None else fact


def _spans(data: dict[str, Any]) -> Iterator[tuple[str | None, dict[str, Any]]]:
    """Every span with the name of the service it is from."""
    for resource in data["resourceSpans"]:
        service = _attributes(resource.get("resource", {}).get("attributes", [])).get(_SERVICE)
        for scope in resource.get("scopeSpans", []):
            for span in scope.get("spans", []):
                if not isinstance(span, dict):
                    raise TypeError(f"a span is {span!r}")
                yield service if isinstance(service, str) else None, span


def _example(service: str | None, span: dict[str, Any]) -> Fact | None:
    attributes = _attributes(span.get("attributes", []))
    asked = _messages(attributes.get("gen_ai.input.messages"))
    answered = _messages(attributes.get("gen_ai.output.messages"))
    prompt = next((text for role, text in reversed(asked) if role == "user" and text.strip()), None)
    response = next((text for _, text in answered if text.strip()), None)
    status = span.get("status", {})
    failed = status.get("code") in (_FAILED, "STATUS_CODE_ERROR")
    if prompt is None or (response is None and not failed):
        return None
    began, ended = int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"])
    details = {name: attributes[name] for name in _KEPT if name in attributes}
    details |= {"service": service} if service else {}
    details |= {"conversation": attributes["gen_ai.input.messages"]} if len(asked) > 1 else {}
    late = "timeout" in str(attributes.get("error.type", "")).lower()
    return calls.capture(
        prompt,
        response or str(status.get("message", "")),
        actor=ACTOR,
        source=("timeout" if late else "error") if failed else SOURCE,
        latency_ms=(ended - began) / 1e6,
        tokens_in=attributes.get("gen_ai.usage.input_tokens"),
        tokens_out=attributes.get("gen_ai.usage.output_tokens"),
        details={"span": details} if details else None,
        at=datetime.fromtimestamp(began / 1e9, UTC),
        example_id=f"span_{span['traceId'].lower()}_{span['spanId'].lower()}",
        trace_id=span["traceId"].lower(),
    )


def _messages(value: Any) -> list[tuple[str, str]]:
    """Role and text of messages, which spans carry as text or structured; tool calls have no text."""
    if isinstance(value, str):
        value = msgspec.json.decode(value)
    if value is None:
        return []
    return [
        (
            str(message.get("role")),
            "\n".join(str(part["content"]) for part in message["parts"] if part.get("type") == "text"),
        )
        for message in value
    ]


def _attributes(pairs: list[dict[str, Any]]) -> dict[str, Any]:
    return {pair["key"]: _value(pair["value"]) for pair in pairs}


def _value(value: dict[str, Any]) -> Any:
    """A value of OTLP's JSON encoding; whole numbers are texts there."""
    kind: str = next(iter(value), "")
    inner: Any = value.get(kind)
    if kind == "intValue":
        return int(inner)
    if kind == "arrayValue":
        return [_value(item) for item in inner.get("values", [])]
    if kind == "kvlistValue":
        return _attributes(inner.get("values", []))
    return inner
