"""Examples: the keys of their texts, and that a turn keeps what came with it until it is erased."""

from __future__ import annotations

import hashlib
from typing import Any
from uuid import UUID

from events.facts import Attachment, ToolTurn
from projections.tables.examples import id_key

from ..given import OTHER_PROMPT, Erase, captured, corrected, given, redacted

ODD = "Zwölf Rollen „TPO“ \U0001f3e0\0 \r\n ’’ \u2028"


def test_keys_are_those_of_the_text_as_it_is() -> None:
    told = given(
        captured("a", ODD, ODD),
        captured("b", "", ""),
        corrected("a", prompt=ODD, wrong="", right=ODD),
        corrected("b", id="c"),
        redacted("b", ODD, "x"),
        redacted("c", "p", ODD, original_response=ODD),
    )
    rows = told.con.execute(
        """SELECT prompt, response, original_response, text_key::VARCHAR, analysis_key::VARCHAR FROM examples"""
    ).fetchall()
    assert len(rows) == 4
    for prompt, response, original, text_key, analysis_key in rows:
        assert text_key == key(f"{prompt}\0{response}")
        assert analysis_key == key("\0".join([prompt, response, *([] if original is None else [original])]))


def key(text: str) -> str:
    """128 bits of SHA-256 as a UUID."""
    return str(UUID(hashlib.sha256(text.encode()).hexdigest()[:32]))


def test_an_id_without_utf8_has_a_key_of_its_own() -> None:
    """Subjects and arguments may hold any bytes, which Python keeps as lone surrogates."""
    keys = {id_key(example_id) for example_id in ("bad", "bad\udcff", "bad\udcfe", "bad�")}
    assert len(keys) == 4


TURN: dict[str, Any] = {
    "conversation": "thread 7",
    "follows": "before",
    "system": "You are a roofer.",
    "tools": (ToolTurn(name="find", arguments="{}", result="Ask bo@example.com"), ToolTurn(name="look")),
    "attachments": (Attachment(kind="image", name="roof.jpg", address="https://example.com/bo"),),
    "finish_reason": "stop",
    "model": "gpt-4o-mini",
}
KEPT = TURN | {
    "tools": [{"name": "find", "arguments": "{}", "result": "Ask bo@example.com"}, {"name": "look"}],
    "attachments": [{"kind": "image", "name": "roof.jpg", "address": "https://example.com/bo"}],
}
EMPTY = dict.fromkeys(TURN) | {"tools": [], "attachments": []}


def turn_of(example: dict[str, Any]) -> dict[str, Any]:
    return {name: example[name] for name in TURN}


def test_a_turn_of_a_conversation_is_kept_whole() -> None:
    told = given(captured("a", **TURN), captured("b", OTHER_PROMPT), corrected("a"))
    assert turn_of(told.show("a")) == KEPT
    assert turn_of(told.show("b")) == turn_of(told.show("fix-a")) == EMPTY


def test_an_erased_turn_keeps_its_place_alone() -> None:
    told = given(captured("a", **TURN), Erase("a"))
    assert turn_of(told.show("a")) == EMPTY | {"follows": "before"}


def test_a_redaction_changes_the_parts_that_it_names() -> None:
    fewer = (ToolTurn(name="find", result="Ask [email]"),)
    later = redacted("a", "Who?", attachments=(), system="")
    changed = {"system": "", "tools": [{"name": "find", "result": "Ask [email]"}], "attachments": []}
    for history in (
        [captured("a", **TURN), redacted("a", tools=fewer), later],
        [redacted("a", tools=fewer), captured("a", **TURN), later],
        [redacted("a", tools=fewer, system="A roofer."), later, captured("a", **TURN)],
    ):
        told = given(*history)
        shown = told.show("a")
        assert (shown["prompt"], turn_of(shown)) == ("Who?", KEPT | changed)
    told = given(captured("a", **TURN), redacted("a", "Who?"))
    assert turn_of(told.show("a")) == KEPT
