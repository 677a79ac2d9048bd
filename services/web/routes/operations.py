"""Routes of operators: exports and trainings, which the exporter does as jobs that are asked for again."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Router, get, post
from litestar.params import JSONBody, PathParameter, QueryParameter
from msgspec import Struct

from events.deadline import within
from events.errors import RooflogError, Unreachable

from ...exporter import client
from .. import bodies
from ..access.auth import may
from ..access.limits import SMALL_BYTES
from ..errors import Refusal, unavailable
from ..gateway import ASK_SECONDS, Gate, Gateway
from .facts import Call
from .state import After


class Job(Struct, frozen=True):
    """What the exporter was told to do; `GET /jobs/{job}` says how far it is."""

    job: str


class Progress(Struct, frozen=True):
    """How far a job is; `result` once it is done, with `status` = `error` where it failed."""

    done: int
    total: int
    result: dict[str, Any] | None


@get("/exports", summary="Exports and the trainings on them", guards=[may("look")])
async def exports(
    gateway: Gate,
    request: Call,
    limit: Annotated[int, QueryParameter(ge=1, le=1_000)] = 20,
    before: Annotated[int | None, QueryParameter(ge=1, le=2**53)] = None,
) -> dict[str, Any]:
    """Newest first; `before` goes on."""
    answer: dict[str, Any] = await gateway.ask(request.user.name, "exports", limit=limit, before=before)
    return answer


@post(
    "/exports",
    status_code=202,
    summary="Bring the volume up to date",
    guards=[may("operate")],
    request_max_body_size=SMALL_BYTES,
)
async def export(gateway: Gate, request: Call, data: JSONBody[bodies.Export]) -> Job:
    """Nothing is written where nothing has changed, or where there are too few examples."""
    return Job((await ask_exporter(gateway, "export", actor=request.user.name, **data.arguments()))["job"])


@post(
    "/trainings",
    status_code=202,
    summary="Start a training on the latest export",
    guards=[may("operate")],
    request_max_body_size=SMALL_BYTES,
)
async def train(gateway: Gate, request: Call, data: JSONBody[bodies.Training]) -> Job:
    """It is started once per export, if the policy's numbers are reached; `force` leaves both out."""
    return Job((await ask_exporter(gateway, "train", actor=request.user.name, force=data.force))["job"])


@get("/jobs/{job:str}", summary="How far a job is", guards=[may("operate")])
async def job_(gateway: Gate, job: Annotated[str, PathParameter(pattern="^[0-9a-f]{1,64}$")]) -> Progress:
    """404 where the exporter does not know it: it forgets its jobs when it is started anew."""
    try:
        answer = await ask_exporter(gateway, "job", job=job)
    except RooflogError as error:
        raise Refusal(404, str(error), code="unknown_job") from error
    return Progress(answer["done"], answer["total"], answer["result"])


@get("/lineage", summary="Where a row comes from, or where an example went", guards=[may("look")])
async def lineage(
    gateway: Gate,
    of: Annotated[
        str,
        QueryParameter(
            min_length=1,
            max_length=400,
            description="FILE:LINE of the latest export or DIGEST:FILE:LINE, an example's id, an export's digest.",
        ),
    ],
    limit: Annotated[int, QueryParameter(ge=0, le=200, description="Examples shown of an export.")] = 20,
    after: After = 0,
) -> dict[str, Any]:
    """Read from the volume: facts, reviewer, policy and trainings behind a row; the exports that hold an example.

    `after` goes on with the examples of an export, and is null at the end.
    """
    try:
        answer: dict[str, Any] = await ask_exporter(gateway, "lineage", of=of, limit=limit, after=after)
    except RooflogError as error:
        raise Refusal(404, str(error), code="unknown_row") from error
    return answer


@get("/exporter", summary="What the exporter is doing", guards=[may(None)])
async def exporter(gateway: Gate) -> dict[str, Any]:
    """Its state and since when, the last export, and what it waits for."""
    condition: dict[str, Any] = await ask_exporter(gateway, "status")
    return condition


async def ask_exporter(gateway: Gateway, name: str, **args: Any) -> Any:
    """The exporter's answer. Raises Refusal 503 where none runs, RooflogError with what it says is wrong."""
    gateway.require_log()
    try:
        answer = await within(ASK_SECONDS, client.ask(gateway.log, name, **args))
    except (Unreachable, TimeoutError):
        answer = None
    if answer is None:
        raise unavailable("exporter", "no exporter answers; start it with `rooflog up` or `rooflog exporter`")
    return answer


ROUTES = Router("", route_handlers=[exports, export, train, job_, lineage, exporter], tags=["exports"])
