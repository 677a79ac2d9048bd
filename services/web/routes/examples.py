"""Routes that the pages read: the review queue page by page, lists of examples, the dashboard, the log itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from litestar import Router, get
from litestar.params import QueryParameter
from msgspec import Struct

from events.errors import InvalidFact, UnknownExample
from events.log.log import Message
from events.words import describe
from projections.verdicts.reasons import BIT

from ...curation.quarantine import explain
from ...state.lag import received
from ..access.auth import Principal, may
from ..bodies import AN_ID
from ..gateway import Gate, Gateway
from .facts import Call, ExampleId
from .state import After, AsOf, Behind, Filter, Like, Limit, Sign, Since, Sort, Until, Why

Opened = Annotated[str | None, QueryParameter(pattern=f"^{AN_ID}$", description="What the caller has open, and takes.")]
Left = Annotated[str | None, QueryParameter(pattern=f"^{AN_ID}$", description="What the caller had open before.")]

Text = Annotated[
    str | None,
    QueryParameter(min_length=1, max_length=200, description="Words that all occur in prompt or response."),
]
Sequence = Annotated[int | None, QueryParameter(ge=0, le=2**53)]
ListSort = Annotated[
    Literal["newest", "oldest", "longest", "decided"] | None,
    QueryParameter(description="Its order; `decided` has what was decided last, first."),
]
Span = Literal["hours", "days", "months"]
Stage = Literal["training", "waiting", "filtered", "approved", "corrections", "private"]

if TYPE_CHECKING:
    Reason = str
else:
    Reason = Literal[tuple(BIT)]

OutFor = Annotated[Reason | None, QueryParameter(description="The first reason that keeps it out.")]
Relevance = Annotated[Literal["low", "medium", "high"] | None, QueryParameter()]


class Line(Struct, frozen=True):
    """One message of the log: where and when it came, who said what about which id; None where it is no fact."""

    seq: int
    received_at: str
    told: str
    type: str | None
    actor: str | None
    about: str


class Lines(Struct, frozen=True):
    """A stretch of the log in its order; `last_seq` is the end of the log, `after` goes on and is null at the end."""

    items: list[Line]
    last_seq: int
    after: int | None


class Moment(Struct, frozen=True):
    """The last sequence that the log held at a moment; 0 where there was none."""

    seq: int
    last_seq: int


@get("/review", summary="The review queue, page by page")
async def review(
    gateway: Gate,
    request: Call,
    why: Why = None,
    sign: Sign = None,
    tag: Filter = None,
    source: Filter = None,
    project: Filter = None,
    like: Like = None,
    since: Since = None,
    until: Until = None,
    text: Text = None,
    sort: Sort = None,
    after: Behind = None,
    limit: Limit = 50,
    opened: Opened = None,
    left: Left = None,
) -> dict[str, Any]:
    """How each begins and why it waits, most urgent first; `after` goes on, also where a search has paused.

    A search has the order of the queue, so `text` and `sort` exclude each other. `taken_by` is another reviewer who has
    the example open, for a minute after they were last heard of. `opened_by` is who has `opened`, null where that is
    not known.
    """
    filters: dict[str, Any] = {"why": why, "sign": sign, "tag": tag, "source": source, "project": project, "text": text}
    filters |= {"like": like, "since": since, "until": until, "sort": sort}
    who = request.user
    answer: dict[str, Any] = await gateway.ask(who.name, "waiting", **filters, after=after, limit=limit)
    return answer | await _desk(gateway, who, answer["items"], opened, left)


async def _desk(
    gateway: Gateway, who: Principal, items: list[dict[str, Any]], opened: str | None, left: str | None
) -> dict[str, Any]:
    """The items with who has each open, once the caller has taken and left what they say."""
    opened_by = None
    if "decide" in who.rights:
        if left is not None and left != opened:
            await gateway.desk.leave(left, who.name)
        if opened is not None:
            opened_by = await gateway.desk.take(opened, who.name)
    taken = await gateway.desk.taken()
    others = {example_id: by for example_id, by in taken.items() if by != who.name}
    return {
        "items": [item | {"taken_by": others.get(item["example_id"])} for item in items],
        "opened_by": opened_by,
    }


@get("/review/facets", summary="What the review queue can be filtered by")
async def facets(gateway: Gate, request: Call, as_of: AsOf = None) -> dict[str, Any]:
    """Sources, projects and tags of what waits, the most frequent first."""
    answer: dict[str, Any] = await gateway.ask(request.user.name, "facets", as_of=as_of)
    return answer


@get("/review/{example_id:str}", summary="One example as the reviewer sees it")
async def considered(gateway: Gate, request: Call, example_id: ExampleId, as_of: AsOf = None) -> dict[str, Any]:
    """The example in full; where it waits for review, why, in words."""
    answer: dict[str, Any] | None = await gateway.ask(
        request.user.name, "considered", as_of=as_of, example_id=example_id
    )
    if answer is None:
        raise UnknownExample(example_id)
    return answer


@get("/examples", summary="Examples, page by page")
async def examples(
    gateway: Gate,
    request: Call,
    reason: OutFor = None,
    stage: Annotated[Stage | None, QueryParameter(description="Where it stands.")] = None,
    source: Filter = None,
    tag: Filter = None,
    project: Filter = None,
    relevance: Relevance = None,
    like: Like = None,
    since: Since = None,
    until: Until = None,
    text: Text = None,
    sort: ListSort = None,
    before: Sequence = None,
    after: Behind = None,
    limit: Limit = 50,
    as_of: AsOf = None,
) -> dict[str, Any]:
    """The newest first, how each begins and where it stands; `before` goes on, also where a search has paused.

    In another order `after` goes on. A search has the newest first, so `text` and `sort` exclude each other.
    """
    filters = {"source": source, "tag": tag, "project": project, "relevance": relevance, "text": text}
    filters |= {"like": like, "since": since, "until": until, "sort": sort, "after": after}
    answer: dict[str, Any] = await gateway.ask(
        request.user.name, "found", as_of=as_of, reason=reason, stage=stage, **filters, before=before, limit=limit
    )
    return answer


@get("/examples/{example_id:str}/related", summary="The lineage of an example")
async def related(
    gateway: Gate,
    request: Call,
    example_id: ExampleId,
    limit: Limit = 20,
    after: Behind = None,
    as_of: AsOf = None,
) -> dict[str, Any]:
    """What it corrects, what corrects it, and the other answers to its question.

    `limit` holds for each of the latter two; `after` goes on with both, and is null at the end.
    """
    answer: dict[str, Any] = await gateway.ask(
        request.user.name, "related", as_of=as_of, example_id=example_id, limit=limit, after=after
    )
    return answer


@get("/dashboard", summary="What the dashboard shows beside the numbers")
async def dashboard(
    gateway: Gate,
    request: Call,
    span: Annotated[Span, QueryParameter(description="48 hours, 30 days or 12 months.")] = "days",
    as_of: AsOf = None,
) -> dict[str, Any]:
    """What happened over time, thin topics, recent corrections, the last export and training."""
    answer: dict[str, Any] = await gateway.ask(request.user.name, "dashboard", as_of=as_of, span=span)
    return answer


@get("/quarantine", summary="Messages that could not be folded")
async def quarantine(
    gateway: Gate, request: Call, category: Filter = None, before: Sequence = None, limit: Limit = 50
) -> dict[str, Any]:
    """The newest first, each with its reason, the beginning of its bytes, and `advice`.

    `can_be_folded_now` says whether this version could fold it.
    """
    answer: dict[str, Any] = await gateway.ask(
        request.user.name, "quarantined", category=category, before=before, limit=limit
    )
    await explain(gateway.log, answer["items"])
    return answer


@get("/log", summary="A stretch of the log")
async def log(gateway: Gate, after: After = 0, limit: Limit = 50) -> Lines:
    """Messages behind a sequence, in the order of the log, read from the log itself."""
    last, messages = await gateway.stretch(after, limit)
    goes_on = bool(messages) and messages[-1].seq < last
    return Lines([_line(message) for message in messages], last, messages[-1].seq if goes_on else None)


@get("/log/moment", summary="Where the log stood at a moment")
async def moment(gateway: Gate, at: Annotated[datetime, QueryParameter()]) -> Moment:
    """Found by the server's clock, which never runs backwards on one log; `at` without a zone is UTC."""
    wanted = at if at.tzinfo else at.replace(tzinfo=UTC)
    last, _ = await gateway.stretch(0, 0)
    low, high = 0, last
    while low < high:
        middle = (low + high + 1) // 2
        _, messages = await gateway.stretch(middle - 1, 1)  # a message may have been erased: the next one tells
        if messages and received(messages[0]) <= wanted:
            low = max(middle, messages[0].seq)
        else:
            high = middle - 1
    return Moment(low, last)


@get("/log/counted", summary="How much had been said at a sequence")
async def counted(gateway: Gate, request: Call, seq: Annotated[int, QueryParameter(ge=0, le=2**53)]) -> dict[str, Any]:
    """Facts of each kind up to a sequence."""
    answer: dict[str, Any] = await gateway.ask(request.user.name, "counted", seq=seq)
    return answer


def _line(message: Message) -> Line:
    about = message.parts.about or message.subject
    try:
        fact = message.fact()
    except InvalidFact:
        return Line(message.seq, message.received_at, describe(message), None, None, about)
    kind = f"{fact.noun}.{fact.verb}"
    return Line(message.seq, message.received_at, describe(message), kind, fact.actor, about)


ROUTES = Router(
    "",
    route_handlers=[
        review, facets, considered, examples, related, dashboard, quarantine, log, moment, counted,
    ],
    guards=[may("look")],
    tags=["pages"],
)  # fmt: skip
