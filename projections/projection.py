"""What a projection is: a name, a version, the facts it handles, its table and its fold."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct

from events.facts import Fact

from .batch import Batch
from .database import Connection, ddl


class Projection(Struct, frozen=True, kw_only=True):
    """One table and the function that folds a batch into it; raise `version` when either changes.

    `columns` are names and SQL types; `key` orders the rows in the content digest.
    """

    name: str
    version: int
    handles: tuple[type[Fact], ...]
    columns: dict[str, str]
    key: str
    fold: Callable[[Connection, Batch], None]

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
