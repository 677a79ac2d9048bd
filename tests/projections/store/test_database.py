"""The connection and the SQL that statements share."""

from __future__ import annotations

from pathlib import Path

from projections.store import database


def test_rows_that_are_joined_are_whole_before() -> None:
    """See `among`: the fault shows from some ten thousand real rows on, and made ones do not bring it about."""
    nested = [
        path.name
        for path in Path(database.__file__).parents[1].rglob("*.py")
        if "{AMONG})" in path.read_text() and path.name != "database.py"
    ]
    assert nested == []


def test_among_has_the_rows_of_the_sequences(tmp_path: Path) -> None:
    con = database.connect(tmp_path / "some.duckdb")
    con.execute("CREATE TABLE numbers AS SELECT range AS seq, range * 2 AS twice FROM range(100)")
    sql = f"SELECT a.seq, b.twice FROM {database.among('numbers')} a JOIN {database.among('numbers')} b USING (seq)"
    assert sorted(con.execute(sql, {"seqs": [3, 7, 200]}).fetchall()) == [(3, 6), (7, 14)]
    con.close()
