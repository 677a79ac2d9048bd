"""Phoenix: its spans, as rows of a data frame or as its client gives them, and the annotations of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from .conventions.openinference import KIND
from .format import Left
from .messages import decoded
from .moments import moment
from .otlp import Span
from .reviewed import Reviewed, first_of, nanoseconds, optional_nanoseconds, required, text_of
from .scores import Opinion
from .spans import recorded
from .traces import Recorded

_ATTRIBUTES = "attributes."


class Phoenix(Reviewed):
    """A span or an annotation a line; people's annotations become feedback."""

    name = "phoenix"
    description = 'spans and annotations of Phoenix, {"context.span_id", …} and {"span_id", "annotator_kind", …}'

    @staticmethod
    def recognises(data: dict[str, Any]) -> bool:
        """See `Format.recognises`."""
        return _is_annotation(data) or "context.span_id" in data or ("context" in data and "span_kind" in data)

    def calls(self, data: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """See `Traces.calls`."""
        if not _is_annotation(data):
            yield "the span", data

    def place(self, raw: Any) -> tuple[str, str | None]:
        """See `Reviewed.place`."""
        trace_id, span_id = _ids(raw)
        return span_id, trace_id

    def recorded(self, raw: Any) -> Recorded | Left:
        """See `Traces.recorded`."""
        trace_id, span_id = _ids(raw)
        attributes = dict(_attributes(raw))
        if kind := text_of(raw, "span_kind"):
            attributes.setdefault(KIND, kind)
        return recorded(
            Span(
                trace_id=trace_id,
                span_id=span_id,
                began=nanoseconds(raw.get("start_time"), "start_time"),
                ended=optional_nanoseconds(raw.get("end_time")),
                attributes=attributes,
                events=[*_events(decoded(raw.get("events")))],
                is_failed=str(raw.get("status_code")).upper() == "ERROR",
                status=text_of(raw, "status_message") or "",
            )
        )

    def opinions(self, data: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """See `Reviewed.opinions`; those of a span may stand in its own line."""
        if _is_annotation(data):
            yield "the annotation", data
            return
        held = decoded(first_of(data, "annotations", "span_annotations"))
        for number, annotation in enumerate(held if isinstance(held, list) else (), 1):
            is_whole = isinstance(annotation, Mapping)
            yield f"annotation {number}", {**_ids_held(data), **annotation} if is_whole else annotation

    def opinion(self, raw: Any) -> Opinion:
        """See `Reviewed.opinion`."""
        if not isinstance(raw, Mapping):
            raise ValueError(f"an annotation must be an object, but is {raw!r}")
        return _opinion(raw)


def _is_annotation(data: Mapping[str, Any]) -> bool:
    return "annotator_kind" in data and ("span_id" in data or "context.span_id" in data)


def _ids_held(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The ids of a span by the names of columns, also where they are in an object."""
    context = decoded(raw.get("context"))
    inner = {f"context.{name}": value for name, value in context.items()} if isinstance(context, Mapping) else {}
    return {name: value for name, value in {**raw, **inner}.items() if name.startswith("context.")}


def _ids(raw: Mapping[str, Any]) -> tuple[str, str]:
    held = _ids_held(raw)
    return required(held, "context.trace_id").lower(), required(held, "context.span_id").lower()


def _attributes(raw: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The attributes by their dotted names, whether they are columns or one object, nested or not."""
    for name, value in raw.items():
        if name.startswith(_ATTRIBUTES):
            yield from _flat(name.removeprefix(_ATTRIBUTES), decoded(value))
    whole = decoded(raw.get("attributes"))
    for name, value in whole.items() if isinstance(whole, Mapping) else ():
        yield from _flat(str(name), value)


def _flat(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and not name.endswith(".value"):
        for inner, each in value.items():
            yield from _flat(f"{name}.{inner}", each)
    elif value is not None and not (isinstance(value, float) and math.isnan(value)):
        yield name, value


def _events(held: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for event in held if isinstance(held, list) else ():
        if isinstance(event, Mapping):
            attributes = decoded(event.get("attributes"))
            yield str(event.get("name")), dict(attributes) if isinstance(attributes, Mapping) else {}


def _opinion(data: Mapping[str, Any]) -> Opinion:
    result = decoded(data.get("result"))
    held = dict(data)
    if isinstance(result, Mapping):
        held |= {f"result.{name}": value for name, value in result.items()}
    key, name = required(data, "span_id", "context.span_id"), required(data, "name", "annotation_name")
    score, label = first_of(held, "result.score", "score"), text_of(held, "result.label", "label")
    at = first_of(data, "updated_at", "created_at")
    return Opinion(
        opinion_id="\0".join(["phoenix", key, name, text_of(data, "id", "identifier") or ""]),
        key=key.lower(),
        trace_id=None,
        name=name,
        value=label if score is None else score,
        at=None if at is None else moment(at, "created_at"),
        is_human=str(data.get("annotator_kind")).upper() == "HUMAN",
        comment=text_of(held, "result.explanation", "explanation"),
        by=text_of(data, "user_id"),
    )
