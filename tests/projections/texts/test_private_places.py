"""Personal data beside prompt and answers: found in every declared string, until it is replaced or erased."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from events.codec import decode, encode
from events.errors import InvalidFact
from events.facts import (
    ABOUT_EXAMPLES,
    Attachment,
    ExampleCaptured,
    ExampleErased,
    ExampleRedacted,
    ExampleRestated,
    Fact,
    NewComment,
    ToolTurn,
)
from projections.texts.private_places import KINDS, MOST
from tests.events.quoting import marked

from ..given import adopted, approved, captured, corrected, disliked, erased, fold, given, liked, policy, redacted

EMAIL, PHONE = "bo@example.com", "Call the site at 312-555-0147."
FULL: dict[str, Any] = {
    "system": f"You work for {EMAIL}.",
    "tools": (ToolTurn(name="find", arguments=f'{{"to": "{EMAIL}"}}', result=PHONE),),
    "attachments": (Attachment(kind="image", name=f"{EMAIL}.jpg", address=f"https://example.com/?to={EMAIL}"),),
    "details": {"site": [PHONE], EMAIL: 7},
    "tags": (EMAIL,),
    "project_context": f"for {EMAIL}",
}
OLD = adopted(policy(filters={"personal_data_of_turn": False}))


def fields(story: Any, example_id: str = "a") -> list[str]:
    return [span["field"] for span in story.show(example_id)["found"]]


def test_every_string_of_an_example_is_looked_at() -> None:
    story = given(captured("a", **FULL), liked("a", comment=PHONE), approved("a", reason=f"ask {EMAIL}"))
    assert fields(story) == [
        "attachments.0.address",
        "attachments.0.name",
        "comments.2",
        "comments.3",
        "details.0.key",
        "details.1.0",
        "project_context",
        "system",
        "tags.0",
        "tools.0.arguments",
        "tools.0.result",
    ]
    trained_on = [span["field"] for span in story.show("a")["found"] if span["is_trained_on"]]
    assert trained_on == ["system", "tools.0.arguments", "tools.0.result"]
    assert [comment["text"] for comment in story.show("a")["comments"]] == [PHONE, f"ask {EMAIL}"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_field_is_looked_at_because_it_is_declared(kind: type[Fact]) -> None:
    """The registry says which fields there are: a new one is looked at without being named anywhere."""
    assert set(KINDS) == set(ABOUT_EXAMPLES) - {ExampleErased, ExampleRestated}
    for word, fact in marked("a"):
        if type(fact) is kind and word.encode() in encode(fact) and "foundkind" not in word:
            with suppress(InvalidFact):  # an id takes no such word
                private = decode(encode(fact).replace(word.encode(), f"{word} {EMAIL}".encode()))
                base = [corrected(None, id="a") if kind is ExampleRedacted else captured("a")]
                con = given(*([] if kind is ExampleCaptured else base), private).con
                spans = con.execute("SELECT spans FROM private_places UNION ALL SELECT spans FROM analysis").fetchall()
                assert "email" in str(spans), f"{kind.__name__}: {word}"


def test_who_signs_in_by_an_address_is_no_find() -> None:
    story = given(
        captured("a", actor=EMAIL), corrected("a", actor=EMAIL, corrector=f" {EMAIL}"), liked("a", actor=EMAIL)
    )
    assert fields(story) == fields(story, "fix-a") == []
    assert fields(given(captured("a", actor="bo, 312-555-0147"))) == ["actor"]


def test_a_policy_says_whether_the_whole_turn_counts() -> None:
    for part in ("system", "tools"):
        now = given(captured("a", **{part: FULL[part]}), approved("a"))
        now.then(training_set=[], why={"a": ["personal_data"]})
        now.when(OLD).then(training_set=["a"])
    for part in ("attachments", "details", "tags", "project_context"):
        beside = given(captured("a", **{part: FULL[part]}), liked("a", comment=PHONE), approved("a"))
        assert "personal_data" not in beside.show("a")["verdict"]["reasons"]
        assert beside.show("a")["personal_data_elsewhere"]


def test_a_later_turn_is_incomplete_behind_a_private_system_text() -> None:
    first = captured("a", system=FULL["system"], conversation="t")
    story = given(first, captured("b", "And what about an EPDM roof?", conversation="t"), approved("b"))
    assert story.show("b")["incomplete"] == ["personal_data"]
    assert story.when(OLD).show("b")["incomplete"] == []


def test_a_redaction_takes_its_finds_away_wherever_it_stands() -> None:
    said = captured("a", **FULL), disliked("a", comment=PHONE)
    new: dict[str, Any] = {"system": "", "tools": (), "details": {"site": "[PHONE]"}, "attachments": ()}
    story = given(*said, redacted("a", **new, comments=(NewComment(seq=2, comment="[PHONE]"),)), approved("a"))
    assert fields(story) == ["project_context", "tags.0"]
    assert story.show("a")["comments"][0]["text"] == "[PHONE]"
    story.then(training_set=["a"])
    assert fields(given(redacted("a", **new), *said)) == ["comments.3", "project_context", "tags.0"]
    again = redacted("a", system=f"Ask {EMAIL}", details={"more": EMAIL})
    assert fields(given(*said, redacted("a", **new), again)) == [
        "comments.2",
        "details.0",
        "project_context",
        "system",
        "tags.0",
    ]


def test_nothing_is_found_in_what_does_not_count() -> None:
    story = given(captured("a"), captured("a", details=FULL["details"]), captured("b", **FULL), erased("b"))
    assert story.con.execute("SELECT count(*) FROM private_places").fetchall() == [(0,)]


def test_an_edited_question_is_shown_and_not_trained_on() -> None:
    fix = corrected("a", prompt=f"Whom do I ask about a TPO roof, {EMAIL}?", corrected_prompt="Which TPO roof is best?")
    story = given(captured("a"), fix)
    assert fields(story, "fix-a") == ["original_prompt"]
    assert story.show("fix-a")["verdict"]["in_training"]


def test_what_is_kept_of_one_fact_is_bounded() -> None:
    story = fold([given(captured("a", details={"all": [EMAIL] * (MOST + 10)})).messages])
    (spans,) = story.con.execute("SELECT json_array_length(spans) FROM private_places").fetchall()[0]
    assert spans == MOST
    story.close()


def test_a_text_is_looked_at_before_all_details() -> None:
    """However much is found beside the texts, what is trained on decides."""
    many = [f"ask{n}@example.com" for n in range(MOST + 10)]
    story = given(captured("a", details={"all": many}, system=FULL["system"]), approved("a"))
    story.then(training_set=[], why={"a": ["personal_data"]})
