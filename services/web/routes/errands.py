"""Routes of long work: verification, audit and imports, each in a process of its own, with its result kept."""

from __future__ import annotations

from typing import Annotated

from litestar import Router, get, post
from litestar.params import JSONBody, PathParameter, QueryParameter
from msgspec import Meta, Struct

from ..access.auth import may
from ..access.limits import SMALL_BYTES
from ..errands import Entry
from ..gateway import Gate
from .facts import Call


class Errands(Struct, frozen=True):
    """What was done or is at work, the newest first."""

    items: list[Entry]


class Audit(Struct, frozen=True, forbid_unknown_fields=True):
    """The export by (the start of) its digest."""

    export: Annotated[str, Meta(pattern="^[0-9a-f]{8,64}$")]


@get("/errands", summary="Long work and its results", guards=[may("look")])
async def errands(gateway: Gate, name: Annotated[str | None, QueryParameter(max_length=40)] = None) -> Errands:
    """Verifications, audits and imports: who started them and when, how far they are, and what came of them."""
    return Errands([entry for entry in reversed(gateway.errands.entries) if name in (None, entry.name)])


@get("/errands/{number:str}", summary="One piece of long work", guards=[may("look")])
async def errand(gateway: Gate, number: Annotated[str, PathParameter(pattern="^[0-9a-f]{1,64}$")]) -> Entry:
    """`phase` goes from waiting over working to done, or to failed with its `error`."""
    return gateway.errands.find(number)


@post(
    "/verifications",
    status_code=202,
    summary="Prove that the log is what it was",
    guards=[may("operate")],
    request_max_body_size=SMALL_BYTES,
)
async def verify(gateway: Gate, request: Call) -> Entry:
    """Reads the whole log and compares it with what was recorded; a message that was changed is named."""
    return gateway.errands.start("verify", {}, request.user.name)


@post(
    "/audits",
    status_code=202,
    summary="Make an export anew and compare it",
    guards=[may("operate")],
    request_max_body_size=SMALL_BYTES,
)
async def audit(gateway: Gate, request: Call, data: JSONBody[Audit]) -> Entry:
    """From the log alone, byte for byte; the gateway needs the volume for it."""
    return gateway.errands.start("audit", {"export": data.export}, request.user.name, about=data.export)


ROUTES = Router("", route_handlers=[errands, errand, verify, audit], tags=["errands"])
