"""Notes are kept with their example, decide nothing, and go with what they are about."""

from __future__ import annotations

import pytest

from events.facts import NewComment
from projections.queries.notes import inbox

from ..given import ANSWER, PROMPT, Erase, captured, given, liked, noted, redacted


def test_a_note_changes_no_verdict() -> None:
    said = [captured("a"), liked("a")]
    plain, remarked = given(*said), given(*said, noted("a"))
    assert plain.show("a")["verdict"] == remarked.show("a")["verdict"]
    assert remarked.show("a")["revision"] == 3
    assert [(c["fact"], c["text"]) for c in remarked.show("a")["comments"]] == [("example.noted", "Is that so, @ben?")]


def test_a_note_waits_for_its_example() -> None:
    story = given(noted("a"))
    assert inbox(story.con, of="Ben")["items"][0]["prompt"] is None
    assert inbox(story.when(captured("a")).con, of="ben")["items"][0]["prompt"] == PROMPT


@pytest.mark.parametrize("erase", [Erase("a"), Erase("a", comments=True)])
def test_a_note_is_gone_with_its_example(erase: Erase) -> None:
    story = given(captured("a"), noted("a", "write to ana@example.com"), erase, noted("a", "still here?"))
    left = [item["note"] for item in inbox(story.con)["items"]]
    assert left == ([] if erase.comments else ["write to ana@example.com"])


def test_a_redaction_replaces_a_note() -> None:
    story = given(
        captured("a"),
        noted("a", "ask ana@example.com"),
        redacted("a", PROMPT, ANSWER, comments=(NewComment(seq=2, comment="ask [EMAIL]"),)),
    )
    assert [item["note"] for item in inbox(story.con)["items"]] == ["ask [EMAIL]"]


def test_the_inbox_goes_on_where_a_page_ends() -> None:
    story = given(captured("a"), *(noted("a", f"note {n}") for n in range(5)), noted("a", "to nobody", ()))
    first = inbox(story.con, of="ben", limit=3)
    second = inbox(story.con, of="ben", limit=3, before=first["before"])
    assert [item["note"] for item in first["items"] + second["items"]] == [f"note {n}" for n in (4, 3, 2, 1, 0)]
    assert second["before"] is None
