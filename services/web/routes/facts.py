"""Routes that say facts: captures of every kind, feedback, corrections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from litestar import Request, Router, post
from litestar.params import HeaderParameter, JSONBody, PathParameter
from msgspec import Struct

from events import calls
from events.facts import CorrectionRecorded, ExampleCaptured, FeedbackGiven

from ...curation.facts import correction
from .. import bodies
from ..access.auth import Principal, may
from ..errors import Refusal
from ..gateway import Gate, Gateway, event_id

Key = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        min_length=1,
        max_length=255,
        description="A retry with the same key is the same fact, for ever; with another body it is refused.",
    ),
]
ExampleId = Annotated[str, PathParameter(pattern=f"^{bodies.AN_ID}$", description="The id of an example.")]
Call = Request[Principal, Any, Any]


class Captured(Struct, frozen=True):
    """The id of the new example, and its sequence on the log."""

    example_id: str
    seq: int


class Item(Struct, frozen=True):
    """What became of one item of a batch; `already` is one that an earlier try has captured."""

    status: Literal["captured", "already", "refused"]
    example_id: str
    seq: int | None = None
    reason: str | None = None


class Items(Struct, frozen=True):
    """What became of each item, in the order of the request."""

    captured: int
    already: int
    refused: int
    items: list[Item]


class Recorded(Struct, frozen=True):
    """Feedback is on the log; `request_correction` says that the user should be asked for the right answer."""

    example_id: str
    seq: int
    request_correction: bool


class Corrected(Struct, frozen=True):
    """The id of the correction, which is itself an example, and its sequence on the log."""

    correction_id: str
    example_id: str | None
    seq: int


Said = TypeVar("Said", ExampleCaptured, FeedbackGiven, CorrectionRecorded)

Example = bodies.Capture | bodies.Document | bodies.Calculation | bodies.SpecInterpretation | bodies.DetailDecision


def marked(request: Call, fact: Said) -> Said:
    """The fact as the caller may record it: what an untrusted token claims is kept, and approves nothing."""
    return fact if request.user.is_trusted else msgspec.structs.replace(fact, untrusted=True)


async def _capture(gateway: Gateway, request: Call, body: Example, key: str | None, kind: str = "train") -> Captured:
    actor = request.user.name
    example_id = f"{kind}_{event_id(actor, 'capture', key)}" if key else None
    fact = marked(request, body.fact(actor, example_id))
    return Captured(fact.example_id, await gateway.capture(fact, is_keyed=bool(key)))


@post("/examples", summary="Capture an interaction")
async def capture(gateway: Gate, request: Call, data: JSONBody[bodies.Capture], key: Key = None) -> Captured:
    """The answer comes when the fact is on disk."""
    return await _capture(gateway, request, data, key)


@post("/documents", summary="Capture a generated document")
async def document(gateway: Gate, request: Call, data: JSONBody[bodies.Document], key: Key = None) -> Captured:
    """One that was used with no or minor modifications counts as approved, if the token is trusted."""
    return await _capture(gateway, request, data, key, "doc")


@post("/calculations", summary="Capture a verified calculation")
async def calculation(gateway: Gate, request: Call, data: JSONBody[bodies.Calculation], key: Key = None) -> Captured:
    """It becomes the question "Calculate …", answered by explanation, formula and result.

    It counts as approved if the token is trusted.
    """
    return await _capture(gateway, request, data, key)


@post("/spec-interpretations", summary="Capture the interpretation of a specification section")
async def spec_interpretation(
    gateway: Gate, request: Call, data: JSONBody[bodies.SpecInterpretation], key: Key = None
) -> Captured:
    """A quote is appended as the reference."""
    return await _capture(gateway, request, data, key)


@post("/detail-decisions", summary="Capture how a condition was detailed")
async def detail_decision(
    gateway: Gate, request: Call, data: JSONBody[bodies.DetailDecision], key: Key = None
) -> Captured:
    """It becomes the question "How should we detail …?"."""
    return await _capture(gateway, request, data, key)


@post("/examples/batch", status_code=200, summary="Capture many interactions")
async def batch(gateway: Gate, request: Call, data: JSONBody[bodies.Batch], key: Key = None) -> Items:
    """Each item stands alone: one that is refused does not keep the others out. 500 items at most."""
    actor = request.user.name
    ids = [f"train_{event_id(actor, 'batch', key, n)}" if key else None for n in range(len(data.items))]
    facts = [marked(request, item.fact(actor, example_id)) for item, example_id in zip(data.items, ids, strict=True)]
    return await _items(gateway, actor, facts, is_keyed=bool(key))


@post("/project-knowledge", status_code=200, summary="Capture what a finished project has taught")
async def project_knowledge(
    gateway: Gate, request: Call, data: JSONBody[bodies.ProjectKnowledge], key: Key = None
) -> Items:
    """Each section, detail and lesson becomes an example."""
    actor, count = request.user.name, data.count
    if not 1 <= count <= bodies.MANY:
        raise Refusal(422, f"give from 1 to {bodies.MANY} sections, details and lessons together; these are {count}")
    ids = [f"train_{event_id(actor, 'knowledge', key, n)}" for n in range(count)] if key else None
    facts = [marked(request, fact) for fact in data.facts(actor, ids)]
    return await _items(gateway, actor, facts, is_keyed=bool(key))


async def _items(gateway: Gateway, actor: str, facts: Sequence[ExampleCaptured], *, is_keyed: bool) -> Items:
    published, seqs = await gateway.publish(actor, facts)
    refused, existing = dict(published.refused), set(published.existing)
    messages = await gateway.messages([fact for fact in facts if fact.event_id in existing]) if is_keyed else {}
    items = []
    for fact in facts:
        reason = refused.get(fact.event_id)
        if reason is None and fact.event_id in existing:
            try:
                gateway.require_same(messages.get(fact.event_id), fact)
            except Refusal as reused:
                reason = str(reused)
        status: Literal["captured", "already", "refused"] = (
            "refused" if reason else "already" if fact.event_id in existing else "captured"
        )
        items.append(Item(status, fact.example_id, None if reason else seqs.get(fact.event_id), reason))
    count = {status: sum(item.status == status for item in items) for status in ("captured", "already", "refused")}
    return Items(**count, items=items)


@post("/examples/{example_id:str}/feedback", status_code=201, summary="Give feedback on an example")
async def feedback(
    gateway: Gate, request: Call, example_id: ExampleId, data: JSONBody[bodies.Feedback], key: Key = None
) -> Recorded:
    """Positive means verified accurate and counts as an approval; negative asks for a correction.

    On a capture of the same token it approves nothing, unless the token is trusted.
    """
    actor = request.user.name
    fact = calls.feedback(
        example_id,
        data.feedback,
        actor=actor,
        comment=data.comment,
        at=data.at,
        event_id=event_id(actor, "feedback", key) if key else None,
        trace_id=data.trace_id,
    )
    seq = await gateway.say(marked(request, fact), is_keyed=bool(key))
    return Recorded(example_id, seq, data.feedback == "negative")


@post("/corrections", summary="Record what an answer should have been")
async def correct(gateway: Gate, request: Call, data: JSONBody[bodies.Correction], key: Key = None) -> Corrected:
    """Of an example, whose prompt and answer need no repeating, or of a prompt and answer given here.

    Only a trusted token names another corrector than itself; a correction of another token waits for a reviewer.
    """
    actor = request.user.name
    if data.corrector not in (None, actor) and not request.user.is_trusted:
        raise Refusal(403, f"only a trusted token names another corrector; leave it out, or send {actor!r}")
    wrong = await gateway.example(actor, data.example_id) if data.example_id and _is_partial(data) else None
    fact = correction(
        data.corrected_response,
        actor=actor,
        example=wrong,
        example_id=data.example_id,
        original_prompt=data.original_prompt,
        original_response=data.original_response,
        reason=data.reason,
        corrector=data.corrector,
        tags=data.tags,
        project=data.project,
        at=data.at,
        correction_id=f"correction_{event_id(actor, 'correction', key)}" if key else None,
        trace_id=data.trace_id,
    )
    return Corrected(fact.event_id, fact.example_id, await gateway.say(marked(request, fact), is_keyed=bool(key)))


def _is_partial(data: bodies.Correction) -> bool:
    return None in (data.original_prompt, data.original_response, data.tags, data.project)


ROUTES = Router(
    "",
    route_handlers=[
        capture,
        batch,
        document,
        calculation,
        spec_interpretation,
        detail_decision,
        project_knowledge,
        feedback,
        correct,
    ],
    guards=[may("say")],
    tags=["facts"],
)
