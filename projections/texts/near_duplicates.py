"""Near-duplicates: every prompt is linked to the earliest one that says the same in nearly the same words.

Two prompts are near-duplicates when their facts are equal, neither has replaced a word by another one, and the
character 4-grams of their normal forms overlap. A prompt is linked to the earliest *representative* (a prompt that is
itself not linked) for which this was verified, never through a third one. Which pairs are verified is decided by
MinHash bands, 24 of 5 permutations (Broder 1997; Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, ch. 3):
a pair with a similarity of 0.7 shares a band with probability 0.988, one of 0.8 with 0.9999.
"""

from __future__ import annotations

import gc
import multiprocessing
import zlib
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache, partial
from hashlib import shake_128
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..store.database import Connection, first
from ..store.table import Table
from .normal_form import VERSION as WORDING
from .normal_form import facts, normalise, reworded

THRESHOLD = 0.7
PERMUTATIONS = 120
BANDS = 24
ROWS = PERMUTATIONS // BANDS

ALGORITHM = f"minhash-u32-{PERMUTATIONS}x{BANDS}x{ROWS}-1 {WORDING}"
"""What made a stored signature; raise its number when signatures or bands change, as the golden vectors will tell."""

BUCKET = 16
"""Representatives that a bucket holds: the earliest ones. A later one is found through its other buckets."""

CANDIDATES = 8
"""Representatives against which a text is verified: those that share most buckets with it, then the earliest ones."""

BLOCK = 256
"""Texts whose signatures are made together."""

PERMUTED = 1 << 18
"""Permuted 4-grams that are made at a time, as many as the cache holds: of a long text few permutations."""

PORTION = 100_000
"""Texts that are linked at a time when all are linked anew: it bounds memory."""

Words = npt.NDArray[np.uint32]
Numbers = npt.NDArray[np.int64]
Link = tuple[int | None, float]

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
"""One row a representative: its bucket in each band and that of its words, 4 bytes each, and a bit set in `absent` for
those that were full when it came.

They are looked for in memory (`Index`). What 32 bits confuse, verification tells apart.
"""


_COLUMNS = BANDS + 1
_BITS = np.uint32(1) << np.arange(_COLUMNS, dtype=np.uint32)

PAGE = 100_000
"""Representatives that are read at a time."""

TOGETHER = 10_000
"""Texts that are looked for in memory together."""


@lru_cache(maxsize=1 << 15)
def _grams(word: str) -> frozenset[str]:
    padded = f" {word} "
    return frozenset(padded[n : n + 4] for n in range(len(padded) - 3))


def similarity(a: str, b: str) -> float:
    """Jaccard, 0 to 1, of the character 4-grams within the words of two normal forms; word order is no matter."""
    grams_a: frozenset[str] = frozenset().union(*map(_grams, a.split(" ")))
    grams_b: frozenset[str] = frozenset().union(*map(_grams, b.split(" ")))
    shared = len(grams_a & grams_b)
    return shared / (len(grams_a) + len(grams_b) - shared)


def verified(a: str, b: str, threshold: float = THRESHOLD) -> float:
    """The similarity of two normal forms where they are near-duplicates, 0 where they are not."""
    if reworded(a, b) or (found := similarity(a, b)) < threshold or facts(a) != facts(b):
        return 0.0
    return found


_DRAWN = np.frombuffer(shake_128(b"near-duplicates").digest(8 * PERMUTATIONS), "<u4").astype(np.uint32)
_FACTORS, _OFFSETS = _DRAWN[:PERMUTATIONS, None] | np.uint32(1), _DRAWN[PERMUTATIONS:, None]
"""Columns of the permutations x -> factor * x + offset modulo 2^32, drawn once from SHAKE-128 (FIPS 202)."""


def _mixed(x: Words) -> Words:
    """Every bit of 32 made to depend on every other one: the finaliser of MurmurHash3 (Appleby 2011)."""
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        x = (x ^ (x >> np.uint32(shift))) * np.uint32(factor)
    return x ^ (x >> np.uint32(16))


