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
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache, partial
from hashlib import shake_128
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from .database import AMONG, Connection, first
from .wording import VERSION as WORDING
from .wording import facts, normalise, reworded

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
Flags = npt.NDArray[np.bool_]
Link = tuple[int | None, float]

SCHEMA = (
    """CREATE TABLE near_texts (seq BIGINT, normal VARCHAR, facts UINTEGER, representative BIGINT, similarity DOUBLE,
                                made VARCHAR)""",
    "CREATE TABLE near_buckets (seq BIGINT, facts UINTEGER, bands BLOB, absent UINTEGER)",
)
"""One row a text, with its normal form, the key of its facts and its link; and one row a representative: its bucket in
each band and that of its words, 4 bytes each, and a bit set in `absent` for those that were full when it came.

A million representatives are 115 MB, of which a search reads those with the same facts: no index to keep up. A column a
band would be joined band by band, which takes four times as long. What 32 bits confuse, verification tells apart.
"""

_COLUMNS = BANDS + 1
_BITS = np.uint32(1) << np.arange(_COLUMNS, dtype=np.uint32)

PAGE = 100_000
"""Representatives that are looked through at a time."""

_FEW = 8
"""Texts that are looked for one by one."""


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


def _in_order(
    normals: Sequence[str], keys: Words, banded: Words, threshold: float, absent: Words
) -> tuple[list[Link], Words]:
    """Link texts in their order, and say from which buckets each representative stays absent because they were full.

    The first texts are representatives already: `absent` has their bits.
    """
    known = len(absent)
    numbers, count = _shared(keys, banded)
    numbers[:known][(absent[:, None] & _BITS) != 0] = -1
    full = np.zeros(len(normals), np.uint32)
    members: list[list[int]] = [[] for _ in range(count + 1)]  # in the last one, which is -1, nobody ever is
    links: list[Link] = []
    whole: dict[str, int] = {}
    for row, normal in enumerate(normals):
        mine = numbers[row].tolist()
        link: Link = (None, 0.0)
        if (same := whole.get(normal)) is not None:
            link = (same, 1.0)
        elif row >= known:
            # What has the same words is a candidate, however many buckets were full when it came.
            near = [*chain.from_iterable(map(members.__getitem__, mine)), *members[mine[BANDS]] * BANDS]
            for candidate in _nearest(near):
                if found := verified(normal, normals[candidate], threshold):
                    link = (candidate, found)
                    break
        links.append(link)
        if link[0] is None:
            whole[normal] = row
            lacks = 0
            for column, number in enumerate(mine):
                if number >= 0:
                    if len(bucket := members[number]) < BUCKET:
                        bucket.append(row)
                    else:
                        lacks |= 1 << column
            full[row] = lacks
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
    return _in_order(normals, keys, banded, threshold, np.zeros(0, np.uint32))[0]


def relink(con: Connection, threshold: float) -> None:
    """Link every stored text anew unless that is how they were linked: what a new threshold demands."""
    made = _made(threshold)
    if not first(con, "SELECT 1 FROM near_texts WHERE made <> ? LIMIT 1", [made]):
        return
    con.execute("CREATE OR REPLACE TEMP TABLE near_again AS SELECT seq, normal, facts FROM near_texts")
    con.execute("DELETE FROM near_texts")
    con.execute("DELETE FROM near_buckets")
    last = -1
    while rows := con.execute(f"FROM near_again WHERE seq > {last} ORDER BY seq LIMIT {PORTION}").fetchall():
        _insert(con, rows, threshold)
        last = rows[-1][0]
    con.execute("DROP TABLE near_again")


def _made(threshold: float) -> str:
    return f"{ALGORITHM} {threshold}"


def link(con: Connection, incoming: str, threshold: float = THRESHOLD) -> list[int]:
    """Link the texts of a relation (`seq`, `prompt`) and return the seqs of all whose link is now another.

    The links are those that `cluster` finds in the order of `seq`, which identifies a text, however the texts are
    batched. A text may change its prompt, or lose it (NULL), or arrive late: later ones of its facts are linked anew.
    """
    said = con.execute(f"SELECT seq, prompt FROM {incoming}").fetchall()
    if not said:
        return []
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
    _delete(con, gone)
    keys = ", ".join(map(str, earliest))
    reached = _stored(con, f"WHERE seq >= {min(earliest.values())} AND facts IN ({keys})") if is_late else []
    later = [row for row in reached if row[0] >= earliest[row[2]]]
    _delete(con, later)
    before = {row[0]: row[3:] for row in [*gone, *later]}
    after = _insert(con, sorted([*fresh, *(row[:3] for row in later)]), threshold)
    return sorted(seq for seq in before.keys() | after.keys() if before.get(seq) != after.get(seq))


def tidy(con: Connection) -> None:
    """Sort near_buckets by facts, so that a search reads little of it: worth it whenever it has grown by half."""
    con.execute("CREATE OR REPLACE TEMP TABLE near_sorted AS SELECT * FROM near_buckets")
    con.execute("DELETE FROM near_buckets")
    con.execute("INSERT INTO near_buckets SELECT * FROM near_sorted ORDER BY facts, seq")
    con.execute("DROP TABLE near_sorted")


