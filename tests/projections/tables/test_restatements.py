"""Restatements: a capture that copied erased turns stays what it is, and the copy goes."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from events import same_words
from events.facts import ExampleCaptured
from events.message import remembered, restated
from projections.tables import restatements

from ...events.copying import of_chat
from ..given import (
    ANSWER,
    BETTER,
    PROMPT,
    Erase,
    approved,
    captured,
    corrected,
    erased,
    given,
    liked,
    redacted,
    tables_holding,
)

OWNER = "Kowalczyk"
FIRST: dict[str, Any] = {"prompt": f"How high is the {OWNER} roof?", "response": f"{ANSWER} {OWNER}"}
NOW = "And on EPDM?"


def copying(example_id: str, *turns: str, **more: Any) -> ExampleCaptured:
    return captured(example_id, NOW, BETTER, details=of_chat(*turns, NOW), **more)


COPY = copying("b", *FIRST.values())


def test_the_turn_keeps_its_texts_place_and_approval() -> None:
    story = given(captured("a", **FIRST), COPY, approved("b"), Erase("a"), captured("z"), liked("z"))
    assert restatements.copying_erased(story.con) == {}
    assert [type(message.fact()).__name__ for message in story.messages[3:5]] == ["ExampleErased", "ExampleRestated"]
    assert story.left[1].data != b""
    assert OWNER.encode() not in b"".join(message.data for message in story.left)
    assert tables_holding(story.con, OWNER) == []
    shown = story.show("b")
    assert (shown["prompt"], shown["response"], shown["decision"]) == (NOW, BETTER, "approved")
    assert shown["revision"] == 5


@pytest.mark.parametrize(
    "turns",
    [
        (FIRST["prompt"] + "\r\n", FIRST["response"].replace(" ", "\u00a0")),
        ("Hello?", "Hello.", *FIRST.values()),
        (*FIRST.values(), PROMPT, ANSWER),
    ],
)
def test_a_copy_is_found_wherever_it_stands(turns: tuple[str, ...]) -> None:
    story = given(captured("a", **FIRST), copying("b", *turns), captured("c"), copying("d", PROMPT, ANSWER))
    words = remembered(story.messages[0]).words
    assert restatements.copying(story.con, words=words) == {"seqs": [2]}
    assert restatements.copying_erased(story.con) == {}


def test_a_copy_behind_an_erasure_waits_to_be_restated() -> None:
    story = given(captured("a", **FIRST), Erase("a"), COPY, copying("b", *FIRST.values()))
    assert tables_holding(story.con, OWNER) == ["quarantine"]
    assert restatements.copying_erased(story.con) == {"a": [3, 4]}
    story = story.when(Erase("a"))
    assert tables_holding(story.con, OWNER) == []
    assert restatements.copying_erased(story.con) == {}
    assert story.show("b")["response"] == BETTER


def test_what_was_restated_is_erased_like_any_other() -> None:
    before = (captured("a", **FIRST), COPY, redacted("b", NOW, ANSWER), corrected("b", wrong=ANSWER, prompt=NOW))
    story = given(*before, Erase("a"), Erase("b"), captured("z"))
    assert {"erased"} <= set(story.show("b")["verdict"]["reasons"])
    story.then(texts={"b": ("", "")})
    assert restatements.copying_erased(story.con) == {}


def test_a_restatement_behind_its_erasure_is_hidden() -> None:
    fact = restated(given(COPY).messages[0])
    assert fact is not None
    story = given(COPY, Erase("b"), fact)
    assert story.con.execute("SELECT seq, ids FROM unerased_messages").fetchall() == [(3, ["b"])]


@pytest.mark.parametrize(
    "told",
    [{"restates": 1}, {"restates": 9}, {"restated_digest": "0" * 64}, {"event_id": "other"}, {"example_id": "a"}],
)
def test_a_restatement_of_nothing_is_quarantined_and_changes_nothing(told: dict[str, Any]) -> None:
    fact = restated(given(captured("a", **FIRST), COPY).messages[1])
    assert fact is not None
    lie = structs.replace(fact, response="No.", **told)
    story = given(captured("a", **FIRST), COPY, lie, captured("z"))
    story.then(quarantine={3: "wrong_restatement"}, texts={"b": (NOW, BETTER)})


def test_personal_data_is_looked_for_behind_the_copy() -> None:
    """Given a copied conversation with an e-mail, then the same is found before and after it is restated."""
    first = captured("a", FIRST["prompt"], f"{BETTER} Ask bo@example.com.")
    copy = copying("b", first.prompt, first.response)
    story = given(first, copy, approved("b"))
    assert story.show("b")["found"] == []
    assert story.when(Erase("a")).show("b")["found"] == []


def test_words_of_a_tombstone_alone_are_found_in_copies() -> None:
    tombstone = structs.replace(erased("a"), words=(same_words.key(*FIRST.values()),))
    assert restatements.copying_erased(given(tombstone, COPY).con) == {"a": [2]}
