"""Routes of operators: exports, trainings, policies; and how the exporter is, for everybody who may look."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from litestar import Router, get, post
from litestar.params import JSONBody, PathParameter
from msgspec import Meta, Struct
from nats.errors import NoRespondersError

from events.errors import StalePolicy
from events.facts import Count, PolicyAdopted
from events.subjects import new_event_id
from projections.policy import Policy, PolicyError, from_document, from_toml

from ..state import Answer
from .auth import may
from .bodies import Text
from .errors import Refusal, unavailable
from .gateway import Gate, Gateway
from .say import Call

EXPORTER = "rooflog.exporter"
"""The subject prefix of what the exporter is asked; it answers at once."""

ROUNDS = 2_000
"""Rounds of analysing before a preview at most; each one reads some thousands of texts."""

Job = Annotated[str, PathParameter(pattern="^[A-Za-z0-9_-]{1,128}$", description="The number of a job.")]


class Handed(Struct, frozen=True):
    """The exporter has taken the command; ask for the job to see how far it is."""

    job: str


class Export(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Export now; fewer examples than the policy's `min_examples` are refused unless this says otherwise."""

    min_examples: Count | None = None


class Training(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Train on the latest export; `force` leaves out the policy's numbers and trains again."""

    force: bool = False


class Document(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A policy: as data, or as the TOML that people edit."""

    policy: dict[str, Any] | None = None
    toml: Text | None = None

    def parsed(self) -> Policy:
        """The policy. Raises Refusal that says where it is wrong."""
        try:
            if (self.policy is None) == (self.toml is None):
                raise PolicyError("give the policy either as `policy` or as `toml`")
            return from_toml(self.toml) if self.toml is not None else from_document(self.policy or {})
        except PolicyError as error:
            raise Refusal(422, str(error), code="invalid_policy") from error


class Adoption(Document, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A policy that is to hold from here on; `revision` is the `policy_seq` of its preview."""

    revision: Count
    reason: Annotated[str, Meta(max_length=1_000)] | None = None


class Adopted(Struct, frozen=True):
    """The policy is on the log."""

    seq: int
    digest: str


@get("/exporter", summary="How the exporter is", guards=[may("look")])
async def exporter(gateway: Gate) -> dict[str, Any] | None:
    """Its condition; null where none runs."""
    answer: dict[str, Any] | None = await _ask(gateway, "status")
    return answer


@post("/exports", status_code=202, summary="Export now", guards=[may("operate")])
async def export(gateway: Gate, request: Call, data: JSONBody[Export]) -> Handed:
    """The exporter does it when it has done what came before; 503 where none runs."""
    args = {} if data.min_examples is None else {"min_examples": data.min_examples}
    return await _hand(gateway, "export", actor=request.user.name, **args)


@post("/trainings", status_code=202, summary="Train on the latest export", guards=[may("operate")])
async def train(gateway: Gate, request: Call, data: JSONBody[Training]) -> Handed:
    """Once per export, unless forced; 503 where no exporter runs."""
    return await _hand(gateway, "train", actor=request.user.name, force=data.force)


@get("/jobs/{job:str}", summary="How far a job is", guards=[may("operate")])
async def progress(gateway: Gate, job: Job) -> dict[str, Any]:
    """`result` once it is done, with `status` = `error` where it failed."""
    answer: dict[str, Any] | None = await _ask(gateway, "job", job=job)
    if answer is None:
        raise _no_exporter()
    return answer


@get("/policies", summary="The policy that holds, and those before it", guards=[may("look")])
async def policies(gateway: Gate, request: Call) -> dict[str, Any]:
    """Whole documents, the latest first; the shipped policy held before the first adoption."""
    answer: dict[str, Any] = await gateway.ask(request.user.name, "policies")
    return answer


@post("/policies/preview", status_code=200, summary="What another policy would change", guards=[may("look")])
async def preview(gateway: Gate, request: Call, data: JSONBody[Document]) -> dict[str, Any]:
    """Which examples would enter and leave the training set, and why; nothing is said. May take a minute."""
    document = data.parsed().document()
    for _ in range(ROUNDS):
        if not (await gateway.run("prepare", policy=document))["left"]:
            break
    answer: dict[str, Any] = await gateway.ask_long(request.user.name, "preview", policy=document)
    return answer | {"document": document}


@post("/policies", status_code=201, summary="Adopt a policy", guards=[may("operate")])
async def adopt(gateway: Gate, request: Call, data: JSONBody[Adoption]) -> Adopted:
    """It holds from here on. Refused with 409 if another one was adopted since its preview."""
    policy = data.parsed()
    fact = PolicyAdopted(
        event_id=new_event_id(),
        occurred_at=datetime.now(UTC),
        actor=request.user.name,
        policy=policy.document(),
        digest=policy.digest,
        reason=data.reason,
    )
    try:
        return Adopted(await gateway.adopt(fact, revision=data.revision), policy.digest)
    except StalePolicy as error:
        message = f"another policy was adopted since the preview: {error.since}; preview yours again"
        raise Refusal(409, message, code="stale_policy", details={"seen": error.seen}) from error


async def _hand(gateway: Gateway, name: str, **args: Any) -> Handed:
    answer = await _ask(gateway, name, **args)
    if answer is None:
        raise _no_exporter()
    return Handed(answer["job"])


async def _ask(gateway: Gateway, name: str, **args: Any) -> Any:
    """The exporter's answer; None where none runs. Raises Refusal with what it says is wrong."""
    try:
        reply = await gateway.request(f"{EXPORTER}.{name}", msgspec.json.encode(args))
    except NoRespondersError:
        return None
    answer = msgspec.json.decode(reply, type=Answer)
    if answer.error is not None:
        raise Refusal(409, answer.error, code="exporter_refused")
    return answer.value


def _no_exporter() -> Refusal:
    return unavailable("exporter", "no exporter runs; start one with `rooflog up` or `rooflog exporter`")


ROUTES = Router("", route_handlers=[exporter, export, train, progress, policies, preview, adopt], tags=["operation"])
