"""The training set: which rows each format holds, their side of the split, and the facts behind every row."""

from __future__ import annotations

from typing import Any

import pytest

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
    described,
    disliked,
    erased,
    fold,
    given,
    liked,
    policy,
    reading,
    redacted,
    rejected,
)

LONG_WRONG = "Extend the TPO base flashing 1 inch above the finished roof membrane and leave it there unsealed."


def rows(story: Story, *, texts: bool = True) -> list[dict[str, Any]]:
    """The rows after a story; a long one is folded once only, in one batch."""
    projector = story.projector if len(story.messages) < 20 else fold([story.messages])
    con = projector.con.cursor()
    training_set.select(projector.reader(con))
    found = [row for page in training_set.pages(con, in_context=True, texts=texts) for row in page.to_pylist()]
    con.execute("ROLLBACK")
    con.close()
    return found


def formats(story: Story) -> dict[str, str]:
    """Example -> the formats that hold it: s(ft), d(po), + (a good answer of kto), - (a bad one)."""
    flags = {"sft": "s", "dpo": "d", "liked": "+", "disliked": "-"}
    return {row["example_id"]: "".join(f for name, f in flags.items() if row[name]) for row in rows(story)}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([captured("a"), approved("a")], {"a": "s"}),
        ([captured("a"), liked("a")], {"a": "s+"}),
        ([captured("a")], {}),
        ([captured("a"), liked("a"), rejected("a")], {}),
        ([captured("a"), disliked("a")], {"a": "-"}),
        ([captured("a"), disliked("a"), rejected("a")], {"a": "-"}),
        ([captured("a"), rejected("a")], {}),
        ([captured("a"), disliked("a"), approved("a")], {"a": "s"}),
        ([captured("a"), liked("a"), disliked("a")], {"a": "-"}),
        ([captured("a"), corrected("a")], {"fix-a": "sd+-"}),
        ([captured("a"), disliked("a"), corrected("a")], {"fix-a": "sd+-"}),
        ([corrected(None)], {"fix": "sd+-"}),
        ([captured("a"), corrected("a", corrected_prompt=OTHER_PROMPT)], {"fix-a": "s+"}),
        ([captured("a"), disliked("a"), corrected("a", corrected_prompt=OTHER_PROMPT)], {"a": "-", "fix-a": "s+"}),
        ([captured("a"), corrected("a"), rejected("fix-a")], {}),
        ([captured("a"), disliked("a"), corrected("a"), rejected("fix-a")], {"a": "-"}),
        ([captured("a"), corrected("a"), disliked("fix-a")], {"fix-a": "-"}),
        ([captured("a"), corrected("a"), disliked("fix-a"), approved("fix-a")], {"fix-a": "sd-"}),
        ([captured("a", response="No."), disliked("a")], {}),
        ([captured("a", response="No."), corrected("a", wrong="No.")], {"fix-a": "sd+-"}),
        ([captured("a"), corrected("a", wrong="  ")], {"fix-a": "s+"}),
        ([captured("a"), corrected("a", BETTER, wrong=BETTER)], {"fix-a": "s+"}),
        ([captured("a", source="error"), corrected("a")], {"fix-a": "s+"}),
        ([captured("a", include_in_training=False), corrected("a")], {"fix-a": "s+"}),
        ([captured("a", include_in_training=False), corrected(None)], {"fix": "s+"}),
        ([captured("a", include_in_training=False), disliked("a")], {}),
        ([captured("a"), disliked("a"), erased("a")], {}),
        ([captured("a"), corrected("a"), erased("a")], {}),
        ([captured("a", response=ANSWER + SUPPLIER), disliked("a")], {}),
        ([captured("a", response=ANSWER + SUPPLIER), corrected("a", wrong=ANSWER + SUPPLIER)], {}),
        ([captured("a", response=ANSWER + SUPPLIER), corrected("a", wrong=ANSWER)], {"fix-a": "s+"}),
        ([captured("a"), disliked("a"), captured("b"), disliked("b")], {"a": "-"}),
        ([captured("a"), disliked("a"), captured("b"), liked("b")], {"b": "s+"}),
        ([captured("a"), liked("a"), captured("b", response=LONG_WRONG), disliked("b")], {"a": "s+", "b": "-"}),
        ([captured("a"), approved("a"), captured("b", response=LONG_WRONG), approved("b"), disliked("b")], {"b": "s"}),
    ],
)  # fmt: skip
def test_every_answer_is_in_the_formats_that_it_suits(said: list[Said], expected: dict[str, str]) -> None:
    assert formats(given(*said)) == expected


def test_a_redacted_pair_holds_the_redacted_texts_alone() -> None:
    wrong = ANSWER + SUPPLIER
    story = given(captured("a", response=wrong), redacted("a"), corrected("a", wrong=wrong))
    assert formats(story) == {}
    (row,) = rows(story.when(redacted("fix-a", PROMPT, BETTER, ANSWER)))
    assert (row["prompt"], row["response"], row["rejected"]) == (PROMPT, BETTER, ANSWER)
    assert "example.com" not in repr(row)


