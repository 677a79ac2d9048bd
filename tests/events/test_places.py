"""Places: every string of a fact has one, and is read and replaced there."""

from __future__ import annotations

import pytest

from events.facts import FACTS, Attachment, ExampleCaptured, Fact, ToolTurn
from events.places import placed, replaced, strings
from events.traits import TRAITS, strings_of

from .samples import BARE, SAID

FACT = ExampleCaptured(
    **BARE,
    example_id="a",
    prompt="p",
    response="r",
    source="s",
    tags=("one", "two"),
    tools=(ToolTurn(name="find", result="found"), ToolTurn(name="look", arguments="{}")),
    attachments=(Attachment(kind="image", digest="1" * 64),),
    details={"b": [1, {"x": "deep"}], "a": "first"},
)


def test_every_loose_string_has_its_place_and_trait() -> None:
    assert {place: (trait, text) for place, trait, text in placed(FACT) if "." in place} == {
        "tags.0": ("name", "one"),
        "tags.1": ("name", "two"),
        "tools.0.name": ("name", "find"),
        "tools.0.arguments": ("text", ""),
        "tools.0.result": ("text", "found"),
        "tools.1.name": ("name", "look"),
        "tools.1.arguments": ("text", "{}"),
        "attachments.0.kind": ("name", "image"),
        "details.0.key": ("data", "a"),
        "details.0": ("data", "first"),
        "details.1.key": ("data", "b"),
        "details.1.1.0.key": ("data", "x"),
        "details.1.1.0": ("data", "deep"),
    }


@pytest.mark.parametrize("kind", FACTS)
def test_what_has_no_place_is_an_id_or_a_digest(kind: type[Fact]) -> None:
    for fact in (fact for fact in SAID if type(fact) is kind):
        texts = [text for _, _, text in placed(fact)]
        left = [text for trait in TRAITS for text in strings_of(fact, trait) if text not in texts]
        assert all(text.replace("_", "").replace("-", "").replace(":", "").replace(".", "").isalnum() for text in left)
        assert not {"text", "comment", "name"} & {trait for _, trait, text in placed(fact) if text in left}


def test_strings_are_replaced_at_their_places() -> None:
    details = {"b": [1, {"x": "deep"}], "a": "first"}
    new = replaced(details, "details", {"details.0.key": "b", "details.1.1.0": "other", "details.9": "nothing"})
    assert new == {"b": "first", "b 1": [1, {"x": "other"}]}
    assert replaced(FACT.tools, "tools", {"tools.0.result": "new"})[0] == ToolTurn(name="find", result="new")
    assert replaced(details, "details", {}) == details
    assert dict(strings("word", "system")) == {"system": "word"}
