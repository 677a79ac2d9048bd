"""Decisions on examples as facts: approve, reject, take back, edit, redact, and many at a time.

Every function takes `actor` (who decides) and, where the caller knows better than chance and the clock, the ids of the
facts and `at`. Nothing is published here but by `decide_all`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from msgspec import Struct

from events.errors import InputError, InvalidFact
from events.facts import (
    CorrectionRecorded,
    Decision,
    ExampleApproved,
    ExampleRedacted,
    ExampleRejected,
    ExampleReopened,
    PersonalData,
)
from events.subjects import new_event_id
from projections.texts import personal_data
from projections.texts.personal_data import Span

from ..state.protocol import Progress
from .facts import Example, correction

BULK = 1_000
"""Examples in one bulk approval over HTTP at most."""

AT_ONCE = 16
"""Decisions of many that are on their way to the log at a time."""

EDITED = "edited and approved"
"""The reason of the approval that comes with an edit."""

D = TypeVar("D", bound=Decision)
R = TypeVar("R")


class Unchanged(InputError):
    """A decision that would change texts leaves them as they are."""


class Proposal(Struct, frozen=True):
    """A redaction as the rules propose it; `spans` also holds guesses, which only a reviewer can judge."""

    spans: list[Span]
    texts: dict[str, str]

    @property
    def certain(self) -> list[Span]:
        """The spans that are replaced in the texts."""
        return [span for span in self.spans if not span.is_flag]


def approval(
    example_id: str,
    *,
    actor: str,
    revision: int,
    context: str | None = None,
    reason: str | None = None,
    event_id: str | None = None,
    at: datetime | None = None,
) -> ExampleApproved:
    """The example is to be trained on; `revision` and `context`, of a turn, are those that were looked at."""
    envelope = _envelope(actor, event_id, at)
    return ExampleApproved(**envelope, example_id=example_id, revision=revision, context=context, reason=reason)


def rejection(
    example_id: str,
    *,
    actor: str,
    revision: int,
    reason: str,
    event_id: str | None = None,
    at: datetime | None = None,
) -> ExampleRejected:
    """The example stays out of training until somebody approves it."""
    return ExampleRejected(**_envelope(actor, event_id, at), example_id=example_id, revision=revision, reason=reason)


def reopening(
    example_id: str,
    *,
    actor: str,
    revision: int,
    reason: str | None = None,
    event_id: str | None = None,
    at: datetime | None = None,
) -> ExampleReopened:
    """A decision is taken back: the example stands undecided again."""
    return ExampleReopened(**_envelope(actor, event_id, at), example_id=example_id, revision=revision, reason=reason)


def edit(
    example: Example,
    response: str,
    *,
    actor: str,
    reason: str | None = None,
    correction_id: str | None = None,
    event_id: str | None = None,
    at: datetime | None = None,
) -> tuple[CorrectionRecorded, ExampleApproved]:
    """A better answer and its approval, to be published together. Raises Unchanged for the same answer."""
    if response == example["response"]:
        raise Unchanged("the response is the same as before; approve the example as it is")
    better = correction(response, actor=actor, example=example, reason=reason, at=at, correction_id=correction_id)
    approved = approval(
        better.event_id,
        actor=actor,
        revision=0,
        context=example.get("context"),
        reason=EDITED,
        event_id=event_id,
        at=better.occurred_at,
    )
    return better, approved


def proposal(example: Example) -> Proposal:
    """Personal data in an example's texts, and the texts with all that is certain replaced."""
    spans, texts = personal_data.proposal(example["prompt"], example["response"], example["original_response"])
    return Proposal(spans, {str(name): text for name, text in texts.items()})


def redaction(
    example: Example,
    proposed: Proposal,
    texts: Mapping[str, str | None] = {},
    *,
    actor: str,
    event_id: str | None = None,
    at: datetime | None = None,
) -> ExampleRedacted:
    """Texts without personal data: those that are given, else as proposed.

    Raises Unchanged where the texts stay as they are, InvalidFact for a text that the example does not have.
    """
    given = {name: text for name, text in texts.items() if text is not None}
    if unknown := given.keys() - proposed.texts.keys():
        raise InvalidFact("invalid", f"this example is no correction, so it has no {', '.join(unknown)}")
    wanted = proposed.texts | given
    if all(text == example[name] for name, text in wanted.items()):
        raise Unchanged("the texts are the same as before; there is nothing to redact")
    replaced = (
        PersonalData(kind=span.kind, field=span.field, start=span.start, end=span.end) for span in proposed.certain
    )
    return ExampleRedacted(
        **_envelope(actor, event_id, at),
        example_id=example["example_id"],
        prompt=wanted["prompt"],
        response=wanted["response"],
        original_response=wanted.get("original_response"),
        found=tuple(replaced),
    )


async def decide_all(
    facts: Sequence[D],
    decide: Callable[[D], Awaitable[R]],
    refusals: tuple[type[Exception], ...],
    progress: Progress | None = None,
) -> list[R | Exception]:
    """Publish many decisions, some at a time; for each, in their order, what `decide` returned or why it was refused.

    `refusals` are the errors that concern one example; any other one ends it all.
    """
    room, done = asyncio.Semaphore(AT_ONCE), 0

    async def outcome(fact: D) -> R | Exception:
        nonlocal done
        async with room:
            try:
                return await decide(fact)
            except refusals as error:
                return error
            finally:
                done += 1
                if progress:
                    progress(done, len(facts))

    tasks = [asyncio.create_task(outcome(fact)) for fact in facts]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _envelope(actor: str, event_id: str | None, at: datetime | None) -> dict[str, Any]:
    return {"event_id": event_id or new_event_id(), "occurred_at": at or datetime.now(UTC), "actor": actor}
