"""Notes: what people said to one another about an example, and to whom."""

from __future__ import annotations

import pyarrow as pa

from events.facts import ExampleNoted

from ..store.batch import Batch
from ..store.database import by_column
from ..store.projection import ENVELOPE, Projection, envelope

_COLUMNS = ENVELOPE | {"example_id": "VARCHAR", "note": "VARCHAR", "mentions": "VARCHAR[]"}


def _rows(batch: Batch) -> pa.Table | None:
    rows = [(*envelope(seq, f), f.example_id, f.note, f.mentions) for seq, f in batch.of(ExampleNoted)]
    return by_column(_COLUMNS, rows) if rows else None


NOTES = Projection(name="notes", handles=(ExampleNoted,), columns=_COLUMNS, key="seq", rows=_rows)
