"""Langfuse: exports of its observations, traces and scores, from its pages, its API or a bucket."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from . import messages
from .conventions import Texts
from .format import ACTOR, Left
from .lines import Line
from .messages import decoded
from .moments import moment
from .ratings import name_of
from .reviewed import Reviewed, example_id, first_of, nanoseconds, optional_nanoseconds, required, text_of
from .scores import Opinion
from .spans import tags_of
from .traces import Recorded, named

_MODELS = ("GENERATION",)
_OUTER = ("SPAN", "AGENT", "CHAIN")
_TYPES = (*_MODELS, *_OUTER, "EVENT", "TOOL", "RETRIEVER", "EVALUATOR", "EMBEDDING", "GUARDRAIL")
"""Types of observations: calls of models, programs around them, and what has no question."""

_BY_PEOPLE = "ANNOTATION"
"""The source of scores that people gave in Langfuse; those of `EVAL` are a judge's, and of `API` any program's."""

_SOURCES = (_BY_PEOPLE, "API", "EVAL")
_TRACE = "is a trace"


class _Around(Struct, frozen=True):
    """What the trace of a call tells about it."""

    user: str | None
    session: str | None
    tags: tuple[str, ...]


class Langfuse(Reviewed):
    """An observation, a trace or a score a line, or a trace with all of its own."""

    name = "langfuse"
    description = 'observations, traces and scores of Langfuse, {"type": "GENERATION", "traceId", "input", "output"} …'

    def __init__(self) -> None:
        super().__init__()
        self._traces: dict[str, _Around] = {}

    @staticmethod
    def recognises(data: dict[str, Any]) -> bool:
        """See `Format.recognises`."""
        return _is_observation(data) or _is_score(data) or _is_trace(data)

    def survey(self, line: Line) -> None:
        """See `Format.survey`: also what traces tell about their calls."""
        for trace in _traces(line.data):
            if trace_id := text_of(trace, "id"):
                self._traces[trace_id] = _around(trace)
        super().survey(line)

    def calls(self, data: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """See `Traces.calls`."""
        for observation in [data] if _is_observation(data) else _inner(data, "observations"):
            yield f"observation {observation.get('id')!r}", observation
        for trace in _traces(data):
            yield f"trace {trace.get('id')!r}", {**trace, _TRACE: True}

    def place(self, raw: Any) -> tuple[str, str | None]:
        """See `Reviewed.place`; a trace has no key but its own."""
        trace_id = _trace_id(raw)
        return f"trace {trace_id}" if _TRACE in raw else required(raw, "id"), trace_id

    def recorded(self, raw: Any) -> Recorded | Left:
        """See `Traces.recorded`."""
        kind, trace_id = str(raw.get("type")).upper(), _trace_id(raw)
        is_outer = _TRACE in raw or kind in _OUTER
        if not is_outer and kind not in _MODELS:
            return Left.NO_ANSWER
        texts = Texts(
            asked=messages.asked_in(raw.get("input")),
            answers=messages.answered_in(raw.get("output")),
            is_outer=is_outer,
        )
        if not is_outer and not texts.asked and not texts.answers:
            return Left.UNRECORDED
        around, own = self._traces.get(trace_id or ""), _around(raw)
        usage = decoded(first_of(raw, "usage_details", "usageDetails", "usage"))
        usage = usage if isinstance(usage, Mapping) else {}
        is_failed = str(raw.get("level")).upper() == "ERROR"
        kept = {name: value for name in ("name", "environment", "version") if (value := text_of(raw, name))}
        return Recorded(
            example_id=_example_id(raw, trace_id),
            texts=texts,
            began=nanoseconds(first_of(raw, "start_time", "startTime", "timestamp"), "start_time"),
            ended=optional_nanoseconds(first_of(raw, "end_time", "endTime")),
            trace_id=trace_id,
            conversation=own.session or (around.session if around else None),
            actor=own.user or (around.user if around else None) or ACTOR,
            model=text_of(raw, "provided_model_name", "providedModelName", "model", "model_id"),
            tokens_in=first_of(usage, "input", "promptTokens") or first_of(raw, "promptTokens", "inputUsage"),
            tokens_out=first_of(usage, "output", "completionTokens")
            or first_of(raw, "completionTokens", "outputUsage"),
            failure=(text_of(raw, "status_message", "statusMessage") or "failed") if is_failed else None,
            is_late="timeout" in str(first_of(raw, "status_message", "statusMessage")).lower(),
            tags=own.tags or (around.tags if around else ()),
            details=kept,
            details_of="langfuse",
        )

    def opinions(self, data: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """See `Reviewed.opinions`; scores in tables do not tell who gave them, and are not read."""
        trace_id = next((text_of(trace, "id") for trace in _traces(data)), None)
        for score in [data] if _is_score(data) else _inner(data, "scores"):
            yield f"score {score.get('id')!r}", {"trace_id": trace_id, **score} if trace_id else score

    def opinion(self, raw: Any) -> Opinion:
        """See `Reviewed.opinion`."""
        return _opinion(raw)


def _is_observation(data: Mapping[str, Any]) -> bool:
    has_trace = "trace_id" in data or "traceId" in data
    return has_trace and str(data.get("type")).upper() in _TYPES and bool({"start_time", "startTime"} & data.keys())


def _is_score(data: Mapping[str, Any]) -> bool:
    has_value = bool({"value", "string_value", "stringValue"} & data.keys())
    has_trace = bool({"trace_id", "traceId", "observation_id", "observationId"} & data.keys())
    return has_value and has_trace and data.get("source") in _SOURCES


def _is_trace(data: Mapping[str, Any]) -> bool:
    inner = data.get("trace")
    if isinstance(inner, Mapping) and "observations" in data:
        return True
    has_session = bool({"session_id", "sessionId", "bookmarked", "observations"} & data.keys())
    return has_session and {"id", "timestamp"} <= data.keys() and bool({"input", "output"} & data.keys())


def _traces(data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    if not _is_trace(data):
        return []
    inner = data.get("trace")
    return [inner if isinstance(inner, Mapping) else data]


def _inner(data: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """The objects in a list of a trace; in tables there are only ids, or scores without their source."""
    held = decoded(data.get(name))
    return [each for each in held if isinstance(each, Mapping)] if isinstance(held, list) else []


def _trace_id(raw: Mapping[str, Any]) -> str | None:
    return required(raw, "id") if _TRACE in raw else text_of(raw, "trace_id", "traceId")


def _example_id(raw: Mapping[str, Any], trace_id: str | None) -> str:
    if _TRACE in raw:
        return example_id("langfuse_trace", None, required(raw, "id"))
    return example_id("langfuse", trace_id, required(raw, "id"))


def _around(raw: Mapping[str, Any]) -> _Around:
    user, session = first_of(raw, "user_id", "userId"), first_of(raw, "session_id", "sessionId")
    return _Around(name_of(user), named(session), tags_of(raw.get("tags")))


def _opinion(score: Mapping[str, Any]) -> Opinion:
    kind = str(first_of(score, "data_type", "dataType")).upper()
    text = text_of(score, "string_value", "stringValue", "long_string_value", "longStringValue")
    value = text if kind in ("CATEGORICAL", "TEXT") and text else score.get("value")
    correction = text or text_of(score, "value") if kind == "CORRECTION" else None
    at = first_of(score, "timestamp", "created_at", "createdAt")
    return Opinion(
        opinion_id=f"langfuse\0{required(score, 'id')}",
        key=text_of(score, "observation_id", "observationId"),
        trace_id=text_of(score, "traceId", "trace_id"),
        name=required(score, "name"),
        value=value,
        at=None if at is None else moment(at, "timestamp"),
        is_human=score.get("source") == _BY_PEOPLE,
        comment=text_of(score, "comment"),
        by=text_of(score, "author_user_id", "authorUserId"),
        correction=correction,
    )