def _stored(con: Connection, which: str) -> list[tuple[Any, ...]]:
    return con.execute(f"SELECT seq, normal, facts, representative, similarity FROM near_texts {which}").fetchall()


def _delete(con: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    if rows:
        seqs = ", ".join(str(row[0]) for row in rows)
        for table in ("near_texts", "near_buckets"):
            con.execute(f"DELETE FROM {table} WHERE seq IN ({seqs})")


def _insert(con: Connection, rows: Sequence[tuple[int, str, int]], threshold: float) -> dict[int, tuple[Any, ...]]:
    """Link texts that are not in the tables to those that are and to one another, in their order, and store them."""
    if not rows:
        return {}
    seqs, normals, keys = (list(column) for column in zip(*rows, strict=True))
    banded = buckets(normals)
    earlier, facts_of, bands, absent = _sharing(con, np.array(keys, np.uint32), banded)
    normal_of: dict[int, str] = dict(
        con.execute(f"SELECT seq, normal FROM near_texts {AMONG}", {"seqs": earlier}).fetchall() if earlier else []
    )
    links, full = _in_order(
        [normal_of[seq] for seq in earlier] + normals,
        np.concatenate([facts_of, np.array(keys, np.uint32)]),
        np.concatenate([bands, banded]),
        threshold,
        absent,
    )
    names = earlier + seqs
    linked = [(None if n is None else names[n], near) for n, near in links[len(earlier) :]]
    made = [_made(threshold)] * len(seqs)
    columns = [seqs, normals, keys, [name for name, _ in linked], [near for _, near in linked], made]
    _append(
        con, "near_texts", pa.table(columns, names=["seq", "normal", "facts", "representative", "similarity", "made"])
    )
    kept = np.flatnonzero([name is None for name, _ in linked])
    if len(kept):
        mine = np.array(seqs)[kept], np.array(keys, np.uint32)[kept], banded[kept], full[len(earlier) :][kept]
        _append(con, "near_buckets", _table(*mine))
    return dict(zip(seqs, linked, strict=True))


def _sharing(con: Connection, keys: Words, banded: Words) -> tuple[list[int], Words, Words, Words]:
    """The representatives that share the facts and a bucket with any of some texts, in order.

    Their sequences, the keys of their facts, their buckets, and the bits of those from which they are absent.
    """
    wanted = pa.array(np.unique(_pairs(keys[:, None], banded)))
    may_be = _looks(banded)
    seqs, facts_of = [np.empty(0, np.int64)], [np.empty(0, np.uint32)]
    bands, absent = [np.empty((0, _COLUMNS), np.uint32)], [np.empty(0, np.uint32)]
    asked = pa.table({"facts": np.unique(keys)})
    same = f"WHERE facts = {keys[0]}" if len(asked) == 1 else "SEMI JOIN near_incoming USING (facts)"
    con.register("near_incoming", asked)
    try:
        said = con.sql(f"SELECT seq, facts, bands, absent FROM near_buckets {same}")
        for page in said.to_arrow_reader(PAGE):
            mine, key, lacks = _buckets_of(page), page["facts"].to_numpy(), page["absent"].to_numpy()
            rows, columns = np.divmod(np.flatnonzero(may_be(mine)), _COLUMNS)
            is_wanted = pc.is_in(pa.array(_pairs(key[rows], mine[rows, columns])), wanted)
            is_there = (lacks[rows] & _BITS[columns]) == 0
            rows = np.unique(rows[is_wanted.to_numpy(zero_copy_only=False) & is_there])
            seqs.append(page["seq"].to_numpy()[rows])
            facts_of.append(key[rows])
            bands.append(mine[rows])
            absent.append(lacks[rows])
    finally:
        con.unregister("near_incoming")
    earlier = np.concatenate(seqs)
    order = np.argsort(earlier)
    return (
        earlier[order].tolist(),
        np.concatenate(facts_of)[order],
        np.concatenate(bands)[order],
        np.concatenate(absent)[order],
    )


def _looks(banded: Words) -> Callable[[Words], Flags]:
    """What tells of many buckets at a look which may be those of some texts, and misses none."""
    if len(banded) <= _FEW:
        return lambda mine: np.logical_or.reduce([mine == row for row in banded])
    known = np.zeros((_COLUMNS, 1 << 16), np.bool_)  # by half of a bucket
    for n in range(_COLUMNS):
        known[n, banded[:, n].astype(np.uint16)] = True

    def may_be(mine: Words) -> Flags:
        halves, found = mine.view(np.uint16)[:, ::2], np.empty(mine.shape, np.bool_)
        for n in range(_COLUMNS):
            found[:, n] = known[n][halves[:, n]]
        return found

    return may_be


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
        con.execute(f"INSERT INTO {table} SELECT * FROM near_incoming ORDER BY facts")
    finally:
        con.unregister("near_incoming")
