"""Traces of OpenTelemetry in OTLP's JSON encoding: `{"resourceSpans": […]}` a line, as the file exporter writes them.

A span is an example where it holds what was asked and answered, by any of the known `conventions`, with the recording
of content switched on. Other spans are counted and left out. The example's id is the span's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from events.tags import of_source

from . import conventions, otlp
from .conventions.openinference import KIND
from .format import ACTOR, Left
from .messages import decoded
from .otlp import Span
from .ratings import name_of
from .traces import LARGEST, Recorded, Traces, named

_KEPT = (
    "gen_ai.provider.name", "gen_ai.system", "gen_ai.request.model", "gen_ai.response.model", "gen_ai.response.id",
    "gen_ai.agent.name", "llm.provider", "error.type",
)  # fmt: skip
"""Attributes that go into the example's details."""

_ASSOCIATED = "traceloop.association.properties."

_CONVERSATIONS = (
    "gen_ai.conversation.id", "session.id", "langfuse.session.id", f"{_ASSOCIATED}session_id",
    f"{_ASSOCIATED}conversation_id", f"{_ASSOCIATED}thread_id",
)  # fmt: skip
_USERS = ("user.id", "enduser.id", "langfuse.user.id", f"{_ASSOCIATED}user_id")
_MODELS = ("gen_ai.response.model", "gen_ai.request.model", "llm.model_name")
_TOKENS_IN = (
    "gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt", "llm.usage.prompt_tokens",
)  # fmt: skip
_TOKENS_OUT = (
    "gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "llm.token_count.completion",
    "llm.usage.completion_tokens",
)  # fmt: skip
_FINISH = ("gen_ai.response.finish_reasons", "gen_ai.response.finish_reason", "llm.finish_reason")
_TAGS = ("tag.tags", "langfuse.trace.tags")
"""What conventions call the same; the first that a span has is taken."""


class Spans(Traces):
    """Spans of a trace, any number a line; each is imported or refused by itself."""

    name = "spans"
    description = 'spans of OpenTelemetry (GenAI, OpenInference, OpenLLMetry) as OTLP in JSON, {"resourceSpans": […]}'

    @staticmethod
    def recognises(data: dict[str, Any]) -> bool:
        """See `Format.recognises`."""
        return "resourceSpans" in data

    def calls(self, data: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """See `Traces.calls`."""
        for raw in otlp.raws(data):
            yield f"span {raw[1].get('spanId')!r}" if isinstance(raw[1], dict) else "a span", raw

    def recorded(self, raw: Any) -> Recorded | Left:
        """See `Traces.recorded`."""
        return recorded(otlp.span(raw))


def recorded(span: Span) -> Recorded | Left:
    """What a span says, or why it says nothing. Raises what Python does where it is broken."""
    texts, attributes = conventions.read(span), span.attributes
    if texts is None:
        is_call = attributes.get(KIND) == "LLM" or any(attributes.get(name) for name in _MODELS)
        return Left.UNRECORDED if is_call else Left.NO_ANSWER
    details = {name: attributes[name] for name in _KEPT if name in attributes}
    details |= {"service": span.service} if span.service else {}
    error = str(attributes.get("error.type", ""))
    model = _first(span, _MODELS)
    return Recorded(
        example_id=f"span_{span.trace_id}_{span.span_id}",
        texts=texts,
        began=_began(span.began),
        ended=span.ended,
        trace_id=span.trace_id,
        conversation=named(_first(span, _CONVERSATIONS)),
        actor=name_of(_first(span, _USERS)) or ACTOR,
        model=model if isinstance(model, str) else None,
        tokens_in=_first(span, _TOKENS_IN),
        tokens_out=_first(span, _TOKENS_OUT),
        finish_reason=_finish_reason(_first(span, _FINISH)),
        failure=span.status if span.is_failed else None,
        is_late="timeout" in error.lower(),
        tags=tags_of(_first(span, _TAGS)),
        details=details,
        broken=span.broken,
    )


def _first(span: Span, names: tuple[str, ...]) -> Any:
    return next((value for name in names if (value := span.attributes.get(name)) is not None), None)


def _began(value: Any) -> int:
    try:
        began = int(value)
    except (TypeError, ValueError, OverflowError):
        began = -1
    if not 0 <= began < LARGEST:
        raise ValueError(f"startTimeUnixNano {str(value)[:40]!r} is no time: give nanoseconds since 1970")
    return began


def _finish_reason(value: Any) -> str | None:
    reasons = decoded(value)
    reason = reasons[0] if isinstance(reasons, list) and reasons else reasons
    return reason if isinstance(reason, str) and reason else None


def tags_of(value: Any) -> tuple[str, ...]:
    """Tags as a list, as JSON of one, or as one text."""
    tags = decoded(value)
    tags = [tags] if isinstance(tags, str) else tags
    return of_source(tags if isinstance(tags, list) else ())
