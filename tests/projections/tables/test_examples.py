"""Examples: the keys of a text are the same whoever makes them, Python when it arrives or DuckDB when it changes."""

from __future__ import annotations

import random

from projections.store import database
from projections.tables.examples import ANALYSIS_KEY, ANY_QUESTION, ORIGINAL_KEY, QUESTION, TEXT_KEY, id_key

from ..given import captured, corrected, given


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
