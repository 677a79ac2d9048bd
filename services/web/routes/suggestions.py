"""Routes of suggestions: a language model proposes a better answer, and a reviewer takes it over or does not."""

from __future__ import annotations

from litestar import Router, get, post
from msgspec import Struct

from ...curation import suggestions
from ..access.auth import may
from ..errors import Refusal
from ..gateway import Gate
from .facts import Call, ExampleId


class Suggesting(Struct, frozen=True):
    """Which model may be asked; null where the operator has named none."""

    model: str | None


class Suggestion(Struct, frozen=True):
    """A better answer as the model proposes it; nothing is said."""

    example_id: str
    revision: int
    response: str
    model: str


@get("/suggestions", summary="Which model suggests answers?")
async def suggesting(gateway: Gate) -> Suggesting:
    """Suggestions are off unless the operator has named a model."""
    return Suggesting(gateway.suggester.model)


@post("/examples/{example_id:str}/suggestion", status_code=200, summary="Have a better answer suggested")
async def suggest(gateway: Gate, request: Call, example_id: ExampleId) -> Suggestion:
    """The model gets the example, its earlier turns and comments, without what may be personal."""
    actor, model = request.user.name, gateway.suggester.model
    if model is None:
        raise Refusal(404, "no model suggests answers here; the operator names one with ROOFLOG_SUGGEST_URL")
    example = await gateway.example(actor, example_id)
    document = await gateway.workers.run(actor, suggestions.request_of, example, model)
    try:
        response = suggestions.answer_of(await gateway.suggester.ask(actor, document))
    except suggestions.NoAnswer as error:
        raise Refusal(503, str(error), code="model_unavailable") from error
    return Suggestion(example["example_id"], example["revision"], response, model)


ROUTES = Router("", route_handlers=[suggesting, suggest], guards=[may("decide")], tags=["decisions"])
