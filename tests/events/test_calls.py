"""What callers say becomes the facts that DOMAIN's calls promise: prompt, answer, source and tags."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from events import calls
from events.codec import decode, encode
from events.facts import Fact

AT = datetime(2025, 3, 18, 12, 0, tzinfo=UTC)


def test_a_capture_is_known_by_the_id_that_it_answers() -> None:
    fact = calls.capture("Minimum slope?", "1/4 in per foot.", actor="ann", tags=["tpo", "tpo"], latency_ms=12.5, at=AT)
    assert fact.event_id == fact.example_id
    assert fact.example_id.startswith("train_20250318_120000_")
    assert (fact.source, fact.tags, fact.project_context) == ("chat_interaction", ("tpo",), "general")
    assert fact.metadata.latency_ms == 12.5


def test_a_document_carries_its_type_in_source_and_id() -> None:
    fact = calls.document("rfi", "Write an RFI", "RFI 12", actor="ann", was_used=True, modifications="minor", at=AT)
    assert fact.source == "rfi_generation"
    assert fact.example_id.startswith("doc_")
    assert fact.document is not None
    assert (fact.document.was_used, fact.document.modifications_made) == (True, "minor")


def test_a_calculation_is_asked_and_answered_in_words() -> None:
    fact = calls.calculation(
        "Roof drain count",
        {"area": "12,400 SF", "per drain": 5000},
        "area / per drain",
        3,
        actor="ann",
        tags=["drains"],
        explanation="One drain per 5,000 SF, rounded up.",
    )
    assert fact.prompt == "Calculate roof drain count\n\nGiven:\n- area: 12,400 SF\n- per drain: 5000"
    answer = "One drain per 5,000 SF, rounded up.\n\nFormula: area / per drain\n\nResult: 3"
    assert (fact.response, fact.source, fact.tags) == (answer, "verified_calculation", ("calculation", "drains"))
    assert fact.details["calculation"]["inputs"] == {"area": "12,400 SF", "per drain": 5000}


def test_a_spec_interpretation_quotes_its_section() -> None:
    fact = calls.spec_interpretation(
        "07 54 00", "Is a cover board required?", "Yes.", actor="ann", quote="Provide one."
    )
    assert fact.prompt == "Spec section 07 54 00: Is a cover board required?"
    assert fact.response == "Yes.\n\nSpec reference (07 54 00): Provide one."
    assert (fact.source, fact.tags) == ("spec_interpretation", ("specs", "07-54-00"))


def test_a_detail_decision_asks_how() -> None:
    fact = calls.detail_decision("Parapet cap at a step.", "Two-piece coping", "It moves", "Depot", actor="ann")
    assert fact.prompt == "How should we detail parapet cap at a step?"
    assert fact.response == "Two-piece coping\n\nReasoning: It moves"
    assert (fact.tags, fact.project_context) == (("details", "shop-drawings"), "Depot")


def test_a_projects_knowledge_is_one_example_each() -> None:
    facts = calls.project_knowledge(
        "Depot",
        actor="ann",
        spec_sections=[("07 62 00", "24 gauge")],
        key_details=[("TPO at curb", "Weld 2 in past", "Curb flashing")],
        lessons_learned=[("Winter adhesive", "Keep it warm")],
        example_ids=["a", "b", "c"],
    )
    assert [fact.example_id for fact in facts] == ["a", "b", "c"]
    assert [fact.tags for fact in facts] == [("specs", "07-62-00"), ("details", "curb-flashing"), ("lessons-learned",)]
    assert facts[1].prompt == "How was TPO at curb detailed on Depot?"
    assert {fact.project_context for fact in facts} == {"Depot"}


@pytest.mark.parametrize(
    "fact",
    [
        calls.feedback("a", "negative", actor="ann", comment="no"),
        calls.correction("p", "r", "better", actor="ann"),
        calls.calculation("x", {}, "1+1", 2.0, actor="ann"),
    ],
)
def test_every_call_is_a_valid_fact(fact: Fact) -> None:
    assert decode(encode(fact)) == fact
