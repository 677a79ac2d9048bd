"""What is told of personal data: where it stands, in which comments, and which examples hold any."""

from __future__ import annotations

from projections.queries import personal_data, review_queue
from projections.queries.selection import oldest

from ..given import ANSWER, BETTER, approved, captured, corrected, given, liked

EMAIL = "bo@example.com"
STORY = given(
    captured("a", details={"site": [EMAIL, "312-555-0147"]}),
    captured("b"),
    captured("c", f"Who sells TPO? {EMAIL}", f"{ANSWER} Mr. Ben Carter sells it; mail {EMAIL}."),
    liked("a", comment="well said"),
    approved("a", reason=f"says {EMAIL}"),
    corrected("b", BETTER, reason="wrong height"),
)


def test_finds_are_told_by_their_places() -> None:
    assert [(span["field"], span["kind"], span["is_guess"]) for span in STORY.show("c")["found"]] == [
        ("prompt", "email", False),
        ("response", "name", True),
        ("response", "email", False),
    ]
    assert [span["is_trained_on"] for span in STORY.show("c")["found"]] == [True, False, True]
    assert [span["field"] for span in STORY.show("a")["found"]] == ["comments.5", "details.0.0", "details.0.1"]
    assert STORY.show("b")["found"] == []


def test_comments_are_told_in_the_order_of_the_log() -> None:
    assert [(said["seq"], said["fact"], said["text"]) for said in STORY.show("a")["comments"]] == [
        (4, "feedback.given", "well said"),
        (5, "example.approved", f"says {EMAIL}"),
    ]
    assert STORY.show("fix-b")["comments"] == [
        {"seq": 6, "actor": "ana", "fact": "correction.recorded", "text": "wrong height"}
    ]


def test_examples_with_personal_data_anywhere_can_be_listed() -> None:
    listed = review_queue.found(STORY.reader, stage="private")
    assert [item["example_id"] for item in listed["items"]] == ["c", "a"]
    assert [item["personal_data_elsewhere"] for item in listed["items"]] == [[], ["email", "phone"]]
    assert listed["matching"] == 2
    reader = STORY.reader
    assert oldest(reader.columns, personal_data.private(reader), 1, 5) == [3]