def test_a_row_names_its_facts_and_its_reviewer() -> None:
    story = given(
        captured("a", actor="assistant"),
        corrected("a", actor="corrector"),
        approved("fix-a"),
        captured("b", OTHER_PROMPT, actor="assistant"),
        liked("b"),
        captured("c", "How wide is a TPO seam weld on the roof?", source="verified_calculation", actor="estimator"),
    )
    told = {row["example_id"]: row for row in rows(story)}
    facts = {name: [(fact["seq"], fact["fact"], fact["actor"]) for fact in row["facts"]] for name, row in told.items()}
    assert facts == {
        "fix-a": [(1, "example.captured", "assistant"), (2, "correction.recorded", "corrector"),
                  (3, "example.approved", "ana")],
        "b": [(4, "example.captured", "assistant"), (5, "feedback.given", "ana")],
        "c": [(6, "example.captured", "estimator")],
    }  # fmt: skip
    assert {name: (row["approval"], row["reviewer"]) for name, row in told.items()} == {
        "fix-a": ("reviewer", "ana"),
        "b": ("feedback", "ana"),
        "c": ("trusted_source", "estimator"),
    }
    assert {fact["at"] for row in told.values() for fact in row["facts"]} == {"2025-03-18T12:00:00.000000Z"}
    assert told["fix-a"]["corrects"] == "a"


def test_a_row_names_every_fact_that_describes_it() -> None:
    story = given(
        *(captured("a"), described("a", added=["tpo"]), liked("a")),
        *(captured("b", OTHER_PROMPT), liked("b")),
        *(described("a", added=["warranty"]), described("a", removed=["tpo"]), described("b", project_context="Depot")),
    )
    named = {row["example_id"]: [fact["seq"] for fact in row["facts"]] for row in rows(story)}
    assert named == {"a": [1, 2, 3, 6, 7], "b": [4, 5, 8]}


def many(count: int) -> list[Said]:
    return [
        fact
        for n in range(count)
        for fact in (captured(f"e{n}", f"How do we flash roof curb number {n} with TPO?"), approved(f"e{n}"))
    ]


def sides(story: Story) -> dict[str, str]:
    return {row["example_id"]: row["side"] for row in rows(story, texts=False)}


def test_no_example_changes_sides_when_others_arrive() -> None:
    said = many(120)
    few, all_of_them = sides(Story().when(*said[:80])), sides(Story().when(*said))
    assert few == {example_id: all_of_them[example_id] for example_id in few}
    assert 2 <= list(all_of_them.values()).count("eval") <= 30


def test_equal_prompts_share_a_side_whichever_of_them_is_kept() -> None:
    first = Story().when(*many(40))
    again: list[Said] = []
    for n in range(40):
        again += [captured(f"again{n}", f"how do we flash roof curb number {n} with TPO", minute=5)]
        again += [approved(f"again{n}")]
    kept = sides(first.when(*again))
    assert {name.removeprefix("again"): side for name, side in kept.items()} == {
        name.removeprefix("e"): side for name, side in sides(first).items()
    }


@pytest.mark.parametrize(("share", "expected"), [(0.0, {"train"}), (1.0, {"eval"}), (0.5, {"train", "eval"})])
def test_the_share_of_the_evaluation_set_is_the_policys(share: float, expected: set[str]) -> None:
    story = Story().when(*many(60), adopted(policy(export={"eval_share": share})))
    assert set(sides(story).values()) == expected


def test_a_larger_share_moves_rows_to_eval_and_none_back() -> None:
    said = many(60)
    small = sides(Story().when(*said, adopted(policy(export={"eval_share": 0.1}))))
    large = sides(Story().when(*said, adopted(policy(export={"eval_share": 0.4}))))
    assert {name for name, side in small.items() if side == "eval"} < {n for n, s in large.items() if s == "eval"}


def test_pages_of_any_size_are_in_the_logs_order(monkeypatch: pytest.MonkeyPatch) -> None:
    story = Story().when(*many(30))
    whole = rows(story)
    assert [row["seq"] for row in whole] == sorted(row["seq"] for row in whole)
    for size, length in ((1, 10**6), (7, 10**6), (30, 10**6), (30, 1), (30, 1_000), (7, 1_000)):
        monkeypatch.setattr(training_set, "PAGE", size)
        monkeypatch.setattr(training_set, "PAGE_CHARS", length)
        assert rows(story) == whole


def test_a_page_has_no_more_text_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_set, "PAGE_CHARS", 1_000)
    long = [captured("long", "How do we flash a TPO roof curb?", ANSWER * 40), approved("long")]
    reader = reading(fold([Story().when(*many(20), *long).messages]))
    training_set.select(reader)
    sizes = [
        sum(len(text.encode()) for name in ("prompt", "response") for text in page.column(name).to_pylist())
        for page in training_set.pages(reader.con, in_context=True)
    ]
    assert len(sizes) > 2
    assert all(size < 1_000 + 300 for size in sizes[:-1])
    assert sizes[-1] > 3_000


def test_every_text_is_its_rows_in_any_order_of_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    story = Story().when(*many(9), captured("out", "How wide is a TPO seam weld on the roof?"))
    expected = {f"e{n}": f"How do we flash roof curb number {n} with TPO?" for n in range(9)}
    for order in ("", " ORDER BY seq DESC", " ORDER BY response, prompt DESC"):
        monkeypatch.setattr(training_set, "_TEXTS", training_set._TEXTS.partition(" ORDER")[0] + order)
        assert {row["example_id"]: row["prompt"] for row in rows(story)} == expected
