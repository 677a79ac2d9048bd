"""Routes of notes: what reviewers say to one another about an example."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from litestar import Router, get, post
from litestar.params import JSONBody, QueryParameter
from msgspec import Struct, convert

from ...curation import notes
from .. import bodies
from ..access.auth import may
from ..gateway import Gate, event_id
from .facts import Call, ExampleId, Key
from .state import Limit


class Noted(Struct, frozen=True):
    """The note is on the log."""

    example_id: str
    seq: int


class Note(Struct, frozen=True):
    """One note; `prompt` is the beginning of the question, null where the example has not arrived."""

    seq: int
    example_id: str
    occurred_at: datetime
    actor: str
    note: str
    mentions: list[str]
    prompt: str | None


class Notes(Struct, frozen=True):
    """A page of notes, the newest first; `before` goes on and is null at the end."""

    items: list[Note]
    before: int | None


@post(
    "/examples/{example_id:str}/notes",
    status_code=201,
    summary="Say something about an example",
    guards=[may("decide")],
)
async def note(
    gateway: Gate, request: Call, example_id: ExampleId, data: JSONBody[bodies.Note], key: Key = None
) -> Noted:
    """It decides nothing; whoever it names as @NAME finds it among their notes."""
    actor = request.user.name
    example = await gateway.example(actor, example_id)
    fact = notes.note(
        example["example_id"], data.note, actor=actor, event_id=event_id(actor, "note", key) if key else None
    )
    return Noted(fact.example_id, await gateway.say(fact, is_keyed=bool(key)))


@get("/notes", summary="Notes, to me or of everybody", guards=[may("look")])
async def inbox(
    gateway: Gate,
    request: Call,
    to_me: Annotated[bool, QueryParameter(description="Only notes that name me.")] = True,
    limit: Limit = 50,
    before: Annotated[
        int | None, QueryParameter(ge=1, le=2**53, description="Go on: the last page's `before`.")
    ] = None,
) -> Notes:
    """The newest first."""
    of = request.user.name if to_me else None
    answer = await gateway.ask(request.user.name, "inbox", of=of, limit=limit, before=before or 2**53)
    return convert(answer, Notes)


ROUTES = Router("", route_handlers=[note, inbox], tags=["decisions"])
