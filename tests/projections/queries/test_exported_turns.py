"""Exported turns: what came before a row as it stands, its system text, and the facts behind both."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import UNSET, structs

from events.facts import ToolTurn
from projections.policy.policy import Policy
from projections.queries import training_set

from ..given import (
    ANSWER,
    BETTER,
    OTHER_PROMPT,
    PROMPT,
    SUPPLIER,
    Said,
    Story,
    adopted,
    approved,
    captured,
    corrected,
    disliked,
    erased,
    given,
    policy,
    redacted,
)
from .test_training_set import rows

SYSTEM = "You answer roofers in two sentences."
THIRD_PROMPT, THIRD_ANSWER = (
    "And at the parapet?",
    "Run the TPO membrane up the parapet and terminate it below the coping.",
)
SLOPE = "Tapered polyiso insulation on a flat roof needs a slope of a quarter inch per foot."


def conversation(*, system: str | None = None, **more: Any) -> list[Said]:
    """Three turns that were approved: a, b and c."""
    return [
        captured("a", PROMPT, ANSWER, conversation="t", system=system),
        captured("b", OTHER_PROMPT, SLOPE, conversation="t", follows="a", **more),
        captured("c", THIRD_PROMPT, THIRD_ANSWER, conversation="t", follows="b"),
        approved("a"),
        approved("b"),
        approved("c"),
    ]


def told(*said: Said, under: Policy | None = None) -> dict[str, dict[str, Any]]:
    """The rows of a story by their example, the same with and without texts."""
    story = given(*said, *([adopted(under)] if under else []))
    found, narrow = rows(story), rows(story, texts=False)
    assert [row.get("context") for row in narrow] == [row.get("context") for row in found]
    return {row["example_id"]: row for row in found}


def turns(row: dict[str, Any]) -> list[tuple[str, str]]:
    return [(turn["prompt"], turn["response"]) for turn in row["turns"]]


def allowing(*causes: str, **more: Any) -> Policy:
    """A policy that lets turns in for which their context is incomplete."""
    wanted = [cause for cause in policy().document()["conversations"]["incomplete"] if cause not in causes]
    return policy(conversations={"incomplete": wanted} | more, duplicates={"contradictions": False})


def test_a_row_has_the_turns_before_it_in_order() -> None:
    found = told(*conversation())
    assert turns(found["a"]) == []
    assert turns(found["b"]) == [(PROMPT, ANSWER)]
    assert turns(found["c"]) == [(PROMPT, ANSWER), (OTHER_PROMPT, SLOPE)]
    assert [found[name]["context"] for name in "abc"] == [[], [1], [1, 2]]


def test_a_corrected_turn_stands_as_it_was_corrected() -> None:
    found = told(*conversation(), corrected("a"), under=policy(duplicates={"near": False, "contradictions": False}))
    assert turns(found["c"]) == [(PROMPT, BETTER), (OTHER_PROMPT, SLOPE)]
    assert found["c"]["context"] == [1, 2, 7]


def test_a_correction_has_the_context_of_what_it_corrects() -> None:
    found = told(*conversation(system=SYSTEM), corrected("c", wrong=THIRD_ANSWER, prompt=THIRD_PROMPT))
    assert turns(found["fix-c"]) == [(PROMPT, ANSWER), (OTHER_PROMPT, SLOPE)]
    assert (found["fix-c"]["system"], found["fix-c"]["context"]) == (SYSTEM, [1, 2])
    assert found["fix-c"]["dpo"]


def test_a_correction_has_the_system_text_of_its_turn() -> None:
    first = captured("a", system=SYSTEM)
    found = told(first, corrected("a"))
    assert (found["fix-a"]["system"], turns(found["fix-a"]), found["fix-a"]["context"]) == (SYSTEM, [], [1])


def test_a_redacted_turn_stands_as_it_was_redacted() -> None:
    found = told(*conversation(), redacted("a", PROMPT, BETTER))
    assert turns(found["b"]) == [(PROMPT, BETTER)]
    assert found["b"]["context"] == [1, 7]


def test_the_nearest_system_text_holds() -> None:
    found = told(*conversation(system=SYSTEM, tools=(ToolTurn(name="find"),)))
    assert [found[name]["system"] for name in "abc"] == [SYSTEM] * 3
    found = told(*conversation(system=SYSTEM)[:1], *conversation(system="Not this one.")[1:])
    assert [found[name]["system"] for name in "abc"] == [SYSTEM] * 3
    found = told(*conversation()[:1], captured("b", OTHER_PROMPT, SLOPE, follows="a", system=SYSTEM), approved("a"),
                 approved("b"), captured("c", THIRD_PROMPT, THIRD_ANSWER, follows="b"), approved("c"))  # fmt: skip
    assert [found[name]["system"] for name in "abc"] == [None, SYSTEM, SYSTEM]


def test_a_row_that_stands_alone_keeps_its_system_text() -> None:
    found = told(captured("a", system=SYSTEM), approved("a"), captured("d", OTHER_PROMPT, SLOPE), approved("d"))
    assert [(found[name]["system"], turns(found[name]), found[name]["context"]) for name in "ad"] == [
        (SYSTEM, [], []),
        (None, [], []),
    ]


def test_a_system_text_with_personal_data_goes_nowhere() -> None:
    before = policy(filters={"personal_data_of_turn": False}, conversations={"incomplete": []})
    found = told(*conversation(system=SYSTEM + SUPPLIER), adopted(before))
    assert [found[name]["system"] for name in "abc"] == [None] * 3
    assert "example.com" not in repr(found)


def test_pages_without_context_have_no_more_columns() -> None:
    (row,) = told(captured("a"), approved("a")).values()
    assert row["context"] == []
    assert not {"turns", "system"} & set(row)


def test_an_older_policy_exports_every_turn_by_itself() -> None:
    story = given(*conversation(system=SYSTEM), adopted(structs.replace(policy(), conversations=UNSET)))
    cursor = story.projector.con.cursor()
    head = training_set.select(story.projector.reader(cursor))
    assert not head.in_context
    (page,) = training_set.pages(cursor, in_context=head.in_context)
    assert not {"turns", "system", "context"} & set(page.column_names)
    assert page.column("whole").equals(page.column("sft"))
    assert page.column("flat").equals(page.column("sft"))
    cursor.execute("ROLLBACK")


def test_another_relevance_finds_the_same_turns() -> None:
    story = given(
        *conversation(system=SYSTEM), captured("d", "What is the time?", "It is " + "noon. " * 20), approved("d")
    )
    cursor = story.projector.con.cursor()
    head = training_set.select(story.projector.reader(cursor), "low")
    (page,) = training_set.pages(cursor, in_context=head.in_context)
    found = {row["example_id"]: row for row in page.to_pylist()}
    cursor.execute("ROLLBACK")
    assert set(found) == {"a", "b", "c", "d"}
    assert (turns(found["c"]), found["c"]["context"]) == ([(PROMPT, ANSWER), (OTHER_PROMPT, SLOPE)], [1, 2])


def test_a_greeting_is_left_out() -> None:
    greeting = captured("a", "", "Hello, ask me about your TPO roof.", conversation="t", system=SYSTEM)
    found = told(greeting, *conversation()[1:3], approved("b"), approved("c"))
    assert turns(found["c"]) == [(OTHER_PROMPT, SLOPE)]
    assert (found["c"]["system"], found["c"]["context"]) == (SYSTEM, [1, 2])


def test_an_erased_turn_leaves_nothing() -> None:
    found = told(*conversation(), erased("b"), under=allowing("erased"))
    assert turns(found["c"]) == [(PROMPT, ANSWER)]
    assert found["c"]["context"] == [1]


@pytest.mark.parametrize(
    ("said", "cause"),
    [([disliked("b")], "withheld"), ([redacted("b", OTHER_PROMPT, SLOPE + SUPPLIER)], "personal_data")],
)
def test_only_the_last_answer_is_for_learning_behind_others(said: list[Said], cause: str) -> None:
    found = told(*conversation(), *said, under=allowing(cause))
    assert [(found["c"][mask], found["a"][mask]) for mask in ("sft", "whole", "flat")] == [
        (True, True),
        (False, True),
        (True, True),
    ]
    assert "c" not in told(*conversation(), *said)


def test_a_policy_may_leave_follow_ups_out_of_flat_rows() -> None:
    found = told(*conversation(), under=policy(conversations={"flat": "leave_out"}))
    assert [found[name]["flat"] for name in "abc"] == [True, False, False]
    assert all(found[name]["whole"] for name in "abc")


def test_a_page_has_no_more_context_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[Said] = []
    for n in range(12):
        said += [captured(f"e{n}", f"{OTHER_PROMPT} Part {n}.", f"{n} {SLOPE}", conversation="t"), approved(f"e{n}")]
    story = Story().when(*said)
    whole = rows(story)
    assert [len(row["turns"]) for row in whole] == list(range(12))
    monkeypatch.setattr(training_set, "PAGE_CHARS", 3_000)
    assert [row | {"turns": row.get("turns", [])} for row in rows(story)] == whole
    cursor = story.projector.con.cursor()
    training_set.select(story.projector.reader(cursor))
    sizes = [
        sum(len(turn["response"]) for turns in page.column("turns").to_pylist() for turn in turns)
        for page in training_set.pages(cursor, in_context=True)
        if "turns" in page.column_names
    ]
    cursor.execute("ROLLBACK")
    assert len(sizes) > 2
    assert max(sizes) < 3_000


def test_a_row_behind_too_large_a_context_is_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_set, "LARGEST_CONTEXT", len(PROMPT + ANSWER))
    assert set(told(*conversation())) == {"a", "b"}


def many(count: int) -> list[Said]:
    """Conversations that begin with questions of their own, and go on with the same one."""
    said: list[Said] = []
    for n in range(count):
        said += [captured(f"a{n}", f"How do we flash roof curb number {n} with TPO?", conversation=f"t{n}"),
                 captured(f"b{n}", THIRD_PROMPT, THIRD_ANSWER, conversation=f"t{n}", follows=f"a{n}"),
                 approved(f"a{n}"), approved(f"b{n}")]  # fmt: skip
    return said


def test_train_keeps_what_would_straddle_and_eval_loses_it() -> None:
    story = Story().when(*many(40), adopted(policy(export={"eval_share": 0.3})))
    found = {row["example_id"]: row["side"] for row in rows(story, texts=False)}
    firsts = {name: side for name, side in found.items() if name.startswith("a")}
    held_out = [name for name, side in firsts.items() if side == "eval"]
    assert held_out
    assert len(firsts) == 40
    assert {side for name, side in found.items() if name.startswith("b")} == {"train"}
    cursor = story.projector.con.cursor()
    head = training_set.select(story.projector.reader(cursor))
    cursor.execute("ROLLBACK")
    assert head.straddling == len(held_out) == 80 - len(found)
