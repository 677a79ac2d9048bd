"""The names of tags: one in every case, synonyms as what they stand for, and as written under older policies."""

from __future__ import annotations

from msgspec import UNSET, structs

from ..given import adopted, captured, described, given, policy

PLAIN = structs.replace(policy(), tags=UNSET)
"""A policy that says nothing of tags."""


def test_tags_that_differ_in_case_and_blanks_are_one() -> None:
    story = given(captured("a", tags=("Seam  Tape", " seam tape ", "TPO", "")))
    assert story.show("a")["tags"] == ["flashing", "membrane", "seam tape", "tpo"]


def test_a_policy_without_tags_keeps_them_as_written() -> None:
    story = given(adopted(PLAIN), captured("a", tags=("Seam", "TPO", "")))
    assert story.show("a")["tags"] == ["", "Seam", "TPO", "flashing", "membrane", "tpo"]


def test_adopting_a_policy_names_tags_anew() -> None:
    story = given(adopted(PLAIN), captured("a", tags=("Seam",)), described("a", added=("SEAM", "Lap")))
    assert {"Seam", "SEAM", "Lap"} < set(story.show("a")["tags"])
    named = story.when(adopted(policy(tags={"synonyms": {"lap": "seam"}})))
    assert named.show("a")["tags"] == ["flashing", "membrane", "seam", "tpo"]
    assert named.when(adopted(PLAIN)).show("a")["tags"] == story.show("a")["tags"]


def test_a_synonym_is_removed_as_what_it_stands_for() -> None:
    story = given(
        adopted(policy(tags={"synonyms": {"Thermoplastic  Polyolefin": "TPO"}})),
        captured("a", tags=("thermoplastic polyolefin",)),
    )
    assert story.show("a")["tags"] == ["flashing", "membrane", "tpo"]
    assert story.when(described("a", removed=("thermoplastic polyolefin",))).show("a")["tags"] == [
        *("flashing", "membrane"),
    ]
