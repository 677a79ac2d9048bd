"""What a projection is: a name, a version, the facts it handles, its table, its rows and its fold."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pyarrow as pa
from msgspec import Struct

from events.facts import Fact

from .batch import Batch
from .database import Connection, append, ddl


class Projection(Struct, frozen=True, kw_only=True):
    """One table and the functions that fold a batch into it; raise `version` when any of them changes.

    `columns` are names and SQL types; `key` orders the rows in the content digest. `rows` says what a batch brings to
    the table, of itself: that can be done ahead, in another process. `fold` puts it in; without one it is appended.
    """

    name: str
    version: int
    handles: tuple[type[Fact], ...]
    columns: dict[str, str]
    key: str
    rows: Callable[[Batch], pa.Table | None] | None = None
    fold: Callable[[Connection, Batch], None] | None = None

    def apply(self, con: Connection, batch: Batch) -> None:
        """Fold a batch whose rows are known."""
        if self.fold is not None:
            self.fold(con, batch)
        elif self.name in batch.rows:
            append(con, self.name, batch.rows[self.name])

    def create(self, con: Connection) -> None:
        """Create the empty table."""
        con.execute(ddl(self.name, self.columns))


ENVELOPE = {
    "seq": "BIGINT",
    "event_id": "VARCHAR",
    "occurred_at": "TIMESTAMP",
    "actor": "VARCHAR",
    "trace_id": "VARCHAR",
}
"""The columns that every table of facts begins with."""


def envelope(seq: int, fact: Fact) -> tuple[object, ...]:
    """The values of `ENVELOPE`."""
    return seq, fact.event_id, fact.occurred_at, fact.actor, fact.trace_id


def envelopes(said: Sequence[tuple[int, Fact]]) -> dict[str, list[object]]:
    """The same by column."""
    return {
        "seq": [seq for seq, _ in said],
        "event_id": [fact.event_id for _, fact in said],
        "occurred_at": [fact.occurred_at for _, fact in said],
        "actor": [fact.actor for _, fact in said],
        "trace_id": [fact.trace_id for _, fact in said],
    }
