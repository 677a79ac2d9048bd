"""Routes of the policy: the one that holds and those before it, what another one would change, and its adoption."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Router, get, post
from litestar.params import JSONBody, PathParameter
from msgspec import Meta, Struct

from events.errors import StalePolicy
from events.facts import Count
from projections.policy.explained import sections
from projections.policy.policy import Policy, PolicyError, from_toml, proposed

from ...curation import policies as curated
from ..access.auth import may
from ..bodies import Text
from ..errors import Refusal
from ..gateway import Gate
from .facts import Call
from .state import Below, Limit


class Document(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A policy: as data, or as the TOML that people edit."""

    policy: dict[str, Any] | None = None
    toml: Text | None = None

    def parsed(self) -> Policy:
        """The policy. Raises Refusal that says where it is wrong."""
        try:
            if (self.policy is None) == (self.toml is None):
                raise PolicyError("give the policy either as `policy` or as `toml`")
            return from_toml(self.toml) if self.toml is not None else proposed(self.policy or {})
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


@get("/policies", summary="The settings that hold, and who adopted what", guards=[may("look")])
async def policies(
    gateway: Gate,
    request: Call,
    limit: Limit = 50,
    after: Below = None,
) -> dict[str, Any]:
    """The latest adoptions first, each with the settings it changed; documents are asked for one by one.

    The shipped policy held before the first adoption. `after` goes on, and is null at the end. `sections` explain every
    setting, and say what may be written there.
    """
    answer: dict[str, Any] = await gateway.ask(request.user.name, "adoptions", limit=limit, after=after)
    return answer | {"sections": msgspec.to_builtins(sections())}


@get("/policies/{digest:str}", summary="One policy, whole", guards=[may("look")])
async def policy(
    gateway: Gate, request: Call, digest: Annotated[str, PathParameter(pattern="^[0-9a-f]{8,64}$")]
) -> dict[str, Any]:
    """The document with its lexicon, by (the start of) its digest: one that was adopted, or the shipped one."""
    answer: dict[str, Any] | None = await gateway.ask(request.user.name, "policy", digest=digest)
    if answer is None:
        raise Refusal(404, f"no policy of the history begins with {digest}", code="unknown_policy")
    return answer


@post("/policies/preview", status_code=200, summary="What another policy would change", guards=[may("look")])
async def preview(gateway: Gate, request: Call, data: JSONBody[Document]) -> dict[str, Any]:
    """Which examples would enter and leave the training set, and why; nothing is said. May take a minute."""
    policy = await gateway.workers.run(request.user.name, data.parsed)
    document = policy.document()
    await curated.prepare(gateway.run, document)
    answer: dict[str, Any] = await gateway.ask_long(request.user.name, "preview", policy=document)
    return answer | {"document": document}


@post("/policies", status_code=201, summary="Adopt a policy", guards=[may("operate")])
async def adopt(gateway: Gate, request: Call, data: JSONBody[Adoption]) -> Adopted:
    """It holds from here on. Refused with 409 if another one was adopted since its preview."""
    policy = await gateway.workers.run(request.user.name, data.parsed)
    fact = curated.adoption(policy, actor=request.user.name, reason=data.reason)
    try:
        return Adopted(await gateway.adopt(fact, revision=data.revision), policy.digest)
    except StalePolicy as error:
        message = f"another policy was adopted since the preview: {error.since}; preview yours again"
        raise Refusal(409, message, code="stale_policy", details={"seen": error.seen}) from error


ROUTES = Router("", route_handlers=[policies, policy, preview, adopt], tags=["policies"])
