"""The old store: `examples_*.jsonl` and `corrections.jsonl` as facts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from events import tags
from events.facts import CorrectionRecorded, Document, ExampleCaptured, Fact, FeedbackGiven, Metadata
from events.subjects import checked

from .format import ACTOR, Format, Left, Record
from .lines import Line
from .moments import moment

CORRECTION_COPY = "verified_correction"
"""The source under which the old store wrote every correction a second time, as an example."""

_METADATA = Metadata.__struct_fields__
_EXAMPLE = {
    "id", "timestamp", "source", "prompt", "response", "metadata", "quality", "tags", "project_context",
    "include_in_training", "document_type", "was_used", "modifications_made",
}  # fmt: skip
_DOCUMENT = Document.__struct_fields__

_Words = tuple[str, str]


class Store(Format):
    """Examples and corrections; a correction and its copy among the examples are one fact."""

    name = "store"
    description = 'an example or a correction of the old store, with "id", "timestamp", "prompt" or "original_prompt" …'

    def __init__(self) -> None:
        self._corrected: set[_Words] = set()
        self._copies: dict[_Words, dict[str, None]] = {}

    @staticmethod
    def recognises(data: dict[str, Any]) -> bool:
        """See `Format.recognises`."""
        return "timestamp" in data and ("prompt" in data or "original_prompt" in data)

    def survey(self, line: Line) -> None:
        """See `Format.survey`: which corrections there are, and under which ids they were copied."""
        if _is_correction(line.data):
            self._corrected.add(_words(line.data))
        elif line.data.get("source") == CORRECTION_COPY:
            self._copies.setdefault(_words(line.data), {})[checked(_required(line.data, "id"))] = None

    def facts(self, record: Record) -> Iterator[Fact | Left]:
        """See `Format.facts`."""
        data = record.data
        if _is_correction(data):
            yield _correction(data, tuple(self._copies.get(_words(data), ())))
        elif data.get("source") == CORRECTION_COPY and _words(data) in self._corrected:
            yield Left.SAME_FACT
        else:
            yield from _example(data)


def _words(data: dict[str, Any]) -> _Words:
    """Prompt and trainable answer: what a correction and its copy have in common. Raises ValueError."""
    if _is_correction(data):
        return _required(data, "original_prompt"), _required(data, "corrected_response")
    return _required(data, "prompt"), _required(data, "response")


def _is_correction(data: dict[str, Any]) -> bool:
    return "corrected_response" in data


def _example(data: dict[str, Any]) -> list[Fact]:
    example_id, at = _required(data, "id"), moment(data.get("timestamp"), "timestamp")
    metadata = data.get("metadata") or {}
    quality = data.get("quality") or {}
    if not isinstance(metadata, dict) or not isinstance(quality, dict):
        raise ValueError("metadata and quality must be objects")
    unknown = {key: value for key, value in data.items() if key not in _EXAMPLE}
    unknown |= {key: value for key, value in metadata.items() if key not in _METADATA}
    document = None
    if data.get("document_type") is not None:
        document = msgspec.convert({key: data[key] for key in _DOCUMENT if data.get(key) is not None}, Document)
    capture = ExampleCaptured(
        event_id=example_id,
        occurred_at=at,
        actor=ACTOR,
        example_id=example_id,
        prompt=_required(data, "prompt"),
        response=_required(data, "response"),
        source=_required(data, "source"),
        metadata=msgspec.convert({k: v for k, v in metadata.items() if k in _METADATA}, Metadata),
        tags=tags.distinct(filter(str.strip, msgspec.convert(data.get("tags") or [], list[str]))),
        project_context=data.get("project_context") or "general",
        document=document,
        details={"old_store": {"quality": quality} | unknown} if quality or unknown else {},
        include_in_training=_flag(data, "include_in_training", True),
        was_corrected=_flag(quality, "was_corrected", False),
    )
    feedback = quality.get("user_feedback") or ("positive" if quality.get("verified_accurate") is True else None)
    if feedback is None:
        return [capture]
    if feedback not in ("positive", "negative"):
        raise ValueError(f"quality.user_feedback is {feedback!r}; it can be positive, negative or null")
    given = FeedbackGiven(
        event_id=hashlib.sha256(f"feedback {feedback} {example_id}".encode()).hexdigest()[:32],
        occurred_at=at,
        actor=ACTOR,
        example_id=example_id,
        feedback=msgspec.convert(feedback, Literal["positive", "negative"]),
    )
    return [capture, given]


def _correction(data: dict[str, Any], aliases: tuple[str, ...]) -> Fact:
    return CorrectionRecorded(
        event_id=_required(data, "id"),
        occurred_at=moment(data.get("timestamp"), "timestamp"),
        actor=data.get("corrector") or ACTOR,
        example_id=data.get("example_id"),
        original_prompt=_required(data, "original_prompt"),
        original_response=_required(data, "original_response"),
        corrected_response=_required(data, "corrected_response"),
        reason=data.get("correction_reason"),
        corrector=data.get("corrector"),
        tags=tags.distinct(filter(str.strip, msgspec.convert(data.get("tags") or [], list[str]))),
        project_context=data.get("project_context") or "general",
        include_in_training=_flag(data, "include_in_training", True),
        aliases=aliases,
    )


def _required(data: dict[str, Any], name: str) -> str:
    value = data.get(name)
    if not isinstance(value, str):
        raise ValueError(f"{name} must be a text, but is {'missing' if name not in data else repr(value)}")
    return value


def _flag(data: dict[str, Any], name: str, default: bool) -> bool:
    value = data.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be true or false, but is {value!r}")
    return value
