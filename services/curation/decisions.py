"""Decisions on examples as facts: approve, reject, take back, edit, and many at a time.

Every function takes `actor` (who decides) and, where the caller knows better than chance and the clock, the ids of the
facts and `at`. Nothing is published here but by `decide_all`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from msgspec import structs

from events.errors import InputError
from events.facts import (
    CorrectionRecorded,
    Decision,
    ExampleApproved,
    ExampleDescribed,
    ExampleRejected,
    ExampleReopened,
)
from events.subjects import new_event_id

from ..state.protocol import Progress
from .facts import Example, correction

BULK = 1_000
"""Examples in one bulk approval over HTTP at most."""

AT_ONCE = 16
"""Decisions of many that are on their way to the log at a time."""

EDITED = "edited and approved"
"""The reason of the approval that comes with an edit."""

D = TypeVar("D", bound=Decision | ExampleDescribed)
R = TypeVar("R")


class Unchanged(InputError):
    """A decision that would change texts leaves them as they are."""


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
    return ExampleApproved(
        **envelope(actor, event_id, at), example_id=example_id, revision=revision, context=context, reason=reason
    )


def rejection(
    example_id: str,
    *,
    actor: str,
    revision: int,
    reason: str,
    event_id: str | None = None,
    at: datetime | None = None,
) -> ExampleRejected:
    """The example stays out of training until somebody approves it. Raises InputError where no reason is given."""
    if not reason.strip():
        raise InputError("a rejection needs a reason: say why it must not be trained on")
    return ExampleRejected(**envelope(actor, event_id, at), example_id=example_id, revision=revision, reason=reason)


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
    return ExampleReopened(**envelope(actor, event_id, at), example_id=example_id, revision=revision, reason=reason)


def edit(
    example: Example,
    response: str | None = None,
    prompt: str | None = None,
    *,
    actor: str,
    reason: str | None = None,
    proposed_by: str | None = None,
    correction_id: str | None = None,
    event_id: str | None = None,
    at: datetime | None = None,
) -> tuple[CorrectionRecorded, ExampleApproved]:
    """A better answer, a better question or both, and their approval, to be published together.

    The answer stays what it is where none is given, and so does the question. `proposed_by` is the model whose
    suggestion was taken over. Raises Unchanged where both stay.
    """
    better_prompt = None if prompt == example["prompt"] else prompt
    if response in (None, example["response"]) and better_prompt is None:
        raise Unchanged("question and answer are the same as before; approve the example as it is")
    better = correction(
        example["response"] if response is None else response,
        corrected_prompt=better_prompt,
        actor=actor,
        example=example,
        reason=reason,
        at=at,
        correction_id=correction_id,
    )
    approved = approval(
        better.event_id,
        actor=actor,
        revision=0,
        context=example.get("context"),
        reason=EDITED,
        event_id=event_id,
        at=better.occurred_at,
    )
    return structs.replace(better, proposed_by=proposed_by), approved


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


def envelope(actor: str, event_id: str | None, at: datetime | None) -> dict[str, Any]:
    """Who says something, as which fact and when; a new id and now unless given."""
    return {"event_id": event_id or new_event_id(), "occurred_at": at or datetime.now(UTC), "actor": actor}
