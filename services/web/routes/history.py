"""Routes of the past: go back to a moment, see how far that is, and leave it; `as_of` then asks for it elsewhere."""

from __future__ import annotations

from typing import Annotated

from litestar import Router, delete, get, post
from litestar.params import JSONBody, PathParameter
from msgspec import Struct

from events.facts import Count

from ..access.auth import may
from ..access.limits import SMALL_BYTES
from ..errors import Refusal
from ..gateway import Gate
from ..past_sessions import Moment
from .facts import Call

Sequence = Annotated[int, PathParameter(ge=0, le=2**53)]


class Wanted(Struct, frozen=True, forbid_unknown_fields=True):
    """The last sequence of the log that the state is to follow from; `GET /log/moment` finds that of a time."""

    seq: Count


class Moments(Struct, frozen=True):
    """The moments that somebody looks at or is on the way to."""

    items: list[Moment]


class Left(Struct, frozen=True):
    """The state is not kept any more; `ended` says whether it was there."""

    ended: bool


@get("/past", summary="The moments that are looked at")
async def pasts(gateway: Gate) -> Moments:
    """The earliest first, with who went back there."""
    return Moments(gateway.pasts.all())


@post("/past", status_code=202, summary="Go back to a moment", request_max_body_size=SMALL_BYTES)
async def go_back(gateway: Gate, request: Call, data: JSONBody[Wanted]) -> Moment:
    """Folds the log up to a sequence in a process of its own: seconds for a small log, minutes for a large one.

    Whoever wants the same moment shares its state. It goes when nobody has asked it for ten minutes, after an hour, and
    at once when a text is erased.
    """
    last, _ = await gateway.stretch(0, 0)
    if data.seq > last:
        raise Refusal(422, f"the log ends at sequence {last:,}, there is no {data.seq:,} yet", code="no_such_moment")
    return (await gateway.pasts.start(data.seq, request.user.name)).moment


@get("/past/{seq:int}", summary="How far the way to a moment is")
async def moment(gateway: Gate, seq: Sequence) -> Moment:
    """`phase` goes from starting over replaying and judging to ready, or to failed with its `error`."""
    return gateway.pasts.find(seq).moment


@delete("/past/{seq:int}", status_code=200, summary="Leave a moment")
async def leave(gateway: Gate, seq: Sequence) -> Left:
    """Also on the way there. Nothing is said on the log."""
    return Left(await gateway.pasts.end(seq))


ROUTES = Router("", route_handlers=[pasts, go_back, moment, leave], guards=[may("look")], tags=["past"])