def signature(normals: Sequence[str]) -> Words:
    """The MinHash of each normal form, a row of PERMUTATIONS numbers of 32 bits; the same on every machine."""
    signatures = np.empty((len(normals), PERMUTATIONS), np.uint32)
    for start in range(0, len(normals), BLOCK):
        padded = [f" {normal} " for normal in normals[start : start + BLOCK]]
        letters = np.frombuffer("".join(padded).encode("utf-32-le", "surrogatepass"), "<u4").astype(np.uint32)
        # A 4-gram reaches across words where one of its two inner letters is a space; across texts both are.
        inside = np.flatnonzero((letters[1:-2] != ord(" ")) & (letters[2:-1] != ord(" ")))
        ends = np.cumsum([len(text) for text in padded])
        firsts = np.searchsorted(inside, np.concatenate(([0], ends[:-1])))
        grams = _mixed(letters[inside])
        for n in (1, 2, 3):
            grams = _mixed(grams * np.uint32(5) + letters[inside + n])
        step = max(1, PERMUTED // max(1, len(grams)))
        for n in range(0, PERMUTATIONS, step):
            permuted = _FACTORS[n : n + step] * grams + _OFFSETS[n : n + step]
            np.minimum.reduceat(permuted, firsts, axis=1, out=signatures[start : start + len(padded), n : n + step].T)
    return signatures


def buckets(normals: Sequence[str]) -> Words:
    """The bucket of each normal form in each of the BANDS, and as the last one that of its words in any order."""
    found = np.empty((len(normals), _COLUMNS), np.uint32)
    for start in range(0, len(normals), BLOCK):
        rows = signature(normals[start : start + BLOCK]).reshape(-1, BANDS, ROWS)
        band = np.broadcast_to(np.arange(BANDS, dtype=np.uint32), rows.shape[:2])
        for n in range(ROWS):
            band = _mixed(band * np.uint32(5) + rows[:, :, n])
        found[start : start + len(rows), :BANDS] = band
    found[:, BANDS] = [_crc(sorted(set(normal.split(" ")))) for normal in normals]
    return found


def _crc(words: Sequence[str]) -> int:
    return zlib.crc32(" ".join(words).encode("utf-8", "surrogatepass"))


def facts_key(normal: str) -> int:
    """32 bits of the facts: only texts of one key are ever compared."""
    return _crc(sorted(facts(normal)))


def _shared(keys: Words, banded: Words) -> tuple[npt.NDArray[np.int32], int]:
    """For each text and band the number of its bucket, -1 where it is alone in it; and how many buckets there are."""
    numbers = np.empty(banded.shape, np.int32)
    count, total = len(keys), 0
    step = max(1, _AT_ONCE // max(1, count))  # bands at a time
    for start in range(0, _COLUMNS, step) if count else ():
        pairs = _pairs(keys, banded[:, start : start + step].T)
        order = (pairs.argsort(axis=1) + count * np.arange(len(pairs))[:, None]).ravel()
        pairs = pairs.ravel()[order].reshape(pairs.shape)
        differs = np.ones((len(pairs), count + 1), np.bool_)  # from the one before; the end differs too
        np.not_equal(pairs[:, 1:], pairs[:, :-1], out=differs[:, 1:-1])
        is_first, is_last = differs[:, :-1], differs[:, 1:]
        begun = (is_first & ~is_last).cumsum(dtype=np.int32)
        found = np.empty(pairs.size, np.int32)
        found[order] = np.where((is_first & is_last).ravel(), np.int32(-1), begun + np.int32(total - 1))
        numbers[:, start : start + step] = found.reshape(pairs.shape).T
        total += int(begun[-1])
    return numbers, total


_AT_ONCE = 50_000
"""Buckets that are numbered at a time: all bands of few texts, one band after the other of many."""


class Known(NamedTuple):
    """What is known already of some texts: for each the representatives that share most buckets with it, as often as
    they share one, and how many are in each of its buckets; and normal forms of representatives."""

    near: Sequence[list[int]]
    taken: npt.NDArray[np.int64]
    normals: dict[int, str]


def _in_order(
    names: Sequence[int], normals: Sequence[str], keys: Words, banded: Words, threshold: float, known: Known
) -> tuple[list[Link], Words]:
    """Link texts in their order, and say from which buckets each representative stays absent because they were full."""
    numbers, count = _shared(keys, banded)
    full = ((known.taken >= BUCKET) * _BITS).sum(axis=1, dtype=np.uint32)
    members: list[list[int]] = [[] for _ in range(count + 1)]  # in the last one, which is -1, nobody ever is
    links: list[Link] = []
    normal_of = dict(known.normals)
    whole = {normal: name for name, normal in known.normals.items()}
    for row, (name, normal) in enumerate(zip(names, normals, strict=True)):
        mine = numbers[row].tolist()
        link: Link = (None, 0.0)
        if (same := whole.get(normal)) is not None:
            link = (same, 1.0)
        else:
            # What has the same words is a candidate, however many buckets were full when it came.
            near = [*chain.from_iterable(map(members.__getitem__, mine)), *members[mine[BANDS]] * BANDS]
            for candidate in _nearest(known.near[row] + near):
                if found := verified(normal, normal_of[candidate], threshold):
                    link = (candidate, found)
                    break
        links.append(link)
        if link[0] is None:
            whole[normal] = name
            normal_of[name] = normal
            taken = known.taken[row].tolist()
            lacks = 0
            for column, number in enumerate(mine):
                if number >= 0:
                    if len(bucket := members[number]) + taken[column] < BUCKET:
                        bucket.append(name)
                    else:
                        lacks |= 1 << column
            full[row] |= lacks
    return links, full


def _nearest(near: list[int]) -> list[int]:
    """The CANDIDATES that occur most often, the earlier ones first where they occur as often; in their order."""
    often = Counter(sorted(near))
    if len(often) <= CANDIDATES:
        return list(often)
    return sorted(sorted(often, key=often.__getitem__, reverse=True)[:CANDIDATES])


SHARES = 32
"""Parts in which many texts are linked: each alone, since texts whose facts differ are never compared."""


def cluster(prompts: Sequence[str], threshold: float = THRESHOLD, *, processes: int = 1) -> list[Link]:
    """For each prompt the index of the representative it is linked to and their similarity, or (None, 0.0).

    More processes than one link a million prompts sooner; the calling script must then be importable.
    """
    if processes == 1:
        return _cluster(map, prompts, threshold)
    # What they make has no cycles, and to look for some takes a sixth of their time.
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), initializer=gc.disable) as pool:
        return _cluster(pool.map, prompts, threshold)


