"""Routes that look: the queue, one example, its history, the numbers, and how things are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from litestar import Router, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from litestar.response import Stream
from msgspec import Struct

from events.errors import TooLarge, UnknownExample
from projections.verdicts.reasons import APPROVALS, CAUSES, PLACES, QUEUE, REASONS, SIGNS, Basis, Place, Reason

from ..access.auth import Door, may
from ..access.limits import STREAM
from ..bodies import AN_ID
from ..errors import unavailable
from ..gateway import HISTORY, Gate, Gateway, as_data
from .facts import Call, ExampleId

Limit = Annotated[int, QueryParameter(ge=1, le=200, description="How many at most.")]
After = Annotated[int, QueryParameter(ge=0, le=2**53, description="The `after` of the page before.")]
Below = Annotated[int | None, QueryParameter(ge=1, le=2**53, description="The `after` of the page before.")]
Behind = Annotated[
    str | None,
    QueryParameter(pattern=r"^\d{1,16}\.\d{1,16}$", description="The `after` of the page before."),
]
Filter = Annotated[str | None, QueryParameter(min_length=1, max_length=200)]
if TYPE_CHECKING:
    Waiting = str
    Signed = str
else:
    Waiting = Literal[tuple(QUEUE.values())]
    Signed = Literal[tuple(sign.name for sign in SIGNS)]
Like = Annotated[
    str | None,
    QueryParameter(
        pattern=f"^{AN_ID}$",
        description="Only what asks nearly the same as this example, or has all of its tags.",
    ),
]
DAY = r"^\d{4}-\d{2}-\d{2}$"
Since = Annotated[str | None, QueryParameter(pattern=DAY, description="Said on this day (UTC) or later.")]
Until = Annotated[str | None, QueryParameter(pattern=DAY, description="Said on this day (UTC) or earlier.")]
Sort = Annotated[
    Literal["newest", "oldest", "longest"] | None,
    QueryParameter(description="Another order than the most urgent first."),
]
Why = Annotated[Waiting | None, QueryParameter(description="Only what waits for this reason.")]
Sign = Annotated[Signed | None, QueryParameter(description="Only what has this sign, whatever its place.")]
AsOf = Annotated[
    int | None,
    QueryParameter(ge=0, le=2**53, description="As it stood after this sequence; go back there first (`POST /past`)."),
]


class Reasons(Struct, frozen=True):
    """Names of answers with their words: why an example is kept out or incomplete, waits for review, or is approved."""

    reasons: tuple[Reason, ...] = REASONS
    queue: tuple[Place, ...] = PLACES
    approvals: tuple[Basis, ...] = APPROVALS
    causes: tuple[Basis, ...] = CAUSES
    signs: tuple[Basis, ...] = SIGNS


@get("/queue", summary="What waits for review")
async def queue(
    gateway: Gate,
    request: Call,
    limit: Limit = 20,
    tag: Filter = None,
    source: Filter = None,
    why: Why = None,
    since: Since = None,
    until: Until = None,
    sort: Sort = None,
    after: Behind = None,
) -> dict[str, Any]:
    """Most urgent first, each example with the reason for its place and the revision to decide on; `after` goes on.

    Where texts are so long that so many do not fit into one answer, there are fewer.
    """
    filters = {"tag": tag, "source": source, "why": why, "since": since, "until": until, "sort": sort}
    return await _as_many_as_fit(gateway, request, "queue", limit, **filters, after=after)


@get("/queue/tagged", summary="Preview a bulk approval")
async def tagged(
    gateway: Gate,
    request: Call,
    tag: Annotated[str, QueryParameter(min_length=1, max_length=200)],
    limit: Limit = 200,
    after: After = 0,
) -> dict[str, Any]:
    """Everything in the queue that carries a tag, with revisions: the items for `/decisions/approve`.

    In the order of the log; `after` goes on, and is null at the end.
    """
    return await _as_many_as_fit(gateway, request, "tagged", limit, tag=tag, after=after)


async def _as_many_as_fit(gateway: Gateway, request: Call, name: str, limit: int, **args: Any) -> dict[str, Any]:
    """The answer with `limit` examples, or with half as many, again and again: one long text must not hide the rest."""
    while True:
        try:
            answer: dict[str, Any] = await gateway.ask(request.user.name, name, limit=limit, **args)
            return answer
        except TooLarge:
            if limit == 1:
                raise
            limit //= 2


@get("/examples/{example_id:str}", summary="One example")
async def example(gateway: Gate, request: Call, example_id: ExampleId, as_of: AsOf = None) -> dict[str, Any]:
    """The example with its verdict: is it trained on, and if not, every reason why."""
    return await gateway.example(request.user.name, example_id, as_of=as_of)


@get("/examples/{example_id:str}/history", summary="Everything ever said about an example")
async def history(
    gateway: Gate, example_id: ExampleId, after: After = 0, limit: Limit = HISTORY, as_of: AsOf = None
) -> dict[str, Any]:
    """In the order of the log, read from the log itself, page by page; up to a sequence where one is given.

    `after` of the answer goes on, and is null at the end.
    """
    messages = await gateway.history(example_id, after, limit)
    shown = [message for message in messages if as_of is None or message.seq <= as_of]
    if not shown and not after:
        raise UnknownExample(example_id)
    goes_on = len(shown) == len(messages) > 0 and await gateway.history(example_id, messages[-1].seq, 1)
    is_end = not goes_on or (as_of is not None and goes_on[0].seq > as_of)
    return {
        "example_id": example_id,
        "facts": [as_data(message) for message in shown],
        "after": None if is_end else shown[-1].seq,
    }


@get("/stats", summary="The numbers of the dashboard", guards=[may(None)])
async def stats(gateway: Gate, request: Call, as_of: AsOf = None) -> dict[str, Any]:
    """Funnel, sources, relevance, tags, feedback and decisions, all of one moment."""
    answer: dict[str, Any] = await gateway.ask(request.user.name, "stats", as_of=as_of)
    return answer


@get("/reasons", summary="What the names of reasons mean", guards=[may(None)])
async def reasons() -> Reasons:
    """Every reason that keeps an example out, in the order of the pipeline; every reason to wait; every approval."""
    return Reasons()


@get("/status", summary="How things are", guards=[may(None)])
async def status(gateway: Gate) -> dict[str, Any]:
    """Health by age, and where the tables stand."""
    health = await gateway.health.look()
    if "state" not in health:
        raise unavailable("projector", f"the projector does not answer: {health.get('reason', 'the log is away')}")
    return health


@get(
    "/events",
    summary="Tells when the state has moved",
    media_type="text/event-stream",
    guards=[may(None)],
    opt={STREAM: True},
)
async def events(gateway: Gate, request: Call, door: NamedDependency[Door]) -> Stream:
    """Server-sent events: `moved` with the checkpoint, within a second of every change."""
    principal = request.user
    return Stream(
        gateway.changes.stream(lambda: door.still_in(principal)),
        media_type="text/event-stream",
        headers={"X-Accel-Buffering": "no"},
    )


ROUTES = Router(
    "",
    route_handlers=[
        Router("", route_handlers=[queue, tagged, example, history], guards=[may("look")]),
        stats, reasons, status, events,
    ],
    tags=["state"],
)  # fmt: skip
