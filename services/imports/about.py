"""What a source says about an answer beside its words: when, for whom, by which model, how it ended, what it cost."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from events.tags import of_source

from . import ratings
from .moments import moment

_TIMES = ("created", "created_at", "createdAt", "timestamp", "create_time", "createTime", "completed_at", "inserted_at")
_PEOPLE = ("user", "user_id", "userId", "username", "end_user", "safety_identifier", "created_by")
_PROJECTS = ("project", "project_context", "project_name")
_MODELS = ("model", "model_name", "modelVersion", "model_version")
_REASONS = ("finish_reason", "stop_reason", "finishReason")
_USAGES = ("usage", "usageMetadata", "usage_metadata")
_ASKED = ("prompt_tokens", "input_tokens", "tokens_in", "promptTokenCount", "prompt_token_count")
_ASKED_MORE = ("cache_creation_input_tokens", "cache_read_input_tokens")
"""Tokens of a question that Anthropic counts apart."""

_ANSWERED = ("completion_tokens", "output_tokens", "tokens_out", "candidatesTokenCount", "candidates_token_count")
_ANSWERED_MORE = ("thoughtsTokenCount", "thoughts_token_count")
"""Tokens of an answer that Gemini counts apart."""

_MILLISECONDS = ("latency_ms", "latencyMs", "duration_ms", "response_time_ms", "elapsed_ms")
_SECONDS = ("latency_s", "latency_seconds", "duration_s", "duration_seconds", "response_time_seconds")

_TRAINED = ("weight", "train", "training", "include_in_training")
_LEFT_OUT = ("exclude", "excluded", "exclude_from_training", "excluded_from_training")
_CORRECTIONS = ("correction", "corrected_response", "corrected_answer", "edited_response", "ideal_response")

_LARGEST = 2**53
"""No count of tokens or milliseconds is as large."""


class About(Struct, kw_only=True):
    """What is known of an answer; the nearest that says it counts: the message, the line, then its metadata."""

    at: datetime | None = None
    actor: str | None = None
    tags: tuple[str, ...] = ()
    project: str | None = None
    model: str | None = None


class Numbers(Struct, kw_only=True):
    """What an answer cost, latency in milliseconds; `broken` counts what cannot be read."""

    latency_ms: float | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    broken: int = 0


def about(*data: Mapping[str, Any]) -> About:
    """What some objects say of an answer, the nearest first. Raises ValueError for a time or tags that are none."""
    where = list(_nested(data))
    at = next(((name, each[name]) for each in data for name in _TIMES if each.get(name) is not None), None)
    return About(
        at=moment(at[1], at[0]) if at else None,
        actor=next(filter(None, (ratings.person(each, _PEOPLE) for each in where)), None),
        tags=next(filter(None, map(_tags, where)), ()),
        project=_name(where, _PROJECTS),
        model=_name(where, _MODELS),
    )


def finish_reason(*data: Mapping[str, Any]) -> str | None:
    """Why an answer ended."""
    return _name(data, _REASONS)


def numbers(*data: Mapping[str, Any]) -> Numbers:
    """What some objects say an answer cost, the nearest first."""
    given = Numbers()
    where = [inner for each in _nested(data) for inner in (each, *_inner(each, _USAGES))]
    given.tokens_in = _tokens(where, _ASKED, _ASKED_MORE, given)
    given.tokens_out = _tokens(where, _ANSWERED, _ANSWERED_MORE, given)
    for names, scale in ((_MILLISECONDS, 1.0), (_SECONDS, 1e3)):
        value = _first(where, names)
        if value is not None and given.latency_ms is None:
            number = _number(value)
            given.latency_ms = None if number is None else number * scale
            given.broken += number is None
    return given


def is_excluded(data: Mapping[str, Any], where: str) -> bool:
    """Whether an object says that it is not to be trained on. Raises ValueError where that cannot be read."""
    for names, wanted in ((_TRAINED, True), (_LEFT_OUT, False)):
        for name in names:
            value = ratings.number_of(data.get(name))
            if value is not None and (not isinstance(value, int | float) or math.isnan(value)):
                raise ValueError(f"{where} has {name} {value!r}; give 0 or 1")
            if value is not None and bool(value) is not wanted:
                return True
    return False


def correction(data: Mapping[str, Any]) -> str | None:
    """What an answer should have been, as a message, a line or its feedback says it."""
    for each in (data, *_inner(data, ("feedback", "user_feedback", "annotation"))):
        value = None if ratings.is_judged(each) else _first([each], _CORRECTIONS)
        if isinstance(value, Mapping) and not ratings.is_judged(value):
            value = _first([value], ("text", "content", "value", "response", "output"))
        if isinstance(value, str) and value.strip():
            return value
    return None


def _nested(data: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    whole = list(data)
    yield from whole
    for each in whole:
        yield from _inner(each, ("metadata",))


def _inner(data: Mapping[str, Any], names: Iterable[str]) -> Iterator[Mapping[str, Any]]:
    for name in names:
        if isinstance(value := data.get(name), Mapping):
            yield value


def _first(where: Iterable[Mapping[str, Any]], names: Iterable[str]) -> Any:
    return next((each[name] for each in where for name in names if each.get(name) is not None), None)


def _name(where: Iterable[Mapping[str, Any]], names: Iterable[str]) -> str | None:
    value = _first(where, names)
    return value if isinstance(value, str) and value.strip() else None


def _tags(data: Mapping[str, Any]) -> tuple[str, ...]:
    value = data.get("tags")
    return of_source(value.split(",") if isinstance(value, str) else value if isinstance(value, list) else ())


def _tokens(where: list[Mapping[str, Any]], names: Iterable[str], more: Iterable[str], given: Numbers) -> int | None:
    place = next((each for each in where if any(each.get(name) is not None for name in names)), None)
    if place is None:
        return None
    values = [_first([place], names), *(place[name] for name in more if place.get(name) is not None)]
    counts = [_number(value) for value in values]
    given.broken += counts.count(None)
    return None if counts[0] is None else int(sum(count for count in counts if count is not None))


def _number(value: Any) -> float | None:
    try:
        number = -1.0 if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if 0 <= number < _LARGEST else None
