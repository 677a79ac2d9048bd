"""Links: every stored prompt with the representative that it is a near-duplicate of, kept however prompts arrive.

The links are those of near_duplicates.cluster. They stand in two tables, and in memory stands an index of all buckets.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from ..policy.policy import Likeness
from ..policy.rules import Rules
from ..store.database import AMONG, Connection, first, with_table
from ..store.table import Table
from ..tables.question import question
from ..work.jobs import Run, job
from ..work.workers import MOST, workers
from .near_duplicates import (
    ALGORITHMS,
    COLUMNS,
    LIKENESS,
    SHARES,
    Link,
    Share,
    Words,
    buckets,
    canonical,
    chunks,
    link_in_order,
    link_share,
    shares,
)
from .near_index import Index
from .text_size import READ

__all__ = ["NEAR_BUCKETS", "NEAR_TEXTS", "Index", "Wordings", "link", "link_texts", "relink", "wordings"]

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

TOGETHER = 10_000
"""Texts that are looked for in memory together."""

MANY = 30_000
"""Texts from which on worker processes are faster: they take a second to start."""

THREADS = 4
"""Threads that look for buckets while worker processes verify."""


def _processes(texts: int) -> int:
    return MOST if texts >= MANY else 1


class Wordings(NamedTuple):
    """Prompts in normal form, with the keys of their facts and their buckets."""

    normals: list[str]
    keys: Words
    banded: Words

    def take(self, rows: list[int]) -> Wordings:
        """Those of some rows."""
        return Wordings([self.normals[row] for row in rows], self.keys[rows], self.banded[rows])


def wordings(prompts: Sequence[str], rules: Rules) -> Wordings:
    """How prompts are worded by a version of the rules, in their order."""
    normals, keys = _canonical(rules, prompts)
    return Wordings(normals, keys, buckets(normals))


def relink(con: Connection, likeness: Likeness, index: Index | None = None, run: Run | None = None) -> None:
    """Link every stored text anew unless that is how they were linked: what a new likeness demands.

    Many are linked in worker processes, those of `run` if there are some.
    They wait in the temporary table `near_again`. Other rules make other normal forms, of the prompts in `examples`.
    """
    index = index or Index()
    made = _made(likeness)
    if not first(con, "SELECT 1 FROM near_texts WHERE made <> ? LIMIT 1", [made]):
        return
    algorithm = ALGORITHMS[likeness.rules]
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE near_again AS
            SELECT seq, normal, facts, NOT starts_with(made, '{algorithm} ') AS is_other FROM near_texts"""
    )
    con.execute("DELETE FROM near_texts")
    con.execute("DELETE FROM near_buckets")
    index.clear()
    last = -1
    count, *_ = first(con, "SELECT count(*) FROM near_again") or (0,)
    with workers(_processes(count), run) as working:
        while rows := con.execute(f"FROM near_again WHERE seq > {last} ORDER BY seq LIMIT {PORTION}").fetchall():
            _insert(con, index, _worded(con, rows, likeness.rules, working), likeness, working, {})
            last = rows[-1][0]
    con.execute("DROP TABLE near_again")


def _worded(
    con: Connection, rows: Sequence[tuple[int, str, int, bool]], rules: Rules, run: Run
) -> list[tuple[int, str, int]]:
    """Rows of `near_again` as the rules word their prompts."""
    of = {seq: (normal, key) for seq, normal, key, _ in rows}
    other = [seq for seq, _, _, is_other in rows if is_other]
    if other:
        prompts = con.execute(f"SELECT seq, prompt FROM examples {AMONG} ORDER BY seq", {"seqs": other}).fetchall()
        seqs = iter([seq for seq, _ in prompts])
        for normals, keys in run(partial(_canonical, rules), chunks([prompt for _, prompt in prompts])):
            of |= zip(islice(seqs, len(normals)), zip(normals, keys.tolist(), strict=True), strict=True)
    return [(seq, *worded) for seq, worded in of.items()]


