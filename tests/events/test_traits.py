"""Traits: every string of every fact says what it is, and what says so is found however deep it lies."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from msgspec import Struct

from events import traits
from events.facts import FACTS, CorrectionRecorded, ExampleRedacted, Fact, comments_of, texts_of
from events.traits import COMMENT, DATA, Comment, Data, Text, has, paths, strings_of

from .samples import BARE, SAID


def complaint(kind: type[Struct]) -> str:
    """What to do about the fields of a type that declare nothing; empty where all declare something."""
    return "\n".join(
        f"{kind.__name__}.{'.'.join(path)} holds strings and does not say which: declare it in events/facts.py as Text "
        "(words of an example), Comment (words about it), Name (person, tag, project, source) or Data (ids, digests)"
        for path in paths(kind, None)
    )


@pytest.mark.parametrize("kind", FACTS)
def test_every_string_of_a_fact_declares_its_trait(kind: type[Fact]) -> None:
    assert complaint(kind) == ""


class Span(Struct):
    kind: Data
    text: Text = ""
    forgotten: str = ""


class Turn(Struct):
    spans: list[Span] = []
    note: Comment | None = None
    more: Annotated[dict[str, Any], DATA] = {}
    said: Annotated[list[dict[str, str]], COMMENT] = []
    size: int = 0
    outcome: Literal["a", "b"] = "a"
    loose: dict[str, int] = {}
    anything: Any = None
    by_name: dict[Data, Text] = {}


def test_an_undeclared_field_is_named_with_what_to_do() -> None:
    assert [line.split()[0] for line in complaint(Turn).splitlines()] == [
        "Turn.spans.*.forgotten",
        "Turn.loose.[keys]",
        "Turn.anything",
    ]
    assert "declare it in events/facts.py" in complaint(Turn)


def test_strings_are_found_however_deep_they_lie() -> None:
    turn = Turn(
        spans=[Span("k", "one"), Span("k", "two")],
        note="note",
        more={"a": [1, {"b": "c"}]},
        said=[{"x": "y"}],
        by_name={"id": "three"},
    )
    assert strings_of(turn, "text") == ["one", "two", "three"]
    assert strings_of(turn, "comment") == ["note", "x", "y"]
    assert strings_of(turn, "data") == ["k", "k", "a", "b", "c", "id"]
    assert strings_of(Turn(), "comment") == []
    assert has(Turn, "text")
    assert not has(Turn, "name")


def test_texts_and_comments_of_a_fact_are_what_it_declares() -> None:
    correction, redaction = (next(f for f in SAID if type(f) is kind) for kind in (CorrectionRecorded, ExampleRedacted))
    assert texts_of(correction) == ["What overlap?", "2 inches.", "2.5 inches."]
    assert comments_of(correction) == ["incomplete"]
    assert texts_of(redaction) == ["Call [phone]", "r", "w"]
    bare = CorrectionRecorded(**BARE, original_prompt="", original_response="", corrected_response="")
    assert (texts_of(bare), comments_of(bare)) == (["", "", ""], [])


def test_every_trait_is_in_use() -> None:
    declared = {trait for trait in traits.TRAITS if any(has(kind, trait) for kind in FACTS)}
    assert declared == set(traits.TRAITS)
