"""Routes of reviewers: approve, reject, edit, redact, each on the revision that was looked at, and approval in bulk."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import msgspec
from litestar import Router, get, post
from litestar.params import JSONBody
from msgspec import Struct

from events import calls
from events.errors import InvalidFact, RooflogError
from events.facts import ExampleApproved, ExampleRedacted, ExampleRejected, ExampleReopened, PersonalData
from events.subjects import new_event_id
from projections.texts import personal_data

from .. import bodies
from ..access.auth import may
from ..errors import Refusal, refusal_of
from ..gateway import Gate, event_id
from .facts import Call, ExampleId, Key

AT_ONCE = 16
"""Decisions of a bulk approval that are on their way to the log at a time."""


class Decided(Struct, frozen=True):
    """The decision is on the log."""

    example_id: str
    seq: int


class Edited(Struct, frozen=True):
    """The correction, its approval included, is on the log."""

    example_id: str
    correction_id: str
    seq: int


class Undecided(Struct, frozen=True):
    """One example of a bulk approval that was refused, and why."""

    example_id: str
    code: str
    message: str
    details: dict[str, Any] = {}


class DecidedInBulk(Struct, frozen=True):
    """What became of a bulk approval."""

    approved: list[Decided]
    refused: list[Undecided]


class Proposal(Struct, frozen=True):
    """A redaction as the rules propose it: `found` also holds guesses, which only a reviewer can judge."""

    example_id: str
    revision: int
    found: list[dict[str, Any]]
    texts: dict[str, str]


def _envelope(request: Call, call: str, key: str | None) -> dict[str, Any]:
    actor = request.user.name
    made = event_id(actor, call, key) if key else new_event_id()
    return {"event_id": made, "occurred_at": datetime.now(UTC), "actor": actor}


@post("/examples/{example_id:str}/approve", status_code=201, summary="Approve an example")
async def approve(
    gateway: Gate, request: Call, example_id: ExampleId, data: JSONBody[bodies.Approval], key: Key = None
) -> Decided:
    """Refused with 409 and what was said since, if the example has changed since the revision."""
    fact = ExampleApproved(
        **_envelope(request, "approve", key), example_id=example_id, revision=data.revision, reason=data.reason
    )
    return Decided(example_id, await gateway.decide(fact, revision=data.revision, is_keyed=bool(key)))


@post("/examples/{example_id:str}/reject", status_code=201, summary="Reject an example")
async def reject(
    gateway: Gate, request: Call, example_id: ExampleId, data: JSONBody[bodies.Rejection], key: Key = None
) -> Decided:
    """It stays out of training until somebody approves it. Refused as in approve."""
    fact = ExampleRejected(
        **_envelope(request, "reject", key), example_id=example_id, revision=data.revision, reason=data.reason
    )
    return Decided(example_id, await gateway.decide(fact, revision=data.revision, is_keyed=bool(key)))


@post("/examples/{example_id:str}/reopen", status_code=201, summary="Take a decision back")
async def reopen(
    gateway: Gate, request: Call, example_id: ExampleId, data: JSONBody[bodies.Approval], key: Key = None
) -> Decided:
    """The example stands undecided again and waits for review where it did before. Refused as in approve."""
    fact = ExampleReopened(
        **_envelope(request, "reopen", key), example_id=example_id, revision=data.revision, reason=data.reason
    )
    return Decided(example_id, await gateway.decide(fact, revision=data.revision, is_keyed=bool(key)))


@post("/examples/{example_id:str}/edit", status_code=201, summary="Edit an answer and approve it")
async def edit(
    gateway: Gate, request: Call, example_id: ExampleId, data: JSONBody[bodies.Edit], key: Key = None
) -> Edited:
    """A correction and its approval, both or neither. Refused as in approve."""
    actor = request.user.name
    example = await gateway.example(actor, example_id)
    if data.response == example["response"]:
        raise Refusal(422, "the response is the same as before; approve the example as it is", code="unchanged")
    correction = calls.correction(
        example["prompt"],
        example["response"],
        data.response,
        actor=actor,
        reason=data.reason,
        example_id=example["example_id"],
        tags=example["tags"],
        project=example["project_context"],
        correction_id=f"correction_{event_id(actor, 'edit', key)}" if key else None,
    )
    approval = ExampleApproved(
        **_envelope(request, "edit", key), example_id=correction.event_id, revision=0, reason="edited and approved"
    )
    seq = await gateway.decide(correction, approval, revision=data.revision, is_keyed=bool(key))
    return Edited(example["example_id"], correction.event_id, seq)


@get("/examples/{example_id:str}/redaction", summary="Propose a redaction")
async def propose(gateway: Gate, request: Call, example_id: ExampleId) -> Proposal:
    """Personal data in the example and the texts without it; nothing is said."""
    example = await gateway.example(request.user.name, example_id)
    spans, texts = personal_data.proposal(example["prompt"], example["response"], example["original_response"])
    found = [msgspec.to_builtins(span) | {"is_guess": span.is_flag} for span in spans]
    return Proposal(example["example_id"], example["revision"], found, {str(k): v for k, v in texts.items()})


@post("/examples/{example_id:str}/redact", status_code=201, summary="Replace personal data")
async def redact(
    gateway: Gate, request: Call, example_id: ExampleId, data: JSONBody[bodies.Redaction], key: Key = None
) -> Decided:
    """Texts that are not given are redacted by the rules. Refused as in approve, or with 422 if nothing changes."""
    example = await gateway.example(request.user.name, example_id)
    spans, texts = personal_data.proposal(example["prompt"], example["response"], example["original_response"])
    proposed = {str(name): text for name, text in texts.items()}
    given = {name: text for name in proposed if (text := getattr(data, name)) is not None}
    if data.original_response is not None and example["original_response"] is None:
        raise InvalidFact("invalid", "this example is no correction, so it has no original_response")
    wanted = proposed | given
    if all(wanted[name] == example[name] for name in wanted):
        raise Refusal(422, "the texts are the same as before; there is nothing to redact", code="unchanged")
    fact = ExampleRedacted(
        **_envelope(request, "redact", key),
        example_id=example["example_id"],
        prompt=wanted["prompt"],
        response=wanted["response"],
        original_response=wanted.get("original_response"),
        found=tuple(
            PersonalData(kind=span.kind, field=span.field, start=span.start, end=span.end)
            for span in spans
            if not span.is_flag
        ),
    )
    return Decided(fact.example_id, await gateway.decide(fact, revision=data.revision, is_keyed=bool(key)))


@post("/decisions/approve", status_code=200, summary="Approve many examples")
async def approve_many(
    gateway: Gate, request: Call, data: JSONBody[bodies.BulkApproval], key: Key = None
) -> DecidedInBulk:
    """What the preview of a tag has shown, each at the revision it was seen at; one that has changed is refused."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(seen: bodies.Seen) -> Decided | Undecided:
        fact = ExampleApproved(
            **_envelope(request, f"bulk {seen.example_id}", key),
            example_id=seen.example_id,
            revision=seen.revision,
            reason=data.reason,
        )
        async with room:
            try:
                return Decided(seen.example_id, await gateway.decide(fact, revision=seen.revision, is_keyed=bool(key)))
            except (Refusal, RooflogError) as error:
                refusal = error if isinstance(error, Refusal) else refusal_of(error)
                return Undecided(seen.example_id, refusal.code, str(refusal), refusal.details)

    answers = await asyncio.gather(*map(one, {seen.example_id: seen for seen in data.items}.values()))
    return DecidedInBulk(
        [answer for answer in answers if isinstance(answer, Decided)],
        [answer for answer in answers if isinstance(answer, Undecided)],
    )


ROUTES = Router(
    "",
    route_handlers=[approve, reject, reopen, edit, propose, redact, approve_many],
    guards=[may("decide")],
    tags=["decisions"],
)
