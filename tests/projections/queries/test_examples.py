"""What the tables answer: the funnel, the dashboard's numbers, one example in full."""

from __future__ import annotations

from typing import Any

import pytest

from projections.queries import examples, training_set

from ..given import (
    ANSWER,
    BETTER,
    OTHER_PROMPT,
    PROMPT,
    SUPPLIER,
    approved,
    captured,
    corrected,
    disliked,
    document,
    erased,
    given,
    junk,
    liked,
    redacted,
    rejected,
)

TEXTS = "SELECT prompt, response FROM examples SEMI JOIN (FROM held WHERE reasons = 0) USING (example_id) ORDER BY seq"

LUNCH: dict[str, Any] = {
    "prompt": "Where shall we have lunch?",
    "response": "At the usual place, as on every other day of this week, at noon.",
}

DAY = given(
    captured("good", OTHER_PROMPT),
    approved("good"),
    captured("wrong"),
    corrected("wrong"),
    captured("again", response=BETTER),
    liked("again"),
    captured("lunch", **LUNCH, source="error"),
    captured("mail", response=ANSWER + SUPPLIER),
    document("rfi", prompt="Write an RFI on the roof drain sump."),
    rejected("rfi"),
    captured("new", "Which TPO fastener?"),
    captured("gone", "Which EPDM adhesive?"),
    erased("gone"),
    disliked("new"),
)
"""A day with something for every stage of the funnel."""


class TestFunnel:
    def test_every_example_is_lost_for_one_reason_or_trained_on(self) -> None:
        funnel = DAY.funnel
        assert funnel["captured"] + funnel["corrections"] == sum(funnel["lost"].values()) + funnel["unique"]

    def test_stages_count_what_is_left_and_reasons_what_they_took(self) -> None:
        assert DAY.funnel == {
            "captured": 8,
            "corrections": 1,
            "lost": {
                "low_relevance": 1,
                "personal_data": 1,
                "superseded_by": 1,
                "erased": 1,
                "rejected": 1,
                "not_approved": 1,
                "duplicate_of": 1,
            },
            "filtered": 5,
            "approved": 3,
            "unique": 2,
        }

    def test_an_empty_log_has_an_empty_funnel(self) -> None:
        empty = {"captured": 0, "corrections": 0, "lost": {}, "filtered": 0, "approved": 0, "unique": 0}
        assert given(junk()).funnel == empty

    def test_another_relevance_may_be_asked_for_without_changing_a_verdict(self) -> None:
        story = given(captured("lunch", **LUNCH), approved("lunch"), captured("roof"), approved("roof"))
        for relevance, texts in (("low", [tuple(LUNCH.values()), (PROMPT, ANSWER)]), (None, [(PROMPT, ANSWER)])):
            reader = story.reader
            head = training_set.select(reader, relevance)  # type: ignore[arg-type]
            assert (head.funnel["unique"], reader.con.execute(TEXTS).fetchall()) == (len(texts), texts)
            story.then(training_set=["roof"])


class TestStats:
    def test_the_dashboard_counts_each_thing_once(self) -> None:
        stats = examples.stats(DAY.reader)
        assert (stats["total"], stats["training_goal"], stats["checkpoint"]) == (9, 2000, 14)
        assert stats["funnel"] == DAY.funnel
        assert sum(source["total"] for source in stats["by_source"]) == 9
        assert sum(source["in_training"] for source in stats["by_source"]) == stats["funnel"]["unique"]
        assert {"source": "user_correction", "total": 1, "in_training": 1, "high_value": True} in stats["by_source"]
        assert sum(stats["relevance"].values()) == 9
        assert (stats["feedback"], stats["decisions"]) == (
            {"positive": 1, "negative": 1}, {"approved": 1, "rejected": 1},
        )  # fmt: skip
        assert stats["review_queue"] == examples.queue(DAY.reader)["total"]
        assert {"tag": "insulation", "total": 1, "in_training": 1} in stats["tags"]

    def test_status_tells_where_the_tables_stand(self) -> None:
        status = examples.status(given(captured("a"), junk(), junk(data=b"[]"), liked("b")).con)
        assert (status["checkpoint"], status["examples"], status["waiting_for_example"]) == (4, 1, 1)
        assert status["quarantined"] == {"malformed": 2}


