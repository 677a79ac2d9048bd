"""What a decision on many would cover, and that what is foreseen of it is what it does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from events.errors import InputError
from projections.queries import coverage, examples, review_queue

from ..given import (
    ANSWER,
    OTHER_PROMPT,
    PROMPT,
    SUPPLIER,
    Story,
    approved,
    captured,
    corrected,
    described,
    disliked,
    given,
    rejected,
    reopened,
)

STORY = given(
    captured("a", tags=("deck",), source="production_query"),
    captured("b", "Which roof membrane?", ANSWER + SUPPLIER, tags=("deck",)),
    captured("c", OTHER_PROMPT, tags=("deck",)),
    disliked("c"),
    captured("d", "Which roof drain?", tags=("deck",), project_context="Tower"),
    approved("d"),
    captured("e", "Which roof vent?", tags=("deck",)),
    captured("same", PROMPT),
    captured("f", "Which roof hatch?", "Yes.", tags=("deck",)),
    rejected("f"),
    corrected("a", "Another answer about the flashing of a roof, which is longer than it needs to be by far."),
)


def ids(story: Story, **filters: Any) -> set[str]:
    return {item["example_id"] for item in coverage.covered(story.reader, **filters)["items"]}


class TestCovered:
    def test_it_has_revisions_and_names_what_to_check(self) -> None:
        covered = coverage.covered(STORY.reader, tag="deck", sign=None)
        revisions = {item["example_id"]: item["revision"] for item in covered["items"]}
        assert revisions["b"] == 2
        assert revisions["c"] == 4
        looks = {item["example_id"]: item["looks"] for item in covered["items"]}
        assert looks["e"] == []
        assert "personal data" in looks["b"][0]
        assert looks["c"] == ["somebody gave it a thumbs down"]

    def test_without_a_stage_it_covers_what_waits(self) -> None:
        waits = {item["example_id"] for item in examples.queue(STORY.reader)["items"]}
        assert ids(STORY) == ids(STORY, stage="waiting") == waits
        assert ids(STORY, doing="reject", stage="training") == {"d", "fix-a"}
        assert ids(STORY, stage="any") >= waits | {"f"}

    def test_what_is_decided_so_already_is_left_out(self) -> None:
        assert ids(STORY, doing="reopen") == {"d", "f"}
        assert ids(STORY, ids=["d", "f", "nobody"]) == {"f"}
        assert ids(STORY, doing="reject", ids=["d", "f"]) == {"d"}

    def test_a_tag_goes_to_those_that_lack_it(self) -> None:
        assert ids(STORY, doing="untag", value="Deck", tag="deck") == ids(STORY, doing="untag", value="deck")
        assert ids(STORY, doing="tag", value="deck", tag="deck") == set()
        assert "d" in ids(STORY, doing="tag", value="new", tag="deck")
        with pytest.raises(InputError, match="value"):
            coverage.covered(STORY.reader, doing="tag")

    def test_what_needs_a_look_can_be_left_out(self) -> None:
        covered = coverage.covered(STORY.reader, stage="any")
        plain = {item["example_id"] for item in covered["items"] if not item["looks"]}
        assert ids(STORY, stage="any", plain=True) == plain
        assert plain

    def test_a_project_and_an_exclusion_go_to_those_without(self) -> None:
        assert "d" not in ids(STORY, doing="move", value="Tower")
        assert "a" in ids(STORY, doing="move", value="Tower")
        later = STORY.when(described("d", include_in_training=False))
        assert ids(later, doing="include") == {"d"}
        assert "d" not in ids(later, doing="exclude")

    @pytest.mark.parametrize(
        "filters",
        [
            {"tag": "deck"},
            {"source": "production_query"},
            {"why": "negative_feedback"},
            {"text": "drain"},
            {"until": "2020-01-01"},
        ],
    )
    def test_filters_are_those_of_the_lists(self, filters: dict[str, Any]) -> None:
        waiting = review_queue.waiting(STORY.reader, **filters)
        assert ids(STORY, **filters) == {item["example_id"] for item in waiting["items"]}

    def test_page_by_page_it_covers_everything_once(self) -> None:
        first = coverage.covered(STORY.reader, stage="any", limit=2)
        seqs, after = [item["example_id"] for item in first["items"]], first["after"]
        while after is not None:
            page = coverage.covered(STORY.reader, stage="any", limit=2, after=after)
            assert (page["effect"], page["total"]) == (None, first["total"])
            seqs, after = seqs + [item["example_id"] for item in page["items"]], page["after"]
        assert len(seqs) == len(set(seqs)) == first["total"]

    def test_what_changed_since_the_preview_is_left_out_and_counted(self) -> None:
        seen = coverage.covered(STORY.reader)["checkpoint"]
        later = STORY.when(disliked("e"), captured("g", "Which roof ladder?"))
        covered = coverage.covered(later.reader, seen=seen)
        assert not {"e", "g"} & {item["example_id"] for item in covered["items"]}
        assert covered["changed"] == 2

    def test_words_are_looked_for_in_so_many_examples(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(coverage, "SEARCHED", 2)
        with pytest.raises(InputError, match="filter by tag"):
            coverage.covered(STORY.reader, text="roof")


@pytest.mark.parametrize("doing", ["approve", "reject", "reopen", "exclude"])
@pytest.mark.parametrize("stage", ["any", "waiting", "training", "filtered"])
def test_what_is_foreseen_is_what_happens(doing: coverage.Doing, stage: str) -> None:
    covered = coverage.covered(STORY.reader, doing=doing, stage=stage)
    says: dict[str, Callable[[str], Any]] = {"approve": approved, "reject": rejected, "reopen": reopened}
    says["exclude"] = lambda example_id: described(example_id, include_in_training=False)
    chosen = [item["example_id"] for item in covered["items"]]
    before, after = trained(STORY), trained(STORY.when(*[says[doing](example_id) for example_id in chosen]))
    effect = covered["effect"]
    assert (effect["enter"], effect["leave"]) == (len(after - before), len(before - after))
    assert effect["stays_in"] == len(after & before & set(chosen))
    assert sum(effect["stays_out"].values()) == len(set(chosen) - after)


def trained(story: Story) -> set[str]:
    page = review_queue.found(story.reader, stage="training")
    return {item["example_id"] for item in page["items"]}
