"""Facts and messages as sentences: the command line, the web and the errors use the same ones."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC

from .errors import InvalidFact
from .facts import (
    CorrectionRecorded,
    ExampleCaptured,
    ExampleDescribed,
    ExampleRestated,
    Fact,
    FeedbackGiven,
    TrainingSetExported,
    TrainingTriggered,
    comments_of,
)
from .message import Message


def sentence(fact: Fact, *, with_time: bool = False) -> str:
    """A fact as a sentence: who did what, when if asked for, and their comments."""
    when = f" at {fact.occurred_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if with_time else ""
    by = f"by {fact.actor}{when}"
    match fact:
        case ExampleRestated():
            clause = f"restated without the earlier turns that its capture at sequence {fact.restates} copied"
        case ExampleCaptured():
            clause = f"captured {by} from {fact.source}" + _place(fact)
        case FeedbackGiven():
            clause = f"{fact.actor} gave {fact.feedback} feedback{when}"
        case CorrectionRecorded():
            clause = f"corrected {by} as {fact.event_id}"
            clause += f", as {fact.proposed_by} had suggested" if fact.proposed_by else ""
        case ExampleDescribed():
            clause = ", ".join((f"described {by}", *_changes(fact)))
        case TrainingSetExported():
            clause = f"exported {by} as {fact.export_digest[:12]}"
        case TrainingTriggered():
            clause = f"training {fact.outcome} on export {fact.export_digest[:12]}{when}"
        case _:
            clause = f"{fact.verb} {by}" if fact.noun == "example" else f"{fact.noun} {fact.verb} {by}"
    return ": ".join((clause, *filter(None, comments_of(fact))))


def _place(fact: ExampleCaptured) -> str:
    """Where in a conversation a capture stands; empty where it is in none."""
    within = f", in the conversation {fact.conversation}" if fact.conversation else ""
    return within + (f", after {fact.follows}" if fact.follows else "")


def _changes(fact: ExampleDescribed) -> Iterator[str]:
    """What a description changes, each in words."""
    if fact.added_tags:
        yield f"tagged {', '.join(fact.added_tags)}"
    if fact.removed_tags:
        yield f"no longer tagged {', '.join(fact.removed_tags)}"
    if fact.project_context is not None:
        yield f"of the project {fact.project_context}"
    if fact.include_in_training is not None:
        yield "not to be trained on" if not fact.include_in_training else "to be trained on"


def describe(message: Message) -> str:
    """The fact of a message as a sentence with its time, or the reason why the message holds none."""
    if message.is_missing:
        return "missing, and no tombstone says why"
    if message.erased is not None and message.erased.restated:
        return f"{message.parts.kind}; its copy of what sequence {message.erased_by} erased is gone, it was restated"
    if message.is_gone:
        return f"{message.parts.kind or 'a message'}; its text was erased, as sequence {message.erased_by} says"
    try:
        return sentence(message.fact(), with_time=True)
    except InvalidFact as error:
        return f"sequence {message.seq} holds no valid fact: {error}"
