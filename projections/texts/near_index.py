"""The buckets of all representatives in memory: which of them a text shares buckets with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..store.database import Connection, first
from .near_duplicates import BANDS, BITS, CANDIDATES, COLUMNS, Known, Numbers, Words, mixed

PAGE = 100_000
"""Representatives that are read at a time."""


class Index:
    """The buckets of all representatives, 270 bytes each: `link` keeps them beside the tables.

    They are read from the tables when they are needed, which takes three seconds for a million. Whoever rolls back a
    transaction or puts other rows into the tables has to `clear` it.
    """

    def __init__(self) -> None:
        """An index that was not read yet."""
        self.clear()

    def clear(self) -> None:
        """Forget everything; it is read again when it is needed."""
        self._is_read = False
        self._last = -1
        self._seqs = _Column(np.int64)  # -1 where a representative is gone
        self._greatest = _Column(np.int64)  # up to each row, so that a search finds the row of a sequence,
        self._late: dict[int, int] = {}  # unless it came behind a greater one
        self._facts, self._words = _Column(np.uint32), _Column(np.uint32)
        self._entries = [_Column(np.uint64) for _ in range(len(LEVELS) + 1)]
        self._normals, self._ends = bytearray(), _Column(np.int64)

    def read(self, con: Connection) -> None:
        """Read the tables unless that was done."""
        if self._is_read:
            return
        self.clear()
        (last,) = first(con, "SELECT max(seq) FROM near_texts") or (None,)
        for start in range(-1, last or 0, PAGE):
            among = f"WHERE seq > {start} AND seq <= {start + PAGE}"
            representatives = con.sql(
                f"""SELECT seq, facts, bands, absent, normal FROM (FROM near_buckets {among})
                    JOIN (FROM near_texts {among}) USING (seq, facts) ORDER BY seq"""
            )
            for page in representatives.to_arrow_reader(PAGE):
                seqs, keys, absent = (page[name].to_numpy() for name in ("seq", "facts", "absent"))
                self.add(seqs, keys, buckets_of(page), absent, page["normal"].to_pylist())
        self.saw(last or -1)
        self._is_read = True

    def saw(self, seq: int) -> None:
        """Remember that a text of a sequence is stored, a representative or not."""
        self._last = max(self._last, seq)

    def is_beyond(self, seqs: Iterable[int]) -> bool:
        """Whether it is known that all of some sequences are greater than those of all stored texts."""
        return self._is_read and min(seqs) > self._last

    def add(
        self, seqs: npt.NDArray[np.int64], keys: Words, banded: Words, absent: Words, normals: Sequence[str]
    ) -> None:
        """Add representatives."""
        row = len(self._seqs.values)
        before = self._greatest.values[-1] if row else -1
        greatest = np.maximum.accumulate(np.append(before, seqs))
        self._late |= {int(seqs[n]): row + n for n in np.flatnonzero(seqs <= greatest[:-1]).tolist()}
        self._seqs.extend(seqs)
        self._greatest.extend(greatest[1:])
        self._facts.extend(keys)
        self._words.extend(banded[:, BANDS])
        texts = [normal.encode("utf-8", "surrogatepass") for normal in normals]
        self._ends.extend(len(self._normals) + np.cumsum([len(text) for text in texts], dtype=np.int64))
        self._normals += b"".join(texts)
        entries = np.arange(row * COLUMNS, (row + len(seqs)) * COLUMNS, dtype=np.uint64).reshape(banded.shape)
        self._enter((_looked_for(keys, banded) | entries)[(absent[:, None] & BITS) == 0])

    def _enter(self, entries: npt.NDArray[np.uint64]) -> None:
        entries.sort()
        self._entries[0].merge(entries)
        for (least, share), level, larger in zip(LEVELS, self._entries[:-1], self._entries[1:], strict=True):
            if len(level.values) > max(least, len(larger.values) // share):
                larger.merge(level.values)
                level.empty()

    def remove(self, seqs: Sequence[int]) -> None:
        """Take away those of some texts that are representatives, and what was kept of their words."""
        rows = np.searchsorted(self._greatest.values, seqs).tolist()
        for seq, searched in zip(seqs, rows, strict=True):
            row = self._late.pop(seq, searched)
            if row < len(self._seqs.values) and self._seqs.values[row] == seq:
                start, end = self._span(row)
                self._normals[start:end] = bytes(end - start)
                self._seqs.values[row] = -1

    def known(self, keys: Words, banded: Words) -> Known:
        """What is known of texts by the keys of their facts and their buckets."""
        texts, columns, rows = self._sharing(keys, banded)
        seqs = self._seqs.values
        taken = np.bincount(texts * COLUMNS + columns, minlength=banded.size).reshape(banded.shape)
        size = max(1, len(seqs))
        pairs, which = np.unique(texts * size + rows, return_inverse=True)
        often = np.bincount(which, np.where(columns == BANDS, BANDS + 1, 1)).astype(np.int64)
        texts, rows = np.divmod(pairs, size)
        order = np.lexsort((seqs[rows], -often, texts))
        place = np.arange(len(order)) - np.searchsorted(texts[order], texts[order])
        best = order[place < CANDIDATES]
        near = np.repeat(seqs[rows[best]], often[best])
        ends = np.cumsum(np.bincount(texts[best], often[best], minlength=len(keys)).astype(np.int64))
        named = np.union1d(rows[best], rows[self._words.values[rows] == banded[texts, BANDS]])
        return Known(
            [part.tolist() for part in np.split(near, ends[:-1])],
            taken,
            {int(seqs[row]): self._normal(row) for row in named.tolist()},
        )

    def _sharing(self, keys: Words, banded: Words) -> tuple[Numbers, Numbers, Numbers]:
        """Every bucket that a text shares with a representative: the text's number, the column and the row."""
        wanted = _looked_for(keys, banded).ravel()
        order = np.argsort(wanted)  # a search for neighbours finds what it reads in the cache
        wanted = wanted[order]
        shared = []
        for level in self._entries:
            low = np.searchsorted(level.values, wanted)
            high = np.searchsorted(level.values, wanted | _LOW, side="right")
            at = np.flatnonzero(high > low)
            if len(at):
                count = high[at] - low[at]
                shared.append((np.repeat(order[at], count), level.values[_counted(low[at], count)]))
        number, entries = (np.concatenate(parts) for parts in zip(_NOTHING, *shared, strict=True))
        text, column = np.divmod(number, COLUMNS)
        row, stored_column = np.divmod((entries & _LOW).astype(np.int64), COLUMNS)
        is_it = (column == stored_column) & (self._facts.values[row] == keys[text]) & (self._seqs.values[row] >= 0)
        return text[is_it], column[is_it], row[is_it]

    def _span(self, row: int) -> tuple[int, int]:
        ends = self._ends.values
        return int(ends[row - 1]) if row else 0, int(ends[row])

    def _normal(self, row: int) -> str:
        start, end = self._span(row)
        return self._normals[start:end].decode("utf-8", "surrogatepass")


