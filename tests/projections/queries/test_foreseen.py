"""What an approval leaves is what it does leave: among duplicates, corrections, short answers and conversations."""

from __future__ import annotations

import pytest

from projections.queries import examples, foreseen

from ..given import ANSWER, OTHER_PROMPT, PROMPT, SUPPLIER, approved, captured, corrected, disliked, given, rejected

STORY = given(
    captured("first", PROMPT),
    captured("second", PROMPT, ANSWER + SUPPLIER),
    approved("first"),
    captured("short", PROMPT, "Yes."),
    captured("mail", "What is the best recipe for a cake?", ANSWER, source="production_query"),
    captured("bad", OTHER_PROMPT),
    disliked("bad"),
    captured("gone", "Which roof drain does a flat roof need?"),
    rejected("gone"),
    captured("wrong", "Which roof slope does a TPO membrane need?"),
    corrected("wrong", prompt="Which roof slope does a TPO membrane need?"),
)


@pytest.mark.parametrize("example_id", ["first", "second", "short", "mail", "bad", "gone", "wrong"])
def test_what_is_foreseen_is_what_an_approval_does(example_id: str) -> None:
    left = foreseen.after_approval(STORY.reader, example_id)
    shown = examples.show(STORY.when(approved(example_id)).reader.con, example_id=example_id)
    assert shown is not None
    assert left == [reason.split()[0] for reason in shown["verdict"]["reasons"]]


def test_reasons_are_left_and_others_go() -> None:
    assert foreseen.after_approval(STORY.reader, "gone") == []
    assert "too_short" in foreseen.after_approval(STORY.reader, "short")
    assert foreseen.after_approval(STORY.reader, "wrong") == ["superseded_by"]
    assert foreseen.after_approval(STORY.reader, "nobody") == []


def test_among_very_many_answers_it_is_judged_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreseen, "COMPARED", 1)
    assert "duplicate_of" not in foreseen.after_approval(STORY.reader, "second")
