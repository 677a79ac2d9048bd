"""Policies are prepared, adopted and reverted alike for the command line and the web."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from events.codec import encode
from events.errors import InputError
from projections.policy.policy import Policy, default
from services.curation import policies


def stricter(chars: int) -> Policy:
    filters = msgspec.structs.replace(default().filters, min_response_chars=chars)
    return msgspec.structs.replace(default(), filters=filters)


def history(*adopted: Policy) -> dict[str, Any]:
    """The answer to the question `policies` after these adoptions, the latest first."""
    return {"adopted": [{"policy": policy.document()} for policy in adopted]}


def test_an_adoption_carries_the_whole_policy_and_its_digest() -> None:
    fact = policies.adoption(default(), actor="ann", reason="shipped")
    assert (fact.policy, fact.digest) == (default().document(), default().digest)
    assert (fact.actor, fact.reason) == ("ann", "shipped")
    encode(fact)


def test_the_way_back_leads_to_the_policy_before() -> None:
    assert policies.earlier(history(stricter(60), stricter(70))).digest == stricter(70).digest
    assert policies.earlier(history(stricter(60))).digest == default().digest


def test_the_start_of_a_digest_names_an_earlier_policy() -> None:
    adopted = history(stricter(60), stricter(70))
    assert policies.earlier(adopted, stricter(70).digest[:8]).digest == stricter(70).digest
    assert policies.earlier(adopted, default().digest).digest == default().digest


def test_there_is_no_way_back_where_nothing_was() -> None:
    with pytest.raises(InputError, match="no policy was adopted yet"):
        policies.earlier(history())
    with pytest.raises(InputError, match="no policy of the history begins with '0000'"):
        policies.earlier(history(stricter(60)), "0000")


async def test_texts_are_analysed_until_none_is_left() -> None:
    left, steps = [5, 2, 0], []

    async def run(name: str, **args: Any) -> dict[str, Any]:
        assert (name, args) == ("prepare", {"policy": {"a": 1}})
        return {"left": left.pop(0)}

    await policies.prepare(run, {"a": 1}, lambda done, total: steps.append((done, total)))
    assert (left, steps) == ([], [(0, 5), (3, 5)])