def _made(likeness: Likeness) -> str:
    return f"{ALGORITHMS[likeness.rules]} {likeness.threshold}"


def link(
    con: Connection,
    incoming: str,
    likeness: Likeness = LIKENESS,
    index: Index | None = None,
    run: Run | None = None,
) -> list[int]:
    """Link the texts of a relation (`seq`, `prompt`) and return the sequences of all texts whose link has changed.

    Many are linked in worker processes, those of `run` if there are some.
    """
    arrived = con.execute(f"SELECT seq, prompt FROM {incoming}").fetchall()
    if not arrived:
        return []
    with workers(_processes(len(arrived)), run) as working:
        return sorted(_link(con, arrived, likeness, index or Index(), working))


def link_texts(
    con: Connection,
    arrived: Sequence[tuple[int, str | None]],
    likeness: Likeness,
    index: Index,
    worded: Wordings | None = None,
) -> dict[int, Link | None]:
    """Link texts, each a sequence and a prompt, and return every link that has changed, None for one that is no more.

    `worded` are their prompts, none of which is None, where that was read before.

    The links are those that `cluster` finds in the order of sequences, in batches of any size. A text may change its
    prompt, lose it (None) or arrive late: later texts of its facts are linked anew. Texts behind all others read
    nothing from the tables once the index was read.
    """
    return _link(con, arrived, likeness, index, map, worded) if arrived else {}


def _link(
    con: Connection,
    arrived: Sequence[tuple[int, str | None]],
    likeness: Likeness,
    index: Index,
    run: Run,
    worded: Wordings | None = None,
) -> dict[int, Link | None]:
    seqs = [seq for seq, _ in arrived]
    asked = {seq: prompt for seq, prompt in arrived if prompt is not None}
    normals: dict[int, str] = {}
    key_of: dict[int, int] = {}
    for some, keys in [worded[:2]] if worded else run(partial(_canonical, likeness.rules), chunks([*asked.values()])):
        of = list(islice(asked, len(normals), len(normals) + len(some)))
        normals |= zip(of, some, strict=True)
        key_of |= zip(of, keys.tolist(), strict=True)
    is_new = index.is_beyond(seqs) or not first(con, f"SELECT 1 FROM near_texts WHERE seq >= {min(seqs)} LIMIT 1")
    stored = [] if is_new else _stored(con, AMONG, {"seqs": seqs})
    gone = [row for row in stored if normals.get(row[0]) != row[1]]
    todo = normals.keys() - {row[0] for row in stored} | {row[0] for row in gone} & normals.keys()
    fresh = [(seq, normals[seq], key_of[seq]) for seq in todo]
    earliest: dict[int, int] = {}
    for seq, _, key, *_ in [*fresh, *gone]:
        earliest[key] = min(seq, earliest.get(key, seq))
    if not earliest:
        return {}
    _delete(con, index, gone)
    named = ", ".join(map(str, earliest))
    reached = [] if is_new else _stored(con, f"WHERE seq >= {min(earliest.values())} AND facts IN ({named})")
    later = [row for row in reached if row[0] >= earliest[row[2]]]
    _delete(con, index, later)
    before: dict[int, Link] = {row[0]: row[3:] for row in [*gone, *later]}
    banded = dict(zip(asked, worded.banded, strict=True)) if worded else {}
    after = _insert(con, index, sorted([*fresh, *(row[:3] for row in later)]), likeness, run, banded)
    changed: dict[int, Link | None] = {seq: link for seq, link in after.items() if before.get(seq) != link}
    return changed | dict.fromkeys(before.keys() - after.keys())


@job("canonical forms")
def _canonical(rules: Rules, prompts: Sequence[str]) -> tuple[list[str], Words]:
    return canonical([question(prompt)[:READ] for prompt in prompts], rules)


def _stored(con: Connection, which: str, parameters: object = None) -> list[Any]:
    columns = "seq, normal, facts, representative, similarity"
    return con.execute(f"SELECT {columns} FROM near_texts {which}", parameters).fetchall()


