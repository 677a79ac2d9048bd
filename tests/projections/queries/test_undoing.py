"""What was said about an example at a sequence, and how it stood before."""

from __future__ import annotations

from projections.queries import undoing

from ..given import approved, captured, described, disliked, given, rejected, reopened


def test_the_decision_before_is_known() -> None:
    story = given(
        captured("a"), approved("a"), rejected("a"), captured("b"), rejected("b"), reopened("b"), approved("b")
    )
    story = story.when(described("a", added=("x",)))
    before = undoing.before(story.con, items=[("a", 3), ("b", 7), ("c", 1)])
    assert [item.get("decision") for item in before] == ["approved", None, None]
    assert [item["said"] for item in before] == ["decision", "decision", None]
    first = undoing.before(story.con, items=[("a", 2)])
    assert first == [{"example_id": "a", "said": "decision", "decision": None, "reason": None, "context": None}]


def test_the_description_before_is_known() -> None:
    story = given(
        captured("a", project_context="Depot"),
        described("a", project_context="Tower", added=("x",)),
        described("a", project_context="Mill", include_in_training=False, removed=("x",)),
        disliked("a"),
    )
    first, second, other = (undoing.before(story.con, items=[("a", seq)])[0] for seq in (2, 3, 4))
    assert (first["project"], first["include"], first["added"], first["removed"]) == ("Depot", None, ["x"], [])
    assert (second["project"], second["include"], second["added"], second["removed"]) == ("Tower", True, [], ["x"])
    assert other == {"example_id": "a", "said": None}
