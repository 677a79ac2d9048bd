"""What a projection is: a name, a version, the facts it handles, its table, its rows and its fold."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pyarrow as pa

from events.facts import Fact

from .batch import Batch
from .database import Connection, append
from .table import Kind, Table


class Projection(Table, frozen=True, kw_only=True):
    """A table of facts and the functions that fold a batch into it; raise `version` when any of them changes.

    `rows` says what a batch brings to the table, of itself: that can be done ahead, in another process. It is asked
    only about batches with facts that the table `handles`. `fold` puts the rows in; without it they are appended.
    """

    kind: Kind = "fact"
    in_digest: bool = True
    handles: tuple[type[Fact], ...]
    rows: Callable[[Batch], pa.Table | None] | None = None
    fold: Callable[[Connection, Batch], None] | None = None

    def concerns(self, batch: Batch) -> bool:
        """Whether the batch holds a fact that the table handles, or what is left of an erased message.

        A table that handles no kind of fact takes every message.
        """
        return not self.handles or bool(batch.erased) or any(batch.facts[kind] for kind in self.handles)

    def apply(self, con: Connection, batch: Batch) -> None:
        """Fold a batch whose rows are known."""
        if self.fold is not None:
            self.fold(con, batch)
        elif self.name in batch.rows:
            append(con, self.name, batch.rows[self.name])


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


def envelopes(facts: Sequence[tuple[int, Fact]]) -> dict[str, list[object]]:
    """The same by column."""
    return {
        "seq": [seq for seq, _ in facts],
        "event_id": [fact.event_id for _, fact in facts],
        "occurred_at": [fact.occurred_at for _, fact in facts],
        "actor": [fact.actor for _, fact in facts],
        "trace_id": [fact.trace_id for _, fact in facts],
    }
