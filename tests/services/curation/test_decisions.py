"""Decisions are facts, made alike for whoever decides."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from events.codec import encode
from events.errors import StaleRevision, Unreachable
from events.facts import ExampleApproved
from services.curation import decisions

AT = datetime(2025, 3, 18, 12, 0, tzinfo=UTC)
EXAMPLE: dict[str, Any] = {
    "example_id": "e1",
    "prompt": "Whom do I call about the TPO seam? ann@example.com",
    "response": "Call Ann at ann@example.com.",
    "original_response": None,
    "tags": ["tpo"],
    "project_context": "north roof",
}


def test_a_decision_carries_who_when_and_the_revision() -> None:
    said: dict[str, Any] = {"actor": "ann", "revision": 7, "event_id": "x", "at": AT}
    approved = decisions.approval("e1", reason="checked", **said)
    rejected = decisions.rejection("e1", reason="wrong", **said)
    reopened = decisions.reopening("e1", **said)
    for fact in (approved, rejected, reopened):
        assert (fact.example_id, fact.actor, fact.revision) == ("e1", "ann", 7)
        assert (fact.event_id, fact.occurred_at) == ("x", AT)
        encode(fact)
    assert [fact.reason for fact in (approved, rejected, reopened)] == ["checked", "wrong", None]


def test_ids_of_decisions_are_their_own_unless_given() -> None:
    facts = [decisions.approval("e1", actor="ann", revision=1) for _ in range(3)]
    assert len({fact.event_id for fact in facts}) == 3


def test_an_edit_is_a_correction_with_its_approval() -> None:
    better, approved = decisions.edit(EXAMPLE, "Call the foreman.", actor="ann", reason="private", at=AT)
    assert (better.example_id, better.corrected_response, better.reason) == ("e1", "Call the foreman.", "private")
    assert (better.original_prompt, better.original_response) == (EXAMPLE["prompt"], EXAMPLE["response"])
    assert (better.tags, better.project_context, better.corrector) == (("tpo",), "north roof", "ann")
    assert (approved.example_id, approved.revision, approved.occurred_at) == (better.event_id, 0, better.occurred_at)


def test_an_edit_that_changes_nothing_is_refused() -> None:
    with pytest.raises(decisions.Unchanged, match="approve the example as it is"):
        decisions.edit(EXAMPLE, EXAMPLE["response"], actor="ann")


def test_an_edit_of_the_question_keeps_the_answer() -> None:
    better, approved = decisions.edit(EXAMPLE, prompt="Whom do I call about the TPO seam?", actor="ann")
    assert (better.corrected_prompt, better.prompt) == ("Whom do I call about the TPO seam?",) * 2
    assert (better.original_prompt, better.original_response) == (EXAMPLE["prompt"], EXAMPLE["response"])
    assert better.corrected_response == EXAMPLE["response"]
    assert approved.example_id == better.event_id
    with pytest.raises(decisions.Unchanged):
        decisions.edit(EXAMPLE, EXAMPLE["response"], EXAMPLE["prompt"], actor="ann")


async def test_many_decisions_keep_their_order_and_refusals() -> None:
    facts = [decisions.approval(f"e{n}", actor="ann", revision=n) for n in range(50)]
    under_way, most, steps = 0, 0, []

    async def decide(fact: ExampleApproved) -> int:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1
        if fact.revision % 10 == 3:
            raise StaleRevision(fact.example_id, fact.revision, "changed")
        return fact.revision

    outcomes = await decisions.decide_all(
        facts, decide, (StaleRevision,), lambda done, total: steps.append((done, total))
    )
    assert [n if isinstance(outcome, int) else -1 for n, outcome in enumerate(outcomes)] == [
        -1 if n % 10 == 3 else n for n in range(50)
    ]
    assert steps == [(n, 50) for n in range(1, 51)]
    assert most <= decisions.AT_ONCE


async def test_an_error_that_concerns_all_ends_a_bulk_approval() -> None:
    decided = []

    async def decide(fact: ExampleApproved) -> int:
        if fact.revision == 20:
            raise Unreachable("the log is away")
        await asyncio.sleep(0)
        decided.append(fact.revision)
        return 1

    facts = [decisions.approval(f"e{n}", actor="ann", revision=n) for n in range(100)]
    with pytest.raises(Unreachable):
        await decisions.decide_all(facts, decide, (StaleRevision,))
    assert len(decided) < 99
