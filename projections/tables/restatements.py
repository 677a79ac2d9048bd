"""Restatements: captures said again without the earlier turns that they copied, and the copies that the log holds.

Neither changes what is known of an example, which never had the copy. They say what is left to do on the log.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from events import digest_chain
from events.earlier_turns import earlier_turns
from events.facts import ExampleCaptured, ExampleRestated
from events.subjects import captured_on

from ..store.batch import WRONG_RESTATEMENT, Batch
from ..store.database import Connection, append, by_column
from ..store.projection import ENVELOPE, Projection, envelope
from .digest_chain import recorded

_COLUMNS = ENVELOPE | {"example_id": "VARCHAR", "restates": "BIGINT", "restated_digest": "VARCHAR"}


def _rows(batch: Batch) -> pa.Table | None:
    facts = batch.of(ExampleRestated)
    rows = [(*envelope(seq, f), f.example_id, f.restates, f.restated_digest) for seq, f in facts]
    return by_column(_COLUMNS, rows) if rows else None


def set_aside_wrong(con: Connection, batch: Batch) -> None:
    """Quarantine the restatements of a batch of which the chain has no such capture before them."""
    rows = batch.rows.get(RESTATEMENTS.name)
    if rows is None:
        return
    entries = recorded(con, batch, rows["restates"].to_pylist())
    for row in rows.to_pylist():
        subject = captured_on(row["example_id"], row["event_id"])
        entry = digest_chain.entry(subject, bytes.fromhex(row["restated_digest"]))
        if row["restates"] >= row["seq"] or entries.get(row["restates"]) != entry:
            reason = f"it restates nothing: sequence {row['restates']} has another subject or digest"
            batch.quarantine([row["seq"]], WRONG_RESTATEMENT, reason)
    if batch.facts and (wrongs := _wrong(batch)):
        batch.facts[ExampleRestated] = [(n, f) for n, f in batch.of(ExampleRestated) if n not in wrongs]


def _wrong(batch: Batch) -> set[int]:
    return {message.seq for message in batch.quarantined if message.category == WRONG_RESTATEMENT}


def _fold(con: Connection, batch: Batch) -> None:
    rows = batch.rows.get(RESTATEMENTS.name)
    if rows is not None:
        append(
            con,
            RESTATEMENTS.name,
            rows.filter(pc.invert(pc.is_in(rows["seq"], pa.array(sorted(_wrong(batch)), pa.int64())))),
        )


RESTATEMENTS = Projection(
    name="restatements",
    version=1,
    handles=(ExampleRestated,),
    columns=_COLUMNS,
    key="seq",
    rows=_rows,
    fold=_fold,
    in_digest=False,
)
"""It follows from the examples; so logs of before have the digest that they had."""

_COPIED = {"seq": "BIGINT", "key": "VARCHAR"}


def _copied(batch: Batch) -> pa.Table | None:
    read = [(seq, earlier_turns(fact)) for seq, fact in batch.of(ExampleCaptured) if fact.details]
    rows = [(seq, key) for seq, turns in read if turns for key in dict.fromkeys(turns.copied)]
    return by_column(_COPIED, rows) if rows else None


COPIES = Projection(
    name="copies", version=1, handles=(ExampleCaptured,), columns=_COPIED, key="seq, key", rows=_copied, in_digest=False
)
"""The keys of the prompts and answers of which a message holds a copy, as tombstones name them."""


def copying(con: Connection, *, words: Sequence[str]) -> dict[str, list[int]]:
    """The messages that hold a copy of some prompts and answers, by their keys."""
    wanted = "SELECT DISTINCT seq FROM copies WHERE key IN (SELECT unnest($words::VARCHAR[])) ORDER BY seq"
    return {"seqs": [seq for (seq,) in con.execute(wanted, {"words": list(words)}).fetchall()]}


def copying_erased(con: Connection) -> dict[str, list[int]]:
    """The messages that hold a copy of erased words, by the example of the last tombstone that lists those."""
    rows = con.execute(
        """WITH words AS (
               SELECT seq, example_id, unnest(words) AS key FROM (
                   SELECT seq, example_id, unnest(from_json(erased, '[{"words":["VARCHAR"]}]')).words AS words
                   FROM erasures WHERE EXISTS (FROM copies)
                   UNION ALL SELECT seq, example_id, from_json(words, '["VARCHAR"]') FROM erasures
                   WHERE EXISTS (FROM copies))),
           last AS (SELECT c.seq, arg_max(w.example_id, w.seq) AS example_id
                    FROM copies c JOIN words w USING (key) GROUP BY c.seq)
           SELECT example_id, list(seq ORDER BY seq) FROM last GROUP BY ALL ORDER BY ALL"""
    ).fetchall()
    return dict(rows)