def _delete(con: Connection, index: Index, rows: Sequence[tuple[Any, ...]]) -> None:
    if rows:
        index.remove([row[0] for row in rows])
        seqs = ", ".join(str(row[0]) for row in rows)
        for table in ("near_texts", "near_buckets"):
            con.execute(f"DELETE FROM {table} WHERE seq IN ({seqs})")


def _insert(
    con: Connection,
    index: Index,
    rows: Sequence[tuple[int, str, int]],
    likeness: Likeness,
    run: Run,
    banded_of: Mapping[int, Words],
) -> dict[int, Link]:
    """Link texts that are not in the tables to those that are and to one another, in their order, and store them.

    The buckets of some may be known.
    """
    index.read(con)
    linked: dict[int, Link] = {}
    parts = [rows[start : start + TOGETHER] for start in range(0, len(rows), TOGETHER)]
    if all(seq in banded_of for seq, *_ in rows):
        every: Iterable[Words] = (np.array([banded_of[seq] for seq, *_ in part]) for part in parts)
    else:
        every = run(buckets, ([row[1] for row in part] for part in parts))
    for part, banded in zip(parts, every, strict=True):
        linked |= _insert_some(con, index, part, banded, likeness, run)
    return linked


def _insert_some(
    con: Connection, index: Index, rows: Sequence[tuple[int, str, int]], banded: Words, likeness: Likeness, run: Run
) -> dict[int, Link]:
    seqs, normals, numbers = (list(column) for column in zip(*rows, strict=True))
    keys = np.array(numbers, np.uint32)
    linked, full = _linked(index, seqs, normals, keys, banded, likeness, run)
    made = [_made(likeness)] * len(seqs)
    columns = [seqs, normals, keys, [name for name, _ in linked], [near for _, near in linked], made]
    _append(
        con, "near_texts", pa.table(columns, names=["seq", "normal", "facts", "representative", "similarity", "made"])
    )
    kept = np.flatnonzero([name is None for name, _ in linked])
    if len(kept):
        representatives = np.array(seqs)[kept], keys[kept], banded[kept], full[kept]
        _append(con, "near_buckets", _table(*representatives))
        index.add(*representatives, [normals[row] for row in kept.tolist()])
    index.saw(seqs[-1])
    return dict(zip(seqs, linked, strict=True))


def _linked(
    index: Index, seqs: list[int], normals: list[str], keys: Words, banded: Words, likeness: Likeness, run: Run
) -> tuple[list[Link], Words]:
    """What `link_in_order` gives, in worker processes where there are some."""
    if run is map:
        return link_in_order(seqs, normals, keys, banded, likeness, index.known(keys, banded))
    linked: list[Link] = [(None, 0.0)] * len(seqs)
    full = np.empty(len(seqs), np.uint32)

    def share(rows: list[int]) -> Share:
        names, texts = [seqs[row] for row in rows], [normals[row] for row in rows]
        return Share(names, texts, keys[rows], banded[rows], index.known(keys[rows], banded[rows]))

    parts = shares(keys, banded, SHARES)
    with ThreadPoolExecutor(THREADS) as threads:  # looking for buckets lets other threads run
        given = threads.map(share, parts)
        for rows, (links, lacks) in zip(parts, run(partial(link_share, likeness), given), strict=True):
            full[rows] = lacks
            for row, link in zip(rows, links, strict=True):
                linked[row] = link
    return linked, full


def _table(seqs: Any, keys: Any, banded: Words, absent: Words) -> pa.Table:
    size = 4 * COLUMNS
    data = pa.py_buffer(np.ascontiguousarray(banded, "<u4").tobytes())
    bands = pa.FixedSizeBinaryArray.from_buffers(pa.binary(size), len(banded), [None, data])
    return pa.table([seqs, keys, bands, absent], names=["seq", "facts", "bands", "absent"])


def _append(con: Connection, table: str, incoming: pa.Table) -> None:
    with_table(con, incoming, f"INSERT INTO {table} SELECT * FROM incoming")
