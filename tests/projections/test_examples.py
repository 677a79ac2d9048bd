"""Examples: the keys of a text are the same whoever makes them, Python when it arrives or DuckDB when it changes."""

from __future__ import annotations

from projections.examples import ANALYSIS_KEY, ORIGINAL_KEY, TEXT_KEY, id_key

from .given import captured, corrected, given


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


def test_an_id_that_is_no_utf8_has_a_key_of_its_own() -> None:
    """Subjects and arguments may hold any bytes, which Python keeps as lone surrogates."""
    keys = {id_key(example_id) for example_id in ("bad", "bad\udcff", "bad\udcfe", "bad�")}
    assert len(keys) == 4