class _Column:
    """An array that grows at its end, without being copied; `values` hold until it grows."""

    def __init__(self, kind: npt.DTypeLike) -> None:
        self._room: npt.NDArray[Any] = np.empty(0, kind)
        self.empty()

    def empty(self) -> None:
        """Let every value go."""
        self.values = self._room[:0]

    def extend(self, more: npt.NDArray[Any]) -> None:
        """Append values."""
        size = len(self.values)
        if size + len(more) > len(self._room):
            self._room.resize((size + len(more)) * 33 // 32 + 64, refcheck=False)
        self._room[size : size + len(more)] = more
        self.values = self._room[: size + len(more)]

    def merge(self, more: npt.NDArray[Any]) -> None:
        """Put ascending values among the ascending ones: Timsort merges two runs, with room for the shorter one."""
        self.extend(more)
        self.values.sort(kind="stable")


LEVELS = ((4_000, 256), (250_000, 16))
"""Buckets are kept in order in three columns. Each of the first two goes into the next one when it holds more than so
many, and more than one in so many of the next one: to put a few among 25 million would move them all."""

_LOW = np.uint64(0xFFFFFFFF)
_NOTHING = np.empty(0, np.int64), np.empty(0, np.uint64)


def _counted(starts: Numbers, counts: Numbers) -> Numbers:
    """The numbers from each start on, as many as are counted."""
    first_of: Numbers = np.repeat(starts - (np.cumsum(counts) - counts), counts)
    return first_of + np.arange(len(first_of))


def _looked_for(keys: Words, banded: Words) -> npt.NDArray[np.uint64]:
    """A number for each bucket, in the upper half of 64 bits: of one key of facts no two buckets have the same."""
    return mixed(banded ^ mixed(keys)[:, None]).astype(np.uint64) << np.uint64(32)


def buckets_of(page: Any) -> Words:
    """The buckets of a page of near_buckets, a row each."""
    column = page["bands"]
    data = np.frombuffer(column.buffers()[2], "<u4") if len(page) else np.empty(0, "<u4")
    start = 0 if not len(page) else int(np.frombuffer(column.buffers()[1], np.int32)[column.offset]) // 4
    return data[start : start + len(page) * COLUMNS].reshape(-1, COLUMNS)
