"""The database of an installation whose projector does not run, read without opening it for writing."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

from msgspec import Struct

from projections.store import database
from projections.store.database import DatabaseError, errors_told


class Tables(Struct):
    """Where the tables stand (`status`), or why nobody knows.

    `is_held`: another process has them. `versions` are those of another rooflog, in which they cannot be read.
    """

    status: dict[str, Any] | None = None
    subject: str | None = None
    """Of the last message that was folded; None where a projector runs, which compares by itself."""
    is_held: bool = False
    versions: str = ""
    damage: str = ""


def read(path: Path) -> Tables:
    """What the database file says; nothing where there is none, or where this user may not take it."""
    from ..state.owner import Files

    if not path.exists():
        return Tables()
    try:
        lock = Files(path).lock()
    except BlockingIOError:
        return Tables(is_held=True)
    except OSError:
        return Tables()
    with lock:
        return _read(path)


def _read(path: Path) -> Tables:
    from projections.fold import tables
    from projections.queries import examples
    from projections.store.checkpoint import checkpoint

    try:
        with errors_told(), closing(database.connect(path, read_only=True)) as con:
            if not database.first(con, "SELECT 1 FROM duckdb_tables() WHERE table_name = 'checkpoint'"):
                return Tables()
            (versions,) = database.first(con, "SELECT versions FROM checkpoint") or ("",)
            if tables.differences(versions):
                return Tables(versions=versions)
            for table in tables.TABLES:
                if table.kind != "view":  # a damaged block is noticed by whoever reads it
                    con.execute(f"SELECT count(COLUMNS(*)) FROM {table.name}").fetchall()
            return Tables(status=examples.status(con), subject=checkpoint(con).subject)
    except DatabaseError as error:
        return Tables(damage=str(error))
