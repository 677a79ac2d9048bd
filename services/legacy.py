"""The old store: `examples_*.jsonl` and `corrections.jsonl` as facts, the same facts however often they are read."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct, field

from events.codec import encode
from events.errors import InvalidFact
from events.facts import CorrectionRecorded, Document, ExampleCaptured, Fact, FeedbackGiven, Metadata
from events.log import Log
from events.subjects import subject_of

ACTOR = "import"

CORRECTION_COPY = "verified_correction"
"""The source under which the old store wrote every correction a second time, as an example."""

_METADATA = Metadata.__struct_fields__
_EXAMPLE = {
    "id", "timestamp", "source", "prompt", "response", "metadata", "quality", "tags", "project_context",
    "include_in_training", "document_type", "was_used", "modifications_made",
}  # fmt: skip
_DOCUMENT = Document.__struct_fields__

SLICE = 5_000
"""Facts published between two reports of progress."""


class Problem(Struct, frozen=True):
    """A line that could not be imported."""

    file: str
    line: int
    reason: str


class Report(Struct):
    """What an import did; `same_fact` are copies of corrections that the old store wrote as examples."""

    files: int = 0
    lines: int = 0
    new: int = 0
    existing: int = 0
    same_fact: int = 0
    problems: list[Problem] = field(default_factory=list)


class _Line(Struct):
    file: Path
    number: int
    data: dict[str, Any]

    def problem(self, reason: object) -> Problem:
        return Problem(str(self.file), self.number, str(reason))

    @property
    def words(self) -> tuple[Any, Any]:
        """Prompt and trainable answer: what a correction and its copy have in common."""
        return (
            self.data.get("original_prompt", self.data.get("prompt")),
            self.data.get("corrected_response", self.data.get("response")),
        )

    @property
    def is_correction(self) -> bool:
        return "corrected_response" in self.data


async def import_store(log: Log, paths: Iterable[Path], progress: Callable[[int, int], None] | None = None) -> Report:
    """Import files, or every `*.jsonl` below directories; bad lines are reported and everything else is imported.

    Raises FileNotFoundError for a path that is not there, and what `Log.publish` raises.
    """
    report = Report()
    lines = list(_read(_files(paths), report))
    aliases: dict[tuple[Any, Any], list[str]] = {line.words: [] for line in lines if line.is_correction}
    said: list[tuple[Fact, _Line]] = []
    for line in lines:
        if line.data.get("source") == CORRECTION_COPY and line.words in aliases:
            aliases[line.words].append(str(line.data.get("id")))
            report.same_fact += 1
    for line in lines:
        if line.data.get("source") == CORRECTION_COPY and line.words in aliases:
            continue
        try:
            facts = _correction(line.data, aliases[line.words]) if line.is_correction else _example(line.data)
            for fact in facts:
                encode(fact)
        except (InvalidFact, msgspec.ValidationError, ValueError) as error:
            report.problems.append(line.problem(error))
        else:
            said += [(fact, line) for fact in facts]
    said.sort(key=lambda pair: pair[0].occurred_at)
    for start in range(0, len(said), SLICE):
        await _publish(log, said[start : start + SLICE], report)
        if progress:
            progress(min(start + SLICE, len(said)), len(said))
    report.problems.sort(key=lambda problem: (problem.file, problem.line))
    return report


async def _publish(log: Log, said: list[tuple[Fact, _Line]], report: Report) -> None:
    published = await log.publish(fact for fact, _ in said)
    report.new += len(published.new)
    refused, existing = dict(published.refused), set(published.existing)
    known = await log.last([subject_of(fact) for fact, _ in said if fact.event_id in existing])
    for fact, line in said:
        if reason := refused.get(fact.event_id):
            report.problems.append(line.problem(reason))
        elif fact.event_id in existing and _text(known[subject_of(fact)].fact()) != _text(fact):
            report.problems.append(
                line.problem(f"{fact.event_id} is already in the log with another text; give this one its own id")
            )
    report.existing += len(published.existing)


def _text(fact: Fact) -> tuple[Any, ...]:
    if isinstance(fact, ExampleCaptured):
        return fact.prompt, fact.response
    if isinstance(fact, CorrectionRecorded):
        return fact.original_prompt, fact.original_response, fact.corrected_response
    return ()


def _files(paths: Iterable[Path]) -> list[Path]:
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            files += sorted(path.rglob("*.jsonl"))
        elif path.exists():
            files.append(path)
        else:
            raise FileNotFoundError(f"{path} is not there; give a file of JSON lines or a folder that holds some")
    return list(dict.fromkeys(files))


def _read(files: list[Path], report: Report) -> Iterator[_Line]:
    for path in files:
        report.files += 1
        with path.open("rb") as file:
            for number, raw in enumerate(file, 1):
                if not raw.strip():
                    continue
                report.lines += 1
                try:
                    data = msgspec.json.decode(raw, type=dict[str, Any])
                except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                    cut = "" if raw.endswith(b"\n") else "; the file ends in the middle of this line"
                    report.problems.append(Problem(str(path), number, f"not a JSON object: {error}{cut}"))
                else:
                    yield _Line(path, number, data)


def _example(data: dict[str, Any]) -> list[Fact]:
    example_id, at = _required(data, "id"), _moment(data)
    metadata = data.get("metadata") or {}
    quality = data.get("quality") or {}
    if not isinstance(metadata, dict) or not isinstance(quality, dict):
        raise ValueError("metadata and quality must be objects")
    other = {key: value for key, value in data.items() if key not in _EXAMPLE}
    other |= {key: value for key, value in metadata.items() if key not in _METADATA}
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
        tags=msgspec.convert(data.get("tags") or [], tuple[str, ...]),
        project_context=data.get("project_context") or "general",
        document=document,
        details={"old_store": {"quality": quality} | other} if quality or other else {},
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


def _correction(data: dict[str, Any], aliases: list[str]) -> list[Fact]:
    return [
        CorrectionRecorded(
            event_id=_required(data, "id"),
            occurred_at=_moment(data),
            actor=data.get("corrector") or ACTOR,
            example_id=data.get("example_id"),
            original_prompt=_required(data, "original_prompt"),
            original_response=_required(data, "original_response"),
            corrected_response=_required(data, "corrected_response"),
            reason=data.get("correction_reason"),
            corrector=data.get("corrector"),
            tags=msgspec.convert(data.get("tags") or [], tuple[str, ...]),
            project_context=data.get("project_context") or "general",
            include_in_training=_flag(data, "include_in_training", True),
            aliases=tuple(aliases),
        )
    ]


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


def _moment(data: dict[str, Any]) -> datetime:
    """The line's timestamp; the old store wrote UTC with and without saying so."""
    text = _required(data, "timestamp")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"timestamp {text!r} is not a time such as 2025-01-15T14:30:00") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
