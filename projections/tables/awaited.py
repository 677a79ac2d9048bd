"""Awaited: the ids of examples that have not arrived, though facts are about them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..store.database import Connection, first, with_rows
from ..store.table import Table
from .fact_tables import ABOUT_EXAMPLES

AWAITED = Table(name="awaited", columns={"example_id": "VARCHAR"}, key="example_id", kind="derived")

_IDS = " UNION ".join(f"SELECT example_id FROM {table.name}" for table in ABOUT_EXAMPLES)


def remove_arrived(con: Connection) -> None:
    """Remove the ids of the table `touched`: their examples have arrived."""
    if first(con, "SELECT 1 FROM awaited LIMIT 1"):
        con.execute("DELETE FROM awaited WHERE example_id IN (SELECT example_id FROM touched)")


def remove_unsaid(con: Connection) -> None:
    """Remove the ids that no fact is about any more."""
    if first(con, "SELECT 1 FROM awaited LIMIT 1"):
        con.execute(f"DELETE FROM awaited WHERE example_id NOT IN ({_IDS})")


def holds_any(con: Connection, ids: Sequence[str]) -> bool:
    """Whether a fact came before one of some examples."""
    if not first(con, "SELECT 1 FROM awaited LIMIT 1"):
        return False
    wanted = "SELECT 1 FROM awaited WHERE example_id IN (SELECT unnest($ids::VARCHAR[])) LIMIT 1"
    return first(con, wanted, {"ids": list(ids)}) is not None


def add(con: Connection, missing: Iterable[str]) -> None:
    """Add those of some ids without an example that a fact is about."""
    with_rows(
        con,
        {"example_id": "VARCHAR"},
        [(example_id,) for example_id in sorted(missing)],
        f"INSERT INTO awaited FROM incoming SEMI JOIN ({_IDS}) USING (example_id) ANTI JOIN awaited USING (example_id)",
    )


def find(con: Connection) -> None:
    """Find all of them anew."""
    con.execute("DELETE FROM awaited")
    con.execute(f"INSERT INTO awaited FROM ({_IDS}) ANTI JOIN examples USING (example_id)")


def waiting(con: Connection) -> int:
    """How many facts wait for their example."""
    counts = con.execute(
        " UNION ALL ".join(
            f"SELECT count(*) FROM {table.name} SEMI JOIN awaited USING (example_id)" for table in ABOUT_EXAMPLES
        )
    ).fetchall()
    return sum(count for (count,) in counts)
