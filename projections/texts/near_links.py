"""Links: every stored prompt with the representative that it is a near-duplicate of, kept however prompts arrive.

The links are those of near_duplicates.cluster. They stand in two tables, and in memory stands an index of all buckets.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..store.database import Connection, first
from ..store.table import Table
from .near_duplicates import (
    ALGORITHM,
    BANDS,
    BITS,
    CANDIDATES,
    COLUMNS,
    THRESHOLD,
    Known,
    Numbers,
    Words,
    buckets,
    facts_key,
    link_in_order,
    mixed,
)
from .normal_form import normalise

NEAR_TEXTS = Table(
    name="near_texts",
    columns={
        "seq": "BIGINT",
        "normal": "VARCHAR",
        "facts": "UINTEGER",
        "representative": "BIGINT",
        "similarity": "DOUBLE",
        "made": "VARCHAR",
    },
    key="seq",
    kind="cache",
    group="near",
)
"""One row a text, with its normal form, the key of its facts and its link, and what `made` it."""

NEAR_BUCKETS = Table(
    name="near_buckets",
    columns={"seq": "BIGINT", "facts": "UINTEGER", "bands": "BLOB", "absent": "UINTEGER"},
    key="seq",
    kind="cache",
    group="near",
)
"""One row a representative: its bucket in each band and the bucket of its words, 4 bytes each. A bit of `absent` is set
for each bucket that was full when the representative came.

They are looked for in memory (`Index`). Verification tells apart what 32 bits confuse.
"""

PORTION = 100_000
"""Texts that are linked at a time when all are linked anew: it bounds memory."""

PAGE = 100_000
"""Representatives that are read at a time."""

TOGETHER = 10_000
"""Texts that are looked for in memory together."""


class Index:
    """The buckets of all representatives in memory, 260 bytes each: `link` keeps it beside the tables.

    It is read from them when it is needed, which takes three seconds for a million. Whoever rolls back a transaction or
    puts other rows into the tables has to `clear` it.
    """

    def __init__(self) -> None:
        """An index that was not read yet."""
        self.clear()

    def clear(self) -> None:
        """Forget everything; it is read again when it is needed."""
        self._is_read = False
        self._seqs = np.empty(0, np.int64)  # -1 where a representative is gone
        self._facts, self._words = np.empty(0, np.uint32), np.empty(0, np.uint32)
        # In order: what is looked for, and behind it the row and column where it lies. The second ones came lately.
        self._entries = [np.empty(0, np.uint64), np.empty(0, np.uint64)]
        self._normals, self._ends = bytearray(), np.zeros(1, np.int64)

    def read(self, con: Connection) -> None:
        """Read the tables unless that was done."""
        if self._is_read:
            return
        self.clear()
        representatives = con.sql(
            "SELECT seq, facts, bands, absent, normal FROM near_buckets JOIN near_texts USING (seq, facts)"
        )
        for page in representatives.to_arrow_reader(PAGE):
            seqs, keys, absent = (page[name].to_numpy() for name in ("seq", "facts", "absent"))
            self.add(seqs, keys, _buckets_of(page), absent, page["normal"].to_pylist())
        self._is_read = True

    def add(
        self, seqs: npt.NDArray[np.int64], keys: Words, banded: Words, absent: Words, normals: Sequence[str]
    ) -> None:
        """Add representatives."""
        entries = np.arange(len(self._seqs) * COLUMNS, (len(self._seqs) + len(seqs)) * COLUMNS, dtype=np.uint64)
        entries = (_looked_for(keys, banded) | entries.reshape(banded.shape))[(absent[:, None] & BITS) == 0]
        self._seqs = np.concatenate([self._seqs, seqs])
        self._facts = np.concatenate([self._facts, keys])
        self._words = np.concatenate([self._words, banded[:, BANDS]])
        texts = [normal.encode("utf-8", "surrogatepass") for normal in normals]
        ends = len(self._normals) + np.cumsum([len(text) for text in texts], dtype=np.int64)
        self._ends = np.concatenate([self._ends, ends])
        self._normals += b"".join(texts)
        old, late = self._entries
        late = _merged(late, np.sort(entries))
        if len(late) > max(_LATE, len(old) // 16):
            old, late = _merged(old, late), late[:0]
        self._entries = [old, late]

    def remove(self, seqs: Sequence[int]) -> None:
        """Take away those of some texts that are representatives, and what was kept of their words."""
        for row in np.flatnonzero(np.isin(self._seqs, seqs)).tolist():
            start, end = self._ends[row : row + 2].tolist()
            self._normals[start:end] = bytes(end - start)
            self._seqs[row] = -1

    def known(self, keys: Words, banded: Words) -> Known:
        """What is known of texts by the keys of their facts and their buckets."""
        texts, columns, rows = self._sharing(keys, banded)
        taken = np.bincount(texts * COLUMNS + columns, minlength=banded.size).reshape(banded.shape)
        size = max(1, len(self._seqs))
        pairs, which = np.unique(texts * size + rows, return_inverse=True)
        often = np.bincount(which, np.where(columns == BANDS, BANDS + 1, 1)).astype(np.int64)
        texts, rows = np.divmod(pairs, size)
        order = np.lexsort((self._seqs[rows], -often, texts))
        place = np.arange(len(order)) - np.searchsorted(texts[order], texts[order])
        best = order[place < CANDIDATES]
        near = np.repeat(self._seqs[rows[best]], often[best])
        ends = np.cumsum(np.bincount(texts[best], often[best], minlength=len(keys)).astype(np.int64))
        named = np.union1d(rows[best], rows[self._words[rows] == banded[texts, BANDS]])
        return Known(
            [part.tolist() for part in np.split(near, ends[:-1])],
            taken,
            {int(self._seqs[row]): self._normal(row) for row in named.tolist()},
        )

    def _sharing(self, keys: Words, banded: Words) -> tuple[Numbers, Numbers, Numbers]:
        """Every bucket that a text shares with a representative: the text's number, the column and the row."""
        wanted = _looked_for(keys, banded).ravel()
        order = np.argsort(wanted)  # a search for neighbours finds what it reads in the cache
        wanted = wanted[order]
        shared = []
        for entries in self._entries:
            low = np.searchsorted(entries, wanted)
            count = np.searchsorted(entries, wanted | _LOW, side="right") - low
            at = np.arange(count.sum()) + np.repeat(low - (np.cumsum(count) - count), count)
            text, column = np.divmod(np.repeat(order, count), COLUMNS)
            row, stored_column = np.divmod((entries[at] & _LOW).astype(np.int64), COLUMNS)
            is_it = (column == stored_column) & (self._facts[row] == keys[text]) & (self._seqs[row] >= 0)
            shared.append((text[is_it], column[is_it], row[is_it]))
        texts, columns, rows = (np.concatenate(parts) for parts in zip(*shared, strict=True))
        return texts, columns, rows

    def _normal(self, row: int) -> str:
        return self._normals[self._ends[row] : self._ends[row + 1]].decode("utf-8", "surrogatepass")


