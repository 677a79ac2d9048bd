"""Redactions: an example has the texts of its latest one, and what they replace is in no table any more."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from events import traits
from events.facts import (
    ABOUT_EXAMPLES,
    Attachment,
    CorrectionRecorded,
    ExampleErased,
    ExampleRestated,
    Fact,
    NewComment,
    ToolTurn,
)

from ...events.samples import SAID
from ..given import (
    ANSWER,
    PROMPT,
    Erase,
    captured,
    corrected,
    disliked,
    erased,
    given,
    redacted,
    rejected,
    tables_holding,
)

WORD = "Kowalczyk"
FULL: dict[str, Any] = {
    "system": f"You work for {WORD}.",
    "tools": (ToolTurn(name="find", result=f"owner: {WORD}"),),
    "attachments": (Attachment(kind="image", name=f"{WORD}.jpg"),),
    "details": {"site": [WORD], WORD: 7},
}
CLEAN: dict[str, Any] = {
    "system": "You work for [NAME].",
    "tools": (ToolTurn(name="find", result="owner: [NAME]"),),
    "attachments": (Attachment(kind="image", name="[NAME].jpg"),),
    "details": {"[NAME]": 7, "site": ["[NAME]"]},
}


def comments(*seqs: int) -> tuple[NewComment, ...]:
    return tuple(NewComment(seq=seq, comment="[NAME] says so") for seq in seqs)


def test_what_a_redaction_replaces_is_in_no_table() -> None:
    story = given(
        captured("a", f"{PROMPT} {WORD}", f"{ANSWER} {WORD}", **FULL),
        disliked("a", comment=f"{WORD} says so"),
        rejected("a", f"{WORD} says so"),
        redacted("a", f"{PROMPT} {WORD}", ANSWER, **FULL | {"tools": ()}),
    )
    assert "examples" in tables_holding(story.con, WORD)
    clean = story.when(redacted("a", **CLEAN, comments=comments(2, 3)))
    assert tables_holding(clean.con, WORD) == []
    shown = clean.show("a")
    assert (shown["system"], shown["details"]) == (CLEAN["system"], CLEAN["details"])
    assert shown["tools"] == [{"name": "find", "result": "owner: [NAME]"}]
    assert shown["decision_reason"] == "[NAME] says so"
    assert [comment["text"] for comment in shown["comments"]] == ["[NAME] says so"] * 2


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("kind", [kind for kind in ABOUT_EXAMPLES if kind not in (ExampleErased, ExampleRestated)])
def test_every_comment_is_shown_and_can_be_replaced(kind: type[Fact], together: bool) -> None:
    """The registry says which fields are comments: a new one is shown and replaced like all others."""
    fields = [path[0] for path in traits.paths(kind, "comment") if len(path) == 1]
    for field in fields:
        sample = next(fact for fact in SAID if type(fact) is kind and getattr(fact, field))
        said = structs.replace(sample, **{"event_id": "f", field: f"{WORD} says so"})
        is_example = isinstance(said, CorrectionRecorded)
        about = "f" if is_example else sample.about
        before = [] if is_example else [captured(about)]
        story = given(*before, said)
        seq = len(before) + 1
        shown = story.show(about)
        assert [each["text"] for each in shown["comments"]] == [f"{WORD} says so"], field
        assert is_example or shown["revision"] == seq
        clean = redacted(about, comments=comments(seq))
        done = given(*before, said, clean) if together else story.when(clean)
        assert tables_holding(done.con, WORD) == [], field


def test_an_erasure_brings_no_replaced_comment_back() -> None:
    said = captured("a"), disliked("a", comment=f"ask {WORD}")
    hidden = redacted("a", comments=comments(2))
    for story in (
        given(*said, hidden, Erase("a")),
        given(*said, Erase("a"), hidden),
        given(*said, erased("a"), hidden),
    ):
        assert tables_holding(story.con, WORD) == []
    for comment in (None, ""):  # as one batch and one by one, seen and rebuilt
        empty = disliked("a", comment=comment), rejected("a", "")
        assert given(captured("a"), *empty, redacted("a", comments=comments(2, 3)), Erase("a")).show("a")


def test_a_redaction_leaves_what_it_does_not_say() -> None:
    shown = given(captured("a", **FULL), redacted("a", "Which roof?", ANSWER)).show("a")
    assert (shown["prompt"], shown["system"], shown["details"]) == ("Which roof?", FULL["system"], FULL["details"])


def test_parts_of_several_redactions_stand_together() -> None:
    said = captured("a", **FULL)
    first, second = redacted("a", system="", details={}), redacted("a", tools=(), attachments=())
    for story in (given(said, first, second), given(first, second, said), given(first, said, second)):
        shown = story.show("a")
        assert (shown["system"], shown["details"], shown["tools"], shown["attachments"]) == ("", {}, [], [])
        assert tables_holding(story.con, WORD) == []


def test_only_comments_of_earlier_facts_about_the_example_change() -> None:
    said = [captured("a"), captured("b", "Which TPO roof?"), disliked("a", comment=WORD), disliked("b", comment=WORD)]
    story = given(*said, redacted("a", comments=comments(3, 4, 6)), disliked("a", comment=WORD))
    assert [comment["text"] for comment in story.show("a")["comments"]] == ["[NAME] says so", WORD]
    assert [comment["text"] for comment in story.show("b")["comments"]] == [WORD]


def test_the_question_and_the_reason_of_a_correction_are_replaced() -> None:
    fix = corrected("a", prompt=f"{PROMPT} {WORD}", corrected_prompt=PROMPT, reason=WORD)
    new = redacted("fix-a", original_response="", original_prompt=f"{PROMPT} [NAME]", comments=comments(2))
    story = given(captured("a"), fix, new)
    shown = story.show("fix-a")
    assert (shown["original_prompt"], shown["correction_reason"]) == (f"{PROMPT} [NAME]", "[NAME] says so")
    assert tables_holding(story.con, WORD) == []
