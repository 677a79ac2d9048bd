"""The registry declares every table of the database, and whoever creates, compares or copies tables goes through it."""

from __future__ import annotations

from pathlib import Path

import pytest

from events.facts import FACTS
from projections.fold import table_copy, tables
from projections.fold.content_digest import content_digest, table_digests
from projections.fold.projector import Projector
from projections.store.database import Connection
from projections.store.table import Kind, Table

from ..given import captured, fold, given, liked

STORY = given(captured("a"), liked("a"), liked("b"))


def in_database(con: Connection) -> dict[str, dict[str, str]]:
    """Columns and their types by table."""
    found: dict[str, dict[str, str]] = {}
    for table, column, kind in con.execute(
        """SELECT table_name, column_name, data_type FROM duckdb_columns()
           WHERE table_name IN (SELECT table_name FROM duckdb_tables() WHERE NOT temporary
                                UNION SELECT view_name FROM duckdb_views() WHERE NOT internal) ORDER BY column_index"""
    ).fetchall():
        found.setdefault(table, {})[column] = kind
    return found


def test_every_table_of_the_database_is_declared() -> None:
    declared = {table.name: table.columns for table in tables.TABLES}
    found = in_database(fold([STORY.messages]).con)
    assert found.keys() - declared.keys() == set(), "tables that nobody declared in projections/fold/tables.py"
    assert found == declared


def test_every_fact_is_folded_into_a_table() -> None:
    handled = {kind for projection in tables.projections() for kind in projection.handles}
    forgotten = [kind.__name__ for kind in FACTS if kind not in handled]
    assert forgotten == [], "facts that no table of projections/tables/fact_tables.py handles"


def test_a_name_is_declared_once() -> None:
    names = [table.name for table in tables.TABLES] + [table.formerly for table in tables.TABLES if table.formerly]
    assert sorted(names) == sorted(set(names))


def test_a_row_is_identified_by_the_key_of_its_table() -> None:
    con = fold([STORY.messages]).con
    for table in tables.TABLES:
        twice = con.execute(f"SELECT {table.key} FROM {table.name} GROUP BY ALL HAVING count(*) > 1").fetchall()
        assert twice == [], table.name


def declared(monkeypatch: pytest.MonkeyPatch, kind: Kind, text_key: str = "") -> Table:
    """A table that is declared in a module of its own and listed in the registry, and nowhere else."""
    columns = {"seq": "BIGINT"} | ({text_key: "UUID"} if text_key else {})
    table = Table(name="scratch", columns=columns, key="seq", kind=kind, text_key=text_key)
    monkeypatch.setattr(tables, "TABLES", (*tables.TABLES, table))
    return table


class TestTwoFiles:
    """A new table takes its declaration and its line in the registry."""

    @pytest.mark.parametrize("kind", ["fact", "derived", "cache"])
    def test_it_is_created_versioned_compared_and_put_back(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: Kind
    ) -> None:
        table = declared(monkeypatch, kind)
        right = Projector(tmp_path / "right.duckdb")
        right.con.execute("INSERT INTO scratch VALUES (1), (2)")
        digest = table_digests(right.con, table_copy.compared())
        right.close()
        damaged = Projector(None)
        assert table in tables.belonging("scratch")
        assert "scratch=1" in str(damaged.con.execute("SELECT versions FROM checkpoint").fetchall())
        assert table_copy.differing(digest, table_digests(damaged.con, table_copy.compared())) == ["scratch"]
        table_copy.put_back(damaged.con, tmp_path / "right.duckdb", tables.belonging("scratch"))
        assert table_digests(damaged.con, table_copy.compared()) == digest

    def test_it_enters_the_content_digest_where_it_says_so(self, monkeypatch: pytest.MonkeyPatch) -> None:
        before = content_digest(Projector(None).con)
        table = declared(monkeypatch, "derived")
        assert content_digest(Projector(None).con) == before
        content = Table(name=table.name, columns=table.columns, key=table.key, kind=table.kind, in_digest=True)
        monkeypatch.setattr(tables, "TABLES", (*tables.TABLES[:-1], content))
        assert content_digest(Projector(None).con) != before

    def test_what_it_keeps_by_text_goes_with_the_text(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        table = declared(monkeypatch, "cache", "analysis_key")
        projector = fold([STORY.messages])
        projector.con.execute("INSERT INTO scratch SELECT seq, analysis_key FROM examples UNION ALL SELECT 9, uuid()")
        projector.con.execute("INSERT INTO examples (seq) VALUES (10)")  # as erased: without a text
        Projector(tmp_path / "new.duckdb").close()
        table_copy.hand_over(projector.con, tmp_path / "new.duckdb", [table])
        new = Projector(tmp_path / "new.duckdb")
        assert new.con.execute("SELECT seq FROM scratch").fetchall() == [(1,)]
        new.close()
        table_copy.rewrite(projector.con, tmp_path / "rewritten.duckdb")
        assert projector.con.execute("SELECT seq FROM scratch").fetchall() == [(1,)]


def test_the_first_releases_tables_keep_their_content_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    first = tuple(table for table in tables.TABLES if (table.formerly or table.name) in FIRST)
    con = Projector(None).con
    monkeypatch.setattr(tables, "TABLES", first)
    assert content_digest(con) == EMPTY


FIRST = {
    *("examples", "redactions", "feedback", "decisions", "policies", "exports", "trainings", "quarantine"),
    *("erasures", "remnants", "chain", "verdicts"),
}
"""The tables that 0.1.0 compared."""

EMPTY = "0e5674847037d411b79527c8a2be3063fc78edf2c19e09ca4fdf004db7347c6c"
"""Their content digest without any fact."""
