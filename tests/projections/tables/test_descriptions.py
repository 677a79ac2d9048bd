"""Descriptions: tags, project and exclusion as the last fact about each says, whatever the order of arrival."""

from __future__ import annotations

from projections.queries import examples

from ..given import Erase, approved, captured, corrected, described, given, tables_holding


def test_tags_are_added_and_removed_one_by_one() -> None:
    story = given(
        captured("a", tags=("detail",)),
        described("a", added=("warranty",)),
        described("a", added=("seam",), removed=("detail",)),
        described("a", removed=("warranty", "nothing")),
    )
    assert story.show("a")["tags"] == ["flashing", "membrane", "seam", "tpo"]


def test_a_tag_that_the_text_gives_can_be_removed() -> None:
    story = given(captured("a"), described("a", removed=("tpo", "flashing", "membrane")))
    assert story.show("a")["tags"] == ["general"]
    assert story.when(described("a", added=("tpo",))).show("a")["tags"] == ["tpo"]


def test_an_exclusion_keeps_out_until_it_is_taken_back() -> None:
    story = given(captured("a"), approved("a"), described("a", include_in_training=False))
    story.then(training_set=[], why={"a": ["excluded_by_author"]}, queue=[])
    story.when(described("a", added=("seam",))).then(training_set=[])
    story.when(described("a", include_in_training=True)).then(training_set=["a"], approval={"a": "reviewer"})


def test_a_description_brings_no_approved_example_back() -> None:
    changed = described("a", added=("seam",), project_context="Tower A")
    given(captured("a"), approved("a"), changed).then(training_set=["a"], queue=[])


def test_a_description_before_its_capture_waits_for_it() -> None:
    story = given(described("a", added=("seam",), project_context="Tower A", include_in_training=False))
    story.then(waiting=1)
    arrived = story.when(captured("a"), approved("a")).then(training_set=[], waiting=0)
    assert arrived.show("a")["project_context"] == "Tower A"
    assert "seam" in arrived.show("a")["tags"]


def test_a_correction_is_described_under_its_own_id() -> None:
    story = given(captured("a"), corrected("a"), described("fix-a", include_in_training=False, added=("seam",)))
    story.then(training_set=[], why={"fix-a": ["excluded_by_author"]})
    assert "seam" in story.show("fix-a")["tags"]


def test_the_revision_is_that_of_the_last_description() -> None:
    assert given(captured("a"), described("a", added=("seam",))).show("a")["revision"] == 2


def test_filters_and_tallies_know_what_was_described() -> None:
    story = given(captured("a"), captured("b", "Other?"), described("a", added=("seam",), project_context="Tower A"))
    assert [item["example_id"] for item in examples.tagged(story.reader, tag="seam")["items"]] == ["a"]
    counts = story.reader.columns.counts
    assert counts.of("tag", "seam").total == counts.of("project", "Tower A").total == 1


def test_of_an_erased_example_no_description_is_left() -> None:
    quoting = described("a", added=("seam",), project_context="Bo", include_in_training=False, reason="call Bo")
    story = given(captured("a"), quoting, Erase("a", comments=True), described("a", added=("late",)))
    assert story.show("a")["project_context"] == story.show("a")["tags"][0] == "general"
    assert tables_holding(story.con, "late") == []
    assert tables_holding(story.con, "call Bo") == []
