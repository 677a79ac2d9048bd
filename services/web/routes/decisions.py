"""Routes of reviewers: approve, reject, edit, redact, each on the revision that was looked at."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
from litestar import Router, get, post
from litestar.params import JSONBody
from msgspec import Struct

from events.facts import ExampleRedacted

from ...curation import decisions, descriptions, redactions
from .. import bodies
from ..access.auth import may
from ..gateway import Gate, event_id
from .facts import Call, ExampleId, Key


class Decided(Struct, frozen=True):
    """The decision is on the log."""

    example_id: str
    seq: int


class Edited(Struct, frozen=True):
    """The correction, its approval included, is on the log."""

    example_id: str
    correction_id: str
    seq: int


class Proposal(Struct, frozen=True):
    """A redaction as the rules propose it: `found` also holds guesses, which only a reviewer can judge."""

    example_id: str
    revision: int
    found: list[dict[str, Any]]
    texts: dict[str, str]


def says(request: Call, call: str, key: str | None) -> dict[str, Any]:
    """Who decides, and the id of the fact where an idempotency key stands for it."""
    actor = request.user.name
    return {"actor": actor, "event_id": event_id(actor, call, key) if key else None}


@post("/examples/{example_id:str}/approve", status_code=201, summary="Approve an example")
async def approve(
    gateway: Gate, request: Call, example_id: ExampleId, data: JSONBody[bodies.Approval], key: Key = None
) -> Decided:
    """Refused with 409 and what was said since, if the example has changed since the revision."""
    fact = decisions.approval(
        example_id,
        **says(request, "approve", key),
        revision=data.revision,
        context=data.context,
        reason=data.reason,
    )
    return Decided(example_id, await gateway.decide(fact, revision=data.revision, is_keyed=bool(key)))


@post("/examples/{example_id:str}/reject", status_code=201, summary="Reject an example")
async def reject(
    gateway: Gate, request: Call, example_id: ExampleId, data: JSONBody[bodies.Rejection], key: Key = None
) -> Decided:
    """It stays out of training until somebody approves it. Refused as in approve."""
    fact = decisions.rejection(example_id, **says(request, "reject", key), revision=data.revision, reason=data.reason)
    return Decided(example_id, await gateway.decide(fact, revision=data.revision, is_keyed=bool(key)))


@post("/examples/{example_id:str}/reopen", status_code=201, summary="Take a decision back")
async def reopen(
    gateway: Gate, request: Call, example_id: ExampleId, data: JSONBody[bodies.Approval], key: Key = None
) -> Decided:
    """The example stands undecided again and waits for review where it did before. Refused as in approve."""
    fact = decisions.reopening(example_id, **says(request, "reopen", key), revision=data.revision, reason=data.reason)
    return Decided(example_id, await gateway.decide(fact, revision=data.revision, is_keyed=bool(key)))


@post("/examples/{example_id:str}/edit", status_code=201, summary="Edit an answer or its question and approve it")
async def edit(
    gateway: Gate, request: Call, example_id: ExampleId, data: JSONBody[bodies.Edit], key: Key = None
) -> Edited:
    """A correction and its approval, both or neither. Refused as in approve."""
    actor = request.user.name
    example = await gateway.example(actor, example_id)
    correction, approval = decisions.edit(
        example,
        data.response,
        data.prompt,
        **says(request, "edit", key),
        reason=data.reason,
        proposed_by=data.proposed_by,
        correction_id=f"correction_{event_id(actor, 'edit', key)}" if key else None,
    )
    seq = await gateway.decide(correction, approval, revision=data.revision, is_keyed=bool(key))
    return Edited(example["example_id"], correction.event_id, seq)


@get("/examples/{example_id:str}/redaction", summary="Propose a redaction")
async def propose(gateway: Gate, request: Call, example_id: ExampleId) -> Proposal:
    """Personal data in every text of the example, and the texts without it; nothing is said."""
    actor = request.user.name
    example = await gateway.example(actor, example_id)
    proposed = await gateway.workers.run(actor, redactions.proposal, example)
    spans = [msgspec.to_builtins(span) | {"is_guess": span.is_flag} for span in proposed.spans]
    return Proposal(example["example_id"], example["revision"], spans, proposed.texts)


@post("/examples/{example_id:str}/redact", status_code=201, summary="Replace personal data")
async def redact(
    gateway: Gate, request: Call, example_id: ExampleId, data: JSONBody[bodies.Redaction], key: Key = None
) -> Decided:
    """Without spans and texts the rules say what is replaced. Refused as in approve, or with 422 if nothing changes."""
    actor = request.user.name
    example = await gateway.example(actor, example_id)
    if data.spans or data.texts:
        if key and (seq := await _redacted_before(gateway, data, example["example_id"], says(request, "redact", key))):
            return Decided(example["example_id"], seq)
        await gateway.require_seen(actor, example, data.revision)
        spans = [redactions.Chosen(span.field, span.start, span.end, span.name) for span in data.spans]
        proposed = redactions.chosen(example, spans)
    else:
        proposed = await gateway.workers.run(actor, redactions.proposal, example)
    texts = {"prompt": data.prompt, "response": data.response, "original_response": data.original_response}
    fact = redactions.redaction(example, proposed, texts | data.texts, **says(request, "redact", key))
    return Decided(fact.example_id, await gateway.decide(fact, revision=data.revision, is_keyed=bool(key)))


async def _redacted_before(gateway: Gate, data: bodies.Redaction, example_id: str, who: dict[str, Any]) -> int | None:
    """The sequence of the redaction that a key has said already: its characters cannot be found in the text of now."""
    empty = ExampleRedacted(**who, occurred_at=datetime.now(UTC), example_id=example_id, prompt="", response="")
    message = (await gateway.messages([empty])).get(empty.event_id)
    if message is None:
        return None
    spots = getattr(message.fact(), "found", ())
    wanted = sorted((span.field, span.start, span.end) for span in data.spans)
    if wanted != sorted((span.field, span.start, span.end) for span in spots):
        gateway.require_same(message, empty)
    return message.seq


@post("/examples/{example_id:str}/describe", status_code=201, summary="Change tags, project or exclusion")
async def describe(
    gateway: Gate, request: Call, example_id: ExampleId, data: JSONBody[bodies.Description], key: Key = None
) -> Decided:
    """An approval stands. Refused as in approve, or with 422 if nothing is given."""
    fact = descriptions.description(
        example_id,
        **says(request, "describe", key),
        added=data.added_tags,
        removed=data.removed_tags,
        project=data.project,
        include=data.include_in_training,
        reason=data.reason,
    )
    return Decided(example_id, await gateway.decide(fact, revision=data.revision, is_keyed=bool(key)))


ROUTES = Router(
    "",
    route_handlers=[approve, reject, reopen, edit, propose, redact, describe],
    guards=[may("decide")],
    tags=["decisions"],
)
