"""Routes of decisions on many examples: what one would cover, each on the revision that was seen, and the way back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from litestar import Router, get, post
from litestar.params import JSONBody, QueryParameter
from msgspec import Struct

from events.errors import RooflogError
from events.facts import Decision, ExampleDescribed
from projections.queries.coverage import Doing

from ...curation import decisions, descriptions, undoing
from ...curation.decisions import Unchanged
from .. import bodies
from ..access.auth import may
from ..errors import Refusal, refusal_of
from ..gateway import Gate, Gateway
from .decisions import Decided, says
from .examples import OutFor, Relevance, Text
from .facts import Call, Key
from .state import Below, Filter, Like, Limit, Sign, Since, Until, Why

IDS = 200
"""Examples that are named in one address at most."""

Ids = Annotated[
    str | None,
    QueryParameter(
        pattern=f"^{bodies.AN_ID}(,{bodies.AN_ID}){{0,{IDS - 1}}}$",
        description=f"Ids with commas between them, {IDS} at most.",
    ),
]
Covering = Annotated[Doing, QueryParameter(description="What is to be done; the last three with a `value`.")]
Value = Annotated[
    str | None,
    QueryParameter(min_length=1, max_length=200, description="The tag that they get or lose, or their project."),
]
Seen = Annotated[
    int | None,
    QueryParameter(ge=0, le=2**53, description="The `checkpoint` of the preview."),
]


class Undecided(Struct, frozen=True):
    """One example of a bulk decision that was refused, and why."""

    example_id: str
    code: str
    message: str
    details: dict[str, Any] = {}


class DecidedInBulk(Struct, frozen=True):
    """What became of a bulk approval."""

    approved: list[Decided]
    refused: list[Undecided]


class RejectedInBulk(Struct, frozen=True):
    """What became of a bulk rejection."""

    rejected: list[Decided]
    refused: list[Undecided]


class ReopenedInBulk(Struct, frozen=True):
    """What became of taking many decisions back."""

    reopened: list[Decided]
    refused: list[Undecided]


class UndoneInBulk(Struct, frozen=True):
    """What became of undoing many decisions."""

    undone: list[Decided]
    refused: list[Undecided]


class DescribedInBulk(Struct, frozen=True):
    """What became of other tags, another project or the exclusion of many examples."""

    described: list[Decided]
    refused: list[Undecided]


@get("/review/covered", summary="What a decision on many would cover", guards=[may("look")])
async def covered(
    gateway: Gate,
    request: Call,
    doing: Covering = "approve",
    value: Value = None,
    ids: Ids = None,
    why: Why = None,
    sign: Sign = None,
    stage: Annotated[str | None, QueryParameter(max_length=20, description="As of `/examples`, or `any`.")] = None,
    reason: OutFor = None,
    relevance: Relevance = None,
    source: Filter = None,
    project: Filter = None,
    tag: Filter = None,
    like: Like = None,
    since: Since = None,
    until: Until = None,
    text: Text = None,
    plain: Annotated[bool, QueryParameter(description="Leave out what needs a look.")] = False,
    seen: Seen = None,
    limit: Limit = 200,
    after: Below = None,
) -> dict[str, Any]:
    """How each begins, its revision, and what to look at first: the items for `/decisions/approve` and the like.

    An approval or rejection covers what waits, unless `stage` or `ids` say otherwise. What is decided so already is
    left out. The first page says what the decision would do to the training set. The newest first; `after` goes on,
    and is null at the end.
    """
    filters: dict[str, Any] = {
        "why": why,
        "sign": sign,
        "stage": stage,
        "reason": reason,
        "relevance": relevance,
        "source": source,
    }
    filters |= {"project": project, "tag": tag, "like": like, "since": since, "until": until, "text": text}
    answer: dict[str, Any] = await gateway.ask(
        request.user.name,
        "covered",
        doing=doing,
        value=value,
        plain=plain,
        ids=None if ids is None else ids.split(","),
        **filters,
        seen=seen,
        limit=limit,
        after=after,
    )
    return answer


@post("/decisions/approve", status_code=200, summary="Approve many examples")
async def approve(gateway: Gate, request: Call, data: JSONBody[bodies.BulkDecision], key: Key = None) -> DecidedInBulk:
    """What a preview has shown, each at the revision it was seen at; one that has changed is refused."""
    items = _each_once(data.items)
    facts = [
        decisions.approval(
            item.example_id,
            **says(request, f"bulk {item.example_id}", key),
            revision=item.revision,
            context=item.context,
            reason=data.reason,
        )
        for item in items
    ]
    return DecidedInBulk(*await _decide_all(gateway, facts, items, is_keyed=bool(key)))


@post("/decisions/reject", status_code=200, summary="Reject many examples")
async def reject(gateway: Gate, request: Call, data: JSONBody[bodies.BulkRejection], key: Key = None) -> RejectedInBulk:
    """For one reason, each at the revision it was seen at; one that has changed is refused."""
    items = _each_once(data.items)
    facts = [
        decisions.rejection(
            item.example_id,
            **says(request, f"bulk reject {item.example_id}", key),
            revision=item.revision,
            reason=data.reason,
        )
        for item in items
    ]
    return RejectedInBulk(*await _decide_all(gateway, facts, items, is_keyed=bool(key)))


@post("/decisions/reopen", status_code=200, summary="Take many decisions back")
async def reopen(gateway: Gate, request: Call, data: JSONBody[bodies.BulkDecision], key: Key = None) -> ReopenedInBulk:
    """The examples stand undecided again; one about which more was said since its revision is refused."""
    items = _each_once(data.items)
    facts = [
        decisions.reopening(
            item.example_id,
            **says(request, f"bulk reopen {item.example_id}", key),
            revision=item.revision,
            reason=data.reason,
        )
        for item in items
    ]
    return ReopenedInBulk(*await _decide_all(gateway, facts, items, is_keyed=bool(key)))


@post("/decisions/undo", status_code=200, summary="Undo many decisions")
async def undo(gateway: Gate, request: Call, data: JSONBody[bodies.BulkDecision], key: Key = None) -> UndoneInBulk:
    """Each at the revision that its decision or description made: what held before holds again.

    One about which more was said since is refused.
    """
    items = _each_once(data.items)
    revisions = {item.example_id: item.revision for item in items}
    facts: list[Decision | ExampleDescribed] = []
    unchanged = []
    for before in await gateway.ask(request.user.name, "before", items=[*revisions.items()]):
        example_id, revision = before["example_id"], revisions[before["example_id"]]
        who = says(request, f"bulk undo {example_id}", key)
        try:
            facts.append(undoing.undoing(example_id, **who, revision=revision, before=before, reason=data.reason))
        except Unchanged as error:
            unchanged.append(_undecided(example_id, error))
    undone, refused = await _decide_all(gateway, facts, items, is_keyed=bool(key))
    return UndoneInBulk(undone, unchanged + refused)


@post("/decisions/describe", status_code=200, summary="Change tags, project or exclusion of many examples")
async def describe(
    gateway: Gate, request: Call, data: JSONBody[bodies.BulkDescription], key: Key = None
) -> DescribedInBulk:
    """The same change of each, at the revision it was seen at; one that has changed is refused."""
    items = _each_once(data.items)
    facts = [
        descriptions.description(
            item.example_id,
            **says(request, f"bulk describe {item.example_id}", key),
            added=data.added_tags,
            removed=data.removed_tags,
            project=data.project,
            include=data.include_in_training,
            reason=data.reason,
        )
        for item in items
    ]
    return DescribedInBulk(*await _decide_all(gateway, facts, items, is_keyed=bool(key)))


def _each_once(items: list[bodies.Seen]) -> list[bodies.Seen]:
    return [*{item.example_id: item for item in items}.values()]


async def _decide_all(
    gateway: Gateway, facts: Sequence[Decision | ExampleDescribed], items: Sequence[bodies.Seen], *, is_keyed: bool
) -> tuple[list[Decided], list[Undecided]]:
    """Say a fact about each item; those that are on the log, and those that were refused."""
    revisions = {item.example_id: item.revision for item in items}
    outcomes = await decisions.decide_all(
        facts,
        lambda fact: gateway.decide(fact, revision=revisions[fact.example_id], is_keyed=is_keyed),
        (Refusal, RooflogError),
    )
    pairs = list(zip(facts, outcomes, strict=True))
    return (
        [Decided(fact.example_id, outcome) for fact, outcome in pairs if not isinstance(outcome, Exception)],
        [_undecided(fact.example_id, outcome) for fact, outcome in pairs if isinstance(outcome, Exception)],
    )


def _undecided(example_id: str, error: Exception) -> Undecided:
    refusal = error if isinstance(error, Refusal) else refusal_of(error)
    return Undecided(example_id, refusal.code, str(refusal), refusal.details)


ROUTES = Router(
    "",
    route_handlers=[
        covered, Router("", route_handlers=[approve, reject, reopen, undo, describe], guards=[may("decide")]),
    ],
    tags=["decisions"],
)  # fmt: skip
