"""What has changed: the training set of this moment beside the rows of an export, without reading any text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
from msgspec import Struct

from events.errors import InputError
from projections.policy.policy import Relevance
from projections.queries.training_set import TrainingSet
from projections.store import database

from ..state.client import State
from ..volume import Volume
from . import formats
from .formats import ALONE, LINES, MASKS, ROOT, numbered
from .manifest import FORMAT, Manifest
from .publication import LineageFile

_COLUMNS = ", ".join(("example_id", "text_seq", "side", *MASKS, "context"))


class Changes(Struct, frozen=True, kw_only=True):
    """How the training set differs from the last export; `rows` are examples that came, left or changed.

    `is_same` says that an export would hold the same rows under the same policy: making one would tell nobody anything.
    """

    head: TrainingSet
    rows: int
    is_same: bool


class Known:
    """The rows of exports, without texts, kept for the next comparison."""

    def __init__(self, volume: Volume) -> None:
        self._volume = volume
        self._rows: dict[str, pa.Table] = {}

    async def rows(self, digest: str | None) -> pa.Table | None:
        """The rows of an export; None where its lineage is not on the volume."""
        if digest is None:
            return None
        if digest not in self._rows:
            async with LineageFile(self._volume, digest) as path:
                if path is None:
                    return None
                self._rows[digest] = _read(path)
        return self._rows[digest]

    def keep(self, *digests: str | None) -> None:
        """Forget all others."""
        self._rows = {digest: rows for digest, rows in self._rows.items() if digest in digests}


def _read(path: Path) -> pa.Table:
    """The rows of an export by its lineage, which may be of a version that had fewer formats."""
    con = database.connect(None)
    try:
        rows = con.read_parquet(str(path))
        in_context = "context" in rows.columns
        masks = []
        for column, mask in LINES.items():
            # Where every turn stands alone, each row that is trained on is in the root file.
            is_known = in_context or column in numbered(ALONE)
            name = column if is_known else next(iter(ROOT.lines))
            masks.append(f"{name} IS NOT NULL AS {mask}" if name in rows.columns else f"false AS {mask}")
        context = "context" if in_context else "[]::BIGINT[] AS context"
        return rows.select(f"example_id, text_seq, split AS side, {', '.join(masks)}, {context}").to_arrow_table()
    finally:
        con.close()


async def compare(
    state: State, known: Known, last: tuple[str, Manifest] | None, min_relevance: Relevance | None = None
) -> Changes:
    """Compare the training set of this moment with the export `last`. Raises VolumeError."""
    async with state.training_set(min_relevance, texts=False) as (head, batches):
        now = [batch async for batch in batches]
    before = await known.rows(last[0] if last else None)
    con = database.connect(None)
    con.register("now", _in_context(pa.Table.from_batches(now)) if now else _nothing())
    con.register("before", _nothing() if before is None else before)
    rows = _count(con, f"""SELECT count(DISTINCT example_id) FROM (
        (SELECT {_COLUMNS} FROM now EXCEPT SELECT {_COLUMNS} FROM before) UNION ALL
        (SELECT {_COLUMNS} FROM before EXCEPT SELECT {_COLUMNS} FROM now))""")  # fmt: skip
    con.close()
    manifest = last[1] if last else None
    is_same = manifest is not None and _terms(manifest) == (
        FORMAT,
        {format_.name for format_ in formats.of(head.in_context)},
        head.policy_digest,
        head.min_relevance,
    )
    return Changes(head=head, rows=rows, is_same=is_same and before is not None and rows == 0)


def _terms(manifest: Manifest) -> tuple[int, set[str], str, Relevance]:
    """What shapes an export beside its rows."""
    return manifest.format, set(manifest.counts), manifest.policy_digest, manifest.min_relevance


async def between(known: Known, digest: str, before: str) -> dict[str, int]:
    """How many examples are in one export and not in the one before it, left it, or changed. Raises InputError."""
    rows, earlier = await known.rows(digest), await known.rows(before)
    if rows is None or earlier is None:
        gone = digest if rows is None else before
        raise InputError(f"the volume does not hold the lineage of the export {gone[:12]} any more")
    con = database.connect(None)
    con.register("now", rows)
    con.register("before", earlier)
    counts = {
        "came": _count(con, "SELECT count(*) FROM (SELECT example_id FROM now EXCEPT SELECT example_id FROM before)"),
        "left": _count(con, "SELECT count(*) FROM (SELECT example_id FROM before EXCEPT SELECT example_id FROM now)"),
        "changed": _count(con, f"""SELECT count(DISTINCT example_id) FROM (SELECT {_COLUMNS} FROM now
            EXCEPT SELECT {_COLUMNS} FROM before) SEMI JOIN before USING (example_id)"""),
    }  # fmt: skip
    con.close()
    return counts


async def unseen(known: Known, latest: str, trained: str | None) -> int:
    """How many examples of the export `latest` a training on `trained` has not seen. Raises VolumeError."""
    rows, seen = await known.rows(latest), await known.rows(trained)
    con = database.connect(None)
    con.register("latest", _nothing() if rows is None else rows)
    con.register("seen", _nothing() if seen is None else seen)
    wanted = f"WHERE {' AND '.join(ROOT.lines.values())} AND side = 'train'"
    count = _count(con, f"""SELECT count(*) FROM (SELECT example_id FROM latest {wanted}
        EXCEPT SELECT example_id FROM seen {wanted})""")  # fmt: skip
    con.close()
    return count


def _in_context(rows: pa.Table) -> pa.Table:
    """Rows with their context, which is nothing where every turn stands alone."""
    if "context" in rows.column_names:
        return rows
    return rows.append_column("context", pa.array([[]] * len(rows), pa.list_(pa.int64())))


def _nothing() -> pa.Table:
    kinds = {"example_id": pa.string(), "text_seq": pa.int64(), "side": pa.string(), "context": pa.list_(pa.int64())}
    names = _COLUMNS.split(", ")
    return pa.table({name: pa.array([], kinds.get(name, pa.bool_())) for name in names})


def _count(con: database.Connection, statement: str) -> int:
    row: tuple[Any, ...] | None = database.first(con, statement)
    return int(row[0]) if row else 0
