"""Records of Argilla: as `to_dict` and `to_json` write them, as rows of a dataset, and those of version 1.

What people submitted is feedback and corrections. Drafts are nobody's opinion yet, and suggestions are a model's. A
record that somebody discarded and nobody submitted is never trained on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from . import ratings, responses
from .format import Format, Part, Record
from .moments import moment
from .opinions import Response, annotated

_KEPT = ("inserted_at", "updated_at", "tags", "user_id")
_OF_RECORDS = {"id", "status", "_server_id", "external_id", "metadata", "vectors", *_KEPT}
_SUBMITTED, _DISCARDED, _PENDING = "submitted", "discarded", "pending"


class _Given(msgspec.Struct, frozen=True):
    """A response of somebody to a question, as any version has it."""

    question: str
    value: Any
    actor: str | None
    status: str


class Argilla(Format):
    """A record a line."""

    name = "argilla"
    description = 'a record of Argilla with its responses, {"fields", "responses", …} or a row of its dataset'

    @staticmethod
    def recognises(data: dict[str, Any]) -> bool:
        """See `Format.recognises`."""
        if isinstance(data.get("fields"), Mapping) and ("responses" in data or "suggestions" in data):
            return True
        is_row = any(name.endswith((".responses", ".suggestion")) for name in data)
        return is_row or ("external_id" in data and any(name.endswith("-suggestion") for name in data))

    def facts(self, record: Record) -> Iterator[Part]:
        """See `Format.facts`."""
        data = record.data
        nested = data.get("fields")
        fields = nested if isinstance(nested, Mapping) else _fields(data)
        given = list(_responses(data, nested is not None))
        statuses = {each.status for each in given}
        beside = {name: data[name] for name in _KEPT if data.get(name) is not None}
        beside |= {"metadata": metadata} if isinstance(metadata := data.get("metadata"), Mapping) else {}
        if _DISCARDED in statuses and _SUBMITTED not in statuses:
            beside["exclude"] = True
        ids = map(responses.own_id, (data.get(name) for name in ("id", "external_id", "_server_id")))
        own_id = next(filter(None, ids), None)
        at = moment(beside["updated_at"], "updated_at") if "updated_at" in beside else None
        opinions = [Response(each.question, each.value, each.actor, at) for each in given if each.status == _SUBMITTED]
        yield from annotated(record, beside, fields, own_id, opinions)


def _fields(data: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a row: what is neither of the record nor of a question."""
    questions = {
        name.rpartition(end)[0] for end in (".responses", ".suggestion", "-suggestion") for name in data if end in name
    }
    return {
        name: value
        for name, value in data.items()
        if name not in _OF_RECORDS
        and name not in questions
        and not re.search(r"\.(responses|suggestion)|-suggestion", name)
    }


def _responses(data: Mapping[str, Any], is_nested: bool) -> Iterator[_Given]:
    responses = data.get("responses")
    without = "draft" if data.get("status") == _PENDING else _SUBMITTED
    if is_nested and isinstance(responses, Mapping):
        for question, answers in responses.items():
            for answer in answers if isinstance(answers, list) else [answers]:
                yield _given(question, answer, without)
    elif is_nested:
        for user in responses if isinstance(responses, list) else ():
            values = user.get("values") or {}
            for question, answer in values.items():
                yield _given(question, {**user, "value": answer.get("value")}, without)
            if not values:
                yield _given("", user, without)
    else:
        yield from _of_row(data, without)


def _of_row(data: Mapping[str, Any], without: str) -> Iterator[_Given]:
    for name, values in data.items():
        question, end, rest = name.partition(".responses")
        if end and not rest and isinstance(values, list):
            users, statuses = data.get(f"{name}.users"), data.get(f"{name}.status")
            for n, value in enumerate(values):
                answer = {"value": value, "user_id": _at(users, n), "status": _at(statuses, n)}
                yield _given(question, answer, without)
        elif f"{name}-suggestion" in data and isinstance(values, list):
            for answer in values:
                yield _given(name, answer, without)


def _at(values: Any, n: int) -> Any:
    return values[n] if isinstance(values, list) and n < len(values) else None


def _given(question: str, answer: Mapping[str, Any], without: str) -> _Given:
    """A response; where it does not say its status, that of a record which waits is a draft."""
    user, status = answer.get("user_id"), answer.get("status")
    return _Given(question, answer.get("value"), ratings.name_of(user), str(status or without))
