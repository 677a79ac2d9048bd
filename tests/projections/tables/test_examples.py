"""Examples: their keys are the same whoever makes them, and a turn keeps what came with it until it is erased."""

from __future__ import annotations

import random
from typing import Any

from events.facts import Attachment, ToolTurn
from projections.store import database
from projections.tables.examples import ANALYSIS_KEY, ANY_QUESTION, ORIGINAL_KEY, QUESTION, TEXT_KEY, id_key

from ..given import OTHER_PROMPT, Erase, captured, corrected, given, redacted


def test_python_and_duckdb_make_the_same_keys() -> None:
    odd = "Zwölf Rollen „TPO“ \U0001f3e0\0 \r\n ’’ \u2028"
    told = given(
        captured("a", odd, odd), captured("b", "", ""), corrected("a", prompt=odd, wrong="", right=odd), corrected("b")
    )
    rows = told.con.execute(
        f"""SELECT text_key, said_key, analysis_key, original_key, {TEXT_KEY}, {TEXT_KEY}, {ANALYSIS_KEY},
            {ORIGINAL_KEY}
            FROM examples"""
    ).fetchall()
    assert len(rows) == 4
    assert [row[:4] for row in rows] == [row[4:] for row in rows]


def test_an_id_without_utf8_has_a_key_of_its_own() -> None:
    """Subjects and arguments may hold any bytes, which Python keeps as lone surrogates."""
    keys = {id_key(example_id) for example_id in ("bad", "bad\udcff", "bad\udcfe", "bad�")}
    assert len(keys) == 4


def test_a_plain_question_is_normalised_as_any_other_is() -> None:
    chance = random.Random(7)
    prompts = [
        "".join(chance.choices("aB7?!.,;:'\" ’„é\t\n\r\v\0\u00a0~", k=chance.randrange(9))) for _ in range(20_000)
    ]
    with database.connect(None) as con:
        rows = [(prompt,) for prompt in ["Why ?!", "A  b", "", " ", "...", *prompts]]
        database.with_rows(con, {"prompt": "VARCHAR"}, rows, "CREATE TABLE prompts AS FROM incoming")
        told = con.execute(f"SELECT prompt, {QUESTION}, {ANY_QUESTION} FROM prompts").fetchall()
    assert [row for row in told if row[1] != row[2]] == []
    assert {row[0]: row[1] for row in told} | {"Why ?!": "why", "A  b": "a b", "...": ""} == {r[0]: r[1] for r in told}


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


def test_an_erased_turn_keeps_nothing_of_it() -> None:
    told = given(captured("a", **TURN), Erase("a"))
    assert turn_of(told.show("a")) == EMPTY


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
