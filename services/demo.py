"""The sample day: shipped interactions, and the review decisions that turn them into a training file."""

from __future__ import annotations

from datetime import datetime
from importlib.resources import files
from typing import Any, Literal

import msgspec

from events.codec import decode
from events.errors import RooflogError
from events.facts import AnyFact
from events.facts import Review as ReviewFact
from events.log.log import Log
from events.subjects import ROOT, subject_of

from .curation import decisions
from .state.client import State

REVIEWER = "qa-reviewer"

REVIEWED_AT = "2025-03-19T07:00:00Z"

EXPORTED = f"{ROOT}.training_set.exported."

MIN_EXAMPLES = 1
"""A single day is never enough to train on; the demo exports it all the same."""


class Review(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """One decision of the day's reviewer; `edit` needs a response."""

    decision: Literal["approve", "reject", "edit"]
    example_id: str
    reason: str | None = None
    response: str | None = None


def sample_day() -> list[AnyFact]:
    """The shipped interactions, feedback and corrections, in the order in which they happened."""
    return [decode(line) for line in _shipped("sample_day.jsonl")]


def reviews() -> list[Review]:
    """The shipped review decisions."""
    return [msgspec.json.decode(line, type=Review) for line in _shipped("sample_reviews.jsonl")]


async def play(log: Log, state: State) -> None:
    """Say the day's facts and the reviewer's decisions. Raises RooflogError on a log with other facts."""
    day = sample_day()
    decided = [_facts(review, day) for review in reviews()]
    subjects = {subject_of(fact) for fact in day} | {subject_of(fact) for facts in decided for fact in facts}
    async for messages in log.read(0):
        for message in messages:
            if message.subject not in subjects and not message.subject.startswith(EXPORTED):
                raise RooflogError(
                    f"the log already holds other facts (sequence {message.seq}: {message.subject}); "
                    "play the demo in a directory of its own: rooflog demo --data-dir DIR"
                )
    published = await log.publish(day)
    for event_id, reason in published.refused:
        raise RooflogError(f"the shipped sample day is damaged at {event_id}: {reason}")
    for facts in decided:
        if not await log.last([subject_of(facts[0])]):
            example = await state.ask("show", example_id=facts[0].example_id)
            await log.decide(*facts, revision=example["revision"])


def _facts(review: Review, day: list[AnyFact]) -> tuple[ReviewFact, ...]:
    """The facts of one decision, the same ones on every machine; the log checks the revision that `play` looks up."""
    at = msgspec.convert(REVIEWED_AT, datetime)
    reviewed = next(fact for fact in day if fact.event_id == review.example_id)
    envelope: dict[str, Any] = {"actor": REVIEWER, "at": at, "event_id": f"demo_{review.decision}_{review.example_id}"}
    if review.decision == "approve":
        return (decisions.approval(review.example_id, revision=0, reason=review.reason, **envelope),)
    if review.decision == "reject":
        return (decisions.rejection(review.example_id, revision=0, reason=review.reason or "", **envelope),)
    correction_id = envelope.pop("event_id")
    approval_id = f"demo_approve_{review.example_id}"
    example = msgspec.to_builtins(reviewed)
    better, approved = decisions.edit(
        example,
        review.response or "",
        reason=review.reason,
        correction_id=correction_id,
        event_id=approval_id,
        **envelope,
    )
    # As 0.1.0 said them: the day's log, tables and export are the same in every version.
    return msgspec.structs.replace(better, project_context="general"), msgspec.structs.replace(approved, reason=None)


def _shipped(name: str) -> list[bytes]:
    return [line for line in files("services").joinpath(name).read_bytes().splitlines() if line.strip()]