def _cluster(run: Any, prompts: Sequence[str], threshold: float) -> list[Link]:
    portions = [prompts[start : start + _CHUNK] for start in range(0, len(prompts), _CHUNK)]
    normals: list[str] = []
    keys = [np.empty(0, np.uint32)]
    for normal, key in run(_normalised, portions):
        normals += normal
        keys.append(key)
    every = np.concatenate(keys)
    shares = [np.flatnonzero(every % np.uint32(SHARES) == n).tolist() for n in range(SHARES)]
    parts = ([normals[row] for row in rows] for rows in shares), (every[rows] for rows in shares)
    links: list[Link] = [(None, 0.0)] * len(normals)
    for rows, found in zip(shares, run(partial(_linked, threshold), *parts), strict=True):
        for row, (representative, near) in zip(rows, found, strict=True):
            if representative is not None:
                links[row] = (rows[representative], near)
    return links


_CHUNK = 10_000
"""Prompts that a process normalises at a time."""


def _normalised(prompts: Sequence[str]) -> tuple[list[str], Words]:
    """The normal forms of prompts and the keys of their facts."""
    normals = [normalise(prompt) for prompt in prompts]
    return normals, np.fromiter(map(facts_key, normals), np.uint32, len(normals))


def _linked(threshold: float, normals: Sequence[str], keys: Words) -> list[Link]:
    distinct = {normal: n for n, normal in enumerate(dict.fromkeys(normals))}
    banded = buckets(list(distinct))[[distinct[normal] for normal in normals]]
    nothing = Known([[]] * len(normals), np.zeros(banded.shape, np.int64), {})
    return _in_order(range(len(normals)), normals, keys, banded, threshold, nothing)[0]


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
        said = con.sql("SELECT seq, facts, bands, absent, normal FROM near_buckets JOIN near_texts USING (seq, facts)")
        for page in said.to_arrow_reader(PAGE):
            seqs, keys, absent = (page[name].to_numpy() for name in ("seq", "facts", "absent"))
            self.add(seqs, keys, _buckets_of(page), absent, page["normal"].to_pylist())
        self._is_read = True

    def add(
        self, seqs: npt.NDArray[np.int64], keys: Words, banded: Words, absent: Words, normals: Sequence[str]
    ) -> None:
        """Add representatives."""
        entries = np.arange(len(self._seqs) * _COLUMNS, (len(self._seqs) + len(seqs)) * _COLUMNS, dtype=np.uint64)
        entries = (_looked_for(keys, banded) | entries.reshape(banded.shape))[(absent[:, None] & _BITS) == 0]
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
        taken = np.bincount(texts * _COLUMNS + columns, minlength=banded.size).reshape(banded.shape)
        size = max(1, len(self._seqs))
        pairs, which = np.unique(texts * size + rows, return_inverse=True)
        often = np.bincount(which, np.where(columns == BANDS, BANDS + 1, 1)).astype(np.int64)
        texts, rows = np.divmod(pairs, size)
        order = np.lexsort((self._seqs[rows], -often, texts))
        place = np.arange(len(order)) - np.searchsorted(texts[order], texts[order])
        best = order[place < CANDIDATES]
        near = np.repeat(self._seqs[rows[best]], often[best])
        ends = np.cumsum(np.bincount(texts[best], often[best], minlength=len(keys)).astype(np.int64))
        told = np.union1d(rows[best], rows[self._words[rows] == banded[texts, BANDS]])
        return Known(
            [part.tolist() for part in np.split(near, ends[:-1])],
            taken,
            {int(self._seqs[row]): self._normal(row) for row in told.tolist()},
        )

    def _sharing(self, keys: Words, banded: Words) -> tuple[Numbers, Numbers, Numbers]:
        """Every bucket that a text shares with a representative: the text's number, the column and the row."""
        wanted = _looked_for(keys, banded).ravel()
        order = np.argsort(wanted)  # a search for neighbours finds what it reads in the cache
        wanted = wanted[order]
        found = []
        for entries in self._entries:
            low = np.searchsorted(entries, wanted)
            count = np.searchsorted(entries, wanted | _LOW, side="right") - low
            at = np.arange(count.sum()) + np.repeat(low - (np.cumsum(count) - count), count)
            text, column = np.divmod(np.repeat(order, count), _COLUMNS)
            row, other = np.divmod((entries[at] & _LOW).astype(np.int64), _COLUMNS)
            is_it = (column == other) & (self._facts[row] == keys[text]) & (self._seqs[row] >= 0)
            found.append((text[is_it], column[is_it], row[is_it]))
        texts, columns, rows = (np.concatenate(parts) for parts in zip(*found, strict=True))
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
    return _mixed(banded ^ _mixed(keys)[:, None]).astype(np.uint64) << np.uint64(32)


