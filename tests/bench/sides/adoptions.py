"""Another policy that changes two verdicts of five, adopted in process."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from events.facts import PolicyAdopted
from projections.fold.projector import Projector
from projections.policy.policy import Policy, default

from ..office import Office
from ..place import Place
from ..side import NOTE
from .batches import folding

CHANGED = 0.4
"""The share of the verdicts that the policy is to change, by answers that are shorter than it wants."""

SAMPLE = 4_000
"""Answers of which the length is taken."""

VERDICTS = "SELECT reasons FROM verdicts ORDER BY seq"


def stricter() -> Policy:
    """The policy that is shipped, with answers so long that two of five are too short."""
    office = Office("lengths")
    lengths = [len(office.capture().response) for _ in range(SAMPLE)]
    usual = default()
    shortest = int(statistics.quantiles(lengths, n=100)[int(100 * CHANGED) - 1])
    return msgspec.structs.replace(usual, filters=msgspec.structs.replace(usual.filters, min_response_chars=shortest))


@contextmanager
def adoptions(place: Place) -> Iterator[Callable[[int], dict[str, Any]]]:
    """Seconds until every verdict is that of the stricter policy; the round goes back to the shipped one."""
    projector = Projector(place.prepared().copy(place.scratch / "data", log=False))
    policies = stricter(), default()

    def adopt(policy: Policy, label: str) -> tuple[float, float]:
        at = Office(label).capture().occurred_at
        fact = PolicyAdopted(event_id=f"policy_{label}", occurred_at=at, actor="ann", policy=policy.document(),
                             digest=policy.digest)  # fmt: skip
        began = time.perf_counter()
        spent = folding(projector, [fact])
        return time.perf_counter() - began, spent / 1000

    def verdicts() -> Any:
        return projector.con.execute(VERDICTS).fetchnumpy()["reasons"]

    def measure(number: int) -> dict[str, Any]:
        before = verdicts()
        seconds, cpu = adopt(policies[0], f"{number}a")
        changed = int((before != verdicts()).sum())
        adopt(policies[1], f"{number}b")
        return {"adopt": seconds, "adopt_cpu": cpu, NOTE: f"{changed:,} of {len(before):,} verdicts change"}

    yield measure
    projector.close()