class TestShow:
    def test_an_example_is_told_in_full(self) -> None:
        shown = given(captured("a", details={"section": "07 62 00"}, tags=("zinc",)), rejected("a", "too vague")).show(
            "a"
        )
        assert (shown["prompt"], shown["response"], shown["source"]) == (PROMPT, ANSWER, "chat_interaction")
        assert (shown["details"], shown["tags"]) == ({"section": "07 62 00"}, ["flashing", "membrane", "tpo", "zinc"])
        assert (shown["decision"], shown["decision_reason"], shown["reviewer"]) == ("rejected", "too vague", "ana")
        assert (shown["occurred_at"], shown["relevance"]) == ("2025-03-18T12:00:00.000000Z", "high")

    def test_its_terms_are_the_words_of_its_texts(self) -> None:
        asked = given(
            captured("a", "How deep is a Scupper at the mod-bit roof drain?", "Scuppers are 1-1/2 inches deep.")
        )
        terms = ["scupper", "mod-bit", "roof drain", "inches"]
        assert asked.show("a")["terms"] == terms
        assert asked.when(redacted("a", "A scupper for [NAME]?", "It is deep.")).show("a")["terms"] == ["scupper"]
        assert asked.when(erased("a")).show("a")["terms"] == []

    def test_an_id_that_nobody_captured_is_not_there(self) -> None:
        assert examples.show(given(captured("a"), liked("b")).con, example_id="b") is None

    def test_a_correction_is_found_under_the_id_of_another_store(self) -> None:
        story = given(captured("a"), corrected("a", aliases=("old-1", "old-2")))
        assert (story.show("old-2")["example_id"], story.show("old-2")["alias"]) == ("fix-a", "old-2")
        assert "alias" not in story.show("fix-a")

    def test_an_example_comes_before_an_alias_of_the_same_name(self) -> None:
        assert given(captured("a"), corrected(None, aliases=("a",))).show("a")["example_id"] == "a"


class TestRevision:
    """The revision that a reviewer decides on is the sequence of the last fact on the subjects of the id."""

    @pytest.mark.parametrize(
        "last",
        [liked("a"), approved("a"), rejected("a"), redacted("a"), erased("a"), corrected("a"), captured("a"), junk()],
        ids=lambda fact: type(fact).__name__,
    )
    def test_it_is_the_sequence_of_the_examples_last_fact(self, last: object) -> None:
        story = given(captured("a"), captured("b"), liked("b"), last, liked("b"))  # type: ignore[arg-type]
        assert (story.show("a")["revision"], story.show("b")["revision"]) == (4, 5)

    def test_a_correction_counts_for_the_example_that_it_names(self) -> None:
        story = given(captured("a"), corrected("a"), corrected(None))
        assert [story.show(id_)["revision"] for id_ in ("a", "fix-a", "fix")] == [2, 0, 3]
        assert story.when(liked("fix-a")).show("fix-a")["revision"] == 4

    def test_the_queue_shows_the_same_revision(self) -> None:
        (item,) = examples.queue(given(captured("a"), disliked("a")).reader)["items"]
        assert item["revision"] == 2

    @pytest.mark.parametrize("stray", ["training.example.captured.a", "training.example.captured.a.x.y"])
    def test_a_stray_message_outside_the_ids_filter_does_not_count(self, stray: str) -> None:
        assert given(captured("a"), junk(stray)).show("a")["revision"] == 1


def test_a_tag_lists_its_bulk_approval_with_revisions() -> None:
    story = given(
        captured("a", tags=("tower",)),
        captured("decided", tags=("tower",)),
        approved("decided"),
        captured("other"),
        captured("b", OTHER_PROMPT, tags=("tower",)),
        disliked("b"),
    )
    items = examples.tagged(story.reader, tag="tower")["items"]
    assert [(item["example_id"], item["revision"]) for item in items] == [("a", 1), ("b", 6)]
    assert [item["example_id"] for item in examples.tagged(story.reader, tag="tower", limit=1)["items"]] == ["a"]
