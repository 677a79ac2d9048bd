"""Examples: the keys of a text are the same whoever makes them, Python when it arrives or DuckDB when it changes."""

from __future__ import annotations

from projections.examples import ANALYSIS_KEY, ORIGINAL_KEY, TEXT_KEY

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
