"""Exports of Label Studio: tasks with their annotations, and the short JSON and CSV with an annotation each.

Choices, stars and texts of annotations are feedback and corrections. Predictions are a model's, and a cancelled
annotation is nobody's opinion.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from . import ratings
from .format import Format, Part, Record
from .moments import moment
from .opinions import Response, annotated, is_asked

_OF_ANNOTATIONS = {
    "id", "annotator", "annotation_id", "created_at", "updated_at", "lead_time", "agreement", "project", "history",
}  # fmt: skip


class LabelStudio(Format):
    """A task a line, or an annotation of one."""

    name = "label_studio"
    description = 'a task of Label Studio, {"data", "annotations", …}, or a row of its JSON_MIN and CSV'

    @staticmethod
    def recognises(data: dict[str, Any]) -> bool:
        """See `Format.recognises`."""
        if isinstance(data.get("data"), Mapping) and ("annotations" in data or "completions" in data):
            return True
        return "annotation_id" in data and "lead_time" in data

    def facts(self, record: Record) -> Iterator[Part]:
        """See `Format.facts`."""
        data = record.data
        beside = {"created_at": data["created_at"]} if data.get("created_at") is not None else {}
        if isinstance(fields := data.get("data"), Mapping):
            given = data.get("annotations", data.get("completions"))
            opinions = [each for one in given if isinstance(given, list) for each in _of(one)] if given else []
            beside |= {name: fields[name] for name in ("tags", "metadata", "model") if fields.get(name) is not None}
        else:
            fields = {name: value for name, value in data.items() if name not in _OF_ANNOTATIONS}
            opinions = list(_of_row(data))
        yield from annotated(record, beside, fields, None, opinions)


def _of(annotation: Mapping[str, Any]) -> Iterator[Response]:
    """What an annotation says, none where it was cancelled."""
    if annotation.get("was_cancelled") or annotation.get("skipped"):
        return
    actor, at = _person(annotation.get("completed_by")), _at(annotation)
    for result in annotation.get("result") or ():
        value = result.get("value")
        for each in _values(value if isinstance(value, Mapping) else {}):
            yield Response(str(result.get("from_name") or result.get("type")), each, actor, at)


def _of_row(data: Mapping[str, Any]) -> Iterator[Response]:
    """What a row says: stars and choices are objects or texts there, and a bare number is of the task."""
    actor, at = _person(data.get("annotator")), _at(data)
    for name, value in data.items():
        if name in _OF_ANNOTATIONS or not is_asked(name):
            continue
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, str):
                yield Response(name, each, actor, at)
            elif isinstance(each, Mapping):
                for inner in _values(each):
                    yield Response(name, inner, actor, at)


def _values(value: Mapping[str, Any]) -> Iterator[Any]:
    for name in ("choices", "text"):
        given = value.get(name)
        yield from given if isinstance(given, list) else [] if given is None else [given]
    if value.get("rating") is not None:
        yield value["rating"]


def _person(value: Any) -> str | None:
    named = value if isinstance(value, Mapping) else {"id": value}
    return ratings.person(named, ("email", "username", "id"))


def _at(data: Mapping[str, Any]) -> datetime | None:
    at = data.get("created_at")
    return None if at is None else moment(at, "created_at")
