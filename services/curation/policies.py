"""Policies: what another one would change, its adoption as a fact, and the way back to an earlier one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from events.errors import InputError
from events.facts import PolicyAdopted
from events.subjects import new_event_id
from projections.policy.policy import Policy, default, document_digest, from_document

from ..state.protocol import Progress

ROUNDS = 2_000
"""Rounds of analysing before a preview at most; each one reads some thousands of texts."""


async def prepare(
    run: Callable[..., Awaitable[dict[str, Any]]],
    document: dict[str, Any],
    progress: Progress | None = None,
    on: str | None = None,
) -> None:
    """Have every text analysed as a policy demands, so that its preview is whole; `run` commands the projector.

    `on` is the engine that does it, that of the projector's settings unless given.
    """
    where = {"on": on} if on else {}
    total = 0
    for _ in range(ROUNDS):
        left: int = (await run("prepare", policy=document, **where))["left"]
        total = max(total, left)
        if not left:
            return
        if progress:
            progress(total - left, total)


def adoption(policy: Policy, *, actor: str, reason: str | None = None) -> PolicyAdopted:
    """From here on this policy holds."""
    return PolicyAdopted(
        event_id=new_event_id(),
        occurred_at=datetime.now(UTC),
        actor=actor,
        policy=policy.document(),
        digest=policy.digest,
        reason=reason,
    )


def documents(history: dict[str, Any]) -> list[dict[str, Any]]:
    """Every policy that has held, the latest first and the shipped one last; `history` answers `policies`."""
    return [entry["policy"] for entry in history["adopted"]] + [default().document()]


def earlier(history: dict[str, Any], digest: str | None = None) -> Policy:
    """The policy before the one that holds, or that whose digest begins so. Raises InputError where there is none."""
    known = documents(history)
    if digest is None:
        if len(known) < 2:
            raise InputError("no policy was adopted yet, so there is none to go back to")
        return from_document(known[1])
    matching = [document for document in known if document_digest(document).startswith(digest)]
    if not matching:
        raise InputError(f"no policy of the history begins with {digest!r}; see `rooflog policy history`")
    return from_document(matching[0])