def relink(con: Connection, threshold: float, index: Index | None = None) -> None:
    """Link every stored text anew unless that is how they were linked: what a new threshold demands."""
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
    """Link the texts of a relation (`seq`, `prompt`) and return the seqs of all whose link is now another.

    The links are those that `cluster` finds in the order of `seq`, which identifies a text, however the texts are
    batched. A text may change its prompt, or lose it (NULL), or arrive late: later ones of its facts are linked anew.
    """
    said = con.execute(f"SELECT seq, prompt FROM {incoming}").fetchall()
    if not said:
        return []
    index = index or Index()
    normals = {seq: normalise(prompt) for seq, prompt in said if prompt is not None}
    is_late = first(con, f"SELECT 1 FROM near_texts WHERE seq >= {min(seq for seq, _ in said)} LIMIT 1")
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
    linked, full = _in_order(seqs, normals, keys, banded, threshold, index.known(keys, banded))
    made = [_made(threshold)] * len(seqs)
    columns = [seqs, normals, keys, [name for name, _ in linked], [near for _, near in linked], made]
    _append(
        con, "near_texts", pa.table(columns, names=["seq", "normal", "facts", "representative", "similarity", "made"])
    )
    kept = np.flatnonzero([name is None for name, _ in linked])
    if len(kept):
        mine = np.array(seqs)[kept], keys[kept], banded[kept], full[kept]
        _append(con, "near_buckets", _table(*mine))
        index.add(*mine, [normals[row] for row in kept.tolist()])
    return dict(zip(seqs, linked, strict=True))


def _pairs(keys: Words, bucket: Words) -> npt.NDArray[np.uint64]:
    return keys.astype(np.uint64) << np.uint64(32) | bucket


def _buckets_of(page: pa.RecordBatch) -> Words:
    """The buckets of a page of near_buckets, a row each."""
    column = page["bands"]
    data = np.frombuffer(column.buffers()[2], "<u4") if len(page) else np.empty(0, "<u4")
    first = 0 if not len(page) else int(np.frombuffer(column.buffers()[1], np.int32)[column.offset]) // 4
    return data[first : first + len(page) * _COLUMNS].reshape(-1, _COLUMNS)


def _table(seqs: Any, keys: Any, banded: Words, absent: Words) -> pa.Table:
    size = 4 * _COLUMNS
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
