"""Routes of long work: verification, audit and imports, each in a process of its own, with its result kept."""

from __future__ import annotations

from typing import Annotated

from litestar import Router, get, post
from litestar.params import JSONBody, PathParameter, QueryParameter
from msgspec import Meta, Struct

from ..access.auth import may
from ..access.limits import SMALL_BYTES
from ..bodies import Tag
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


class Words(Struct, frozen=True, forbid_unknown_fields=True):
    """What is looked for: a name, a number, an address."""

    words: Annotated[str, Meta(min_length=1, max_length=1_000)]


class Renaming(Struct, frozen=True, forbid_unknown_fields=True):
    """A tag, and what it is called from now on."""

    old: Tag
    new: Tag


@post(
    "/holdings",
    status_code=202,
    summary="Find everything that the log holds about a person",
    guards=[may("operate")],
    request_max_body_size=SMALL_BYTES,
)
async def held(gateway: Gate, request: Call, data: JSONBody[Words]) -> Entry:
    """Every text, comment, name and detail with some words, without regard to white space and case.

    The result names the places and the examples, and not the words.
    """
    return gateway.errands.start("held", {"words": data.words}, request.user.name, about="a person")


@post(
    "/tags/rename",
    status_code=202,
    summary="Rename a tag everywhere",
    guards=[may("decide")],
    request_max_body_size=SMALL_BYTES,
)
async def rename(gateway: Gate, request: Call, data: JSONBody[Renaming]) -> Entry:
    """Each example with the old tag gets the new one instead, as a fact. What comes later keeps the old one."""
    args = {"old": data.old, "new": data.new, "actor": request.user.name}
    return gateway.errands.start("rename", args, request.user.name, about=f"{data.old} to {data.new}")


@post(
    "/quarantine/retry",
    status_code=202,
    summary="Fold what an older version could not",
    guards=[may("operate")],
    request_max_body_size=SMALL_BYTES,
)
async def retry(gateway: Gate, request: Call) -> Entry:
    """Each fact in its place: the projector makes the tables anew where there is anything to do."""
    return gateway.errands.start("retry", {}, request.user.name)


ROUTES = Router("", route_handlers=[errands, errand, verify, audit, held, rename, retry], tags=["errands"])