_LATE = 250_000
"""Buckets that are kept beside the others, in order too: to put them among 15 million takes 0.1 s."""

_LOW = np.uint64(0xFFFFFFFF)


def _merged(one: npt.NDArray[np.uint64], other: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    return np.insert(one, np.searchsorted(one, other), other)


def _looked_for(keys: Words, banded: Words) -> npt.NDArray[np.uint64]:
    """A number for each bucket, in the upper half of 64 bits: of one key of facts no two buckets have the same."""
    return mixed(banded ^ mixed(keys)[:, None]).astype(np.uint64) << np.uint64(32)


def relink(con: Connection, threshold: float, index: Index | None = None) -> None:
    """Link every stored text anew unless that is how they were linked: what a new threshold demands.

    They wait in the temporary table `near_again`.
    """
    index = index or Index()
    made = _made(threshold)
    if not first(con, "SELECT 1 FROM near_texts WHERE made <> ? LIMIT 1", [made]):
        return
    con.execute("CREATE OR REPLACE TEMP TABLE near_again AS SELECT seq, normal, facts FROM near_texts")
    con.execute("DELETE FROM near_texts")
    con.execute("DELETE FROM near_buckets")
    index.clear()
    last = -1
    while rows := con.execute(f"FROM near_again WHERE seq > {last} ORDER BY seq LIMIT {PORTION}").fetchall():
        _insert(con, index, rows, threshold)
        last = rows[-1][0]
    con.execute("DROP TABLE near_again")


def _made(threshold: float) -> str:
    return f"{ALGORITHM} {threshold}"


def link(con: Connection, incoming: str, threshold: float = THRESHOLD, index: Index | None = None) -> list[int]:
    """Link the texts of a relation (`seq`, `prompt`) and return the sequences of all texts whose link has changed.

    The links are those that `cluster` finds in the order of `seq`, in batches of any size. A text may change its
    prompt, lose it (NULL) or arrive late: later texts of its facts are linked anew.
    """
    arrived = con.execute(f"SELECT seq, prompt FROM {incoming}").fetchall()
    if not arrived:
        return []
    index = index or Index()
    normals = {seq: normalise(prompt) for seq, prompt in arrived if prompt is not None}
    is_late = first(con, f"SELECT 1 FROM near_texts WHERE seq >= {min(seq for seq, _ in arrived)} LIMIT 1")
    stored = _stored(con, f"SEMI JOIN {incoming} USING (seq)") if is_late else []
    gone = [row for row in stored if normals.get(row[0]) != row[1]]
    todo = normals.keys() - {row[0] for row in stored} | {row[0] for row in gone} & normals.keys()
    fresh = [(seq, normals[seq], facts_key(normals[seq])) for seq in todo]
    earliest: dict[int, int] = {}
    for seq, _, key, *_ in [*fresh, *gone]:
        earliest[key] = min(seq, earliest.get(key, seq))
    if not earliest:
        return []
    _delete(con, index, gone)
    keys = ", ".join(map(str, earliest))
    reached = _stored(con, f"WHERE seq >= {min(earliest.values())} AND facts IN ({keys})") if is_late else []
    later = [row for row in reached if row[0] >= earliest[row[2]]]
    _delete(con, index, later)
    before = {row[0]: row[3:] for row in [*gone, *later]}
    after = _insert(con, index, sorted([*fresh, *(row[:3] for row in later)]), threshold)
    return sorted(seq for seq in before.keys() | after.keys() if before.get(seq) != after.get(seq))


def _stored(con: Connection, which: str) -> list[tuple[Any, ...]]:
    return con.execute(f"SELECT seq, normal, facts, representative, similarity FROM near_texts {which}").fetchall()


def _delete(con: Connection, index: Index, rows: Sequence[tuple[Any, ...]]) -> None:
    if rows:
        index.remove([row[0] for row in rows])
        seqs = ", ".join(str(row[0]) for row in rows)
        for table in ("near_texts", "near_buckets"):
            con.execute(f"DELETE FROM {table} WHERE seq IN ({seqs})")


def _insert(
    con: Connection, index: Index, rows: Sequence[tuple[int, str, int]], threshold: float
) -> dict[int, tuple[Any, ...]]:
    """Link texts that are not in the tables to those that are and to one another, in their order, and store them."""
    index.read(con)
    linked: dict[int, tuple[Any, ...]] = {}
    for start in range(0, len(rows), TOGETHER):
        linked |= _insert_some(con, index, rows[start : start + TOGETHER], threshold)
    return linked


def _insert_some(
    con: Connection, index: Index, rows: Sequence[tuple[int, str, int]], threshold: float
) -> dict[int, tuple[Any, ...]]:
    seqs, normals, numbers = (list(column) for column in zip(*rows, strict=True))
    keys, banded = np.array(numbers, np.uint32), buckets(normals)
    linked, full = link_in_order(seqs, normals, keys, banded, threshold, index.known(keys, banded))
    made = [_made(threshold)] * len(seqs)
    columns = [seqs, normals, keys, [name for name, _ in linked], [near for _, near in linked], made]
    _append(
        con, "near_texts", pa.table(columns, names=["seq", "normal", "facts", "representative", "similarity", "made"])
    )
    kept = np.flatnonzero([name is None for name, _ in linked])
    if len(kept):
        representatives = np.array(seqs)[kept], keys[kept], banded[kept], full[kept]
        _append(con, "near_buckets", _table(*representatives))
        index.add(*representatives, [normals[row] for row in kept.tolist()])
    return dict(zip(seqs, linked, strict=True))


def _buckets_of(page: pa.RecordBatch) -> Words:
    """The buckets of a page of near_buckets, a row each."""
    column = page["bands"]
    data = np.frombuffer(column.buffers()[2], "<u4") if len(page) else np.empty(0, "<u4")
    first = 0 if not len(page) else int(np.frombuffer(column.buffers()[1], np.int32)[column.offset]) // 4
    return data[first : first + len(page) * COLUMNS].reshape(-1, COLUMNS)


def _table(seqs: Any, keys: Any, banded: Words, absent: Words) -> pa.Table:
    size = 4 * COLUMNS
    data = pa.py_buffer(np.ascontiguousarray(banded, "<u4").tobytes())
    bands = pa.FixedSizeBinaryArray.from_buffers(pa.binary(size), len(banded), [None, data])
    return pa.table([seqs, keys, bands, absent], names=["seq", "facts", "bands", "absent"])


def _append(con: Connection, table: str, rows: pa.Table) -> None:
    if len(rows) == 1:
        con.execute(
            f"INSERT INTO {table} VALUES ({', '.join('?' * rows.num_columns)})", list(rows.to_pylist()[0].values())
        )
        return
    con.register("near_incoming", rows)
    try:
        con.execute(f"INSERT INTO {table} SELECT * FROM near_incoming")
    finally:
        con.unregister("near_incoming")
