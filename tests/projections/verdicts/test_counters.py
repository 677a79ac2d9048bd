"""What is counted and what waits is at any time what the verdicts say, however they came to be."""

from __future__ import annotations

from projections.fold.projector import Projector, prepare

from ..given import (
    BETTER,
    Said,
    adopted,
    approved,
    captured,
    corrected,
    disliked,
    document,
    erased,
    fold,
    given,
    liked,
    policy,
    redacted,
    rejected,
    split,
)
from ..remembered import assert_remembered

AGAIN = "how high does the base flashing have to extend above a roof, please?"
DAY: tuple[Said, ...] = (
    captured("a", tags=("odd",)),
    captured("b", AGAIN, BETTER),
    liked("a"),
    liked("b"),
    document("c", prompt="Which EPDM roof tape?"),
    disliked("c"),
    corrected("c", prompt="Which EPDM roof tape?"),
    captured("d", "Roof?"),
    rejected("b"),
    adopted(policy(filters={"min_prompt_chars": 0})),
    approved("d"),
    redacted("d", "A longer question on roofs?"),
    erased("a"),
    adopted(policy(relevance={"high": 9})),
    captured("e"),
    adopted(policy(duplicates={"threshold": 0.9})),
    adopted(policy(duplicates={"threshold": 0.9, "contradictions": False})),
)


def counted(projector: Projector) -> list[object]:
    rows = projector.con.execute("FROM verdicts ORDER BY ALL").fetchall()
    return [rows, *projector.memory.columns().counts.everything()]


def test_after_every_fact_they_are_what_counting_anew_finds() -> None:
    messages = given(*DAY).messages
    projector = fold([])
    for message in messages:
        projector.apply([message])
        moved = counted(projector)
        projector.memory.columns().recount()
        assert counted(projector) == moved
        assert_remembered(projector)


def test_judging_old_evidence_equals_judging_evidence_gathered_anew() -> None:
    said = [captured("a"), liked("a"), captured("b", AGAIN, BETTER), liked("b"), captured("c", AGAIN), approved("c")]
    strict = policy(approval={"positive_feedback": False}, filters={"min_response_chars": 90})
    moved = fold(list(split(given(*said, adopted(strict)).messages, 1)))
    anew = fold([])
    anew.fold(prepare(given(*said, adopted(strict)).messages))
    anew.judge()
    assert counted(moved) == counted(anew)


def test_an_unknown_name_is_not_what_has_none() -> None:
    projector = fold([given(captured("a")).messages])
    columns = projector.memory.columns()
    columns["source"][:] = columns.sources.number(None)
    columns.recount()
    assert [columns.counts.of("source", name).total for name in ("", "chat_interaction", "nobody")] == [1, 0, 0]
