"""Selection: which examples match filters, read from the columns, the newest first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

from events.errors import InputError

from ..policy.policy import RELEVANCE
from ..verdicts.columns import Columns
from ..verdicts.counters import first_reason
from ..verdicts.judgement import CORRECTION
from ..verdicts.names import NEVER
from ..verdicts.reasons import BIT, NEW_TOPIC, OF_STAGE

Mask = npt.NDArray[np.bool_]
Matches = Callable[[slice], Mask]
"""Which rows of a stretch of the columns match."""

CHUNK = 2**16
"""Rows that are looked at together."""

SORTS = ("newest", "oldest", "longest", "decided")
"""Orders of examples: by their place on the log, by the length of both texts, and what was decided last."""

_NOBODY = -2
"""The number of a name that no example has."""


def named(
    columns: Columns,
    *,
    source: str | None = None,
    project: str | None = None,
    tag: str | None = None,
    relevance: str | None = None,
    since: str | None = None,
    until: str | None = None,
) -> Matches:
    """What has all of the given names and was said on the days (YYYY-MM-DD, UTC) from `since` to `until`.

    None stands for any. Raises InputError for what is no day.
    """
    wanted = {"source": (columns.sources, source), "project": (columns.projects, project)}
    numbers = {column: names.numbers.get(name, _NOBODY) for column, (names, name) in wanted.items() if name is not None}
    if relevance is not None:
        numbers["relevance"] = RELEVANCE.index(relevance) if relevance in RELEVANCE else _NOBODY
    has_tag = None
    if tag is not None:
        tags = columns.tag_sets.tags
        has_tag = columns.tag_sets.holding(np.arange(len(tags.values)) == tags.numbers.get(tag, _NOBODY))
    begin = None if since is None else _microseconds("since", since)
    end = None if until is None else _microseconds("until", until, timedelta(days=1))

    def matches(part: slice) -> Mask:
        matching = np.ones(part.stop - part.start, np.bool_)
        for column, number in numbers.items():
            matching &= columns[column][part] == number
        if has_tag is not None:
            matching &= has_tag[columns["tags"][part]]
        if begin is not None:
            matching &= columns["occurred_at"][part] >= begin
        if end is not None:
            matching &= (columns["occurred_at"][part] < end) & (columns["occurred_at"][part] != NEVER)
        return matching

    return matches


def _microseconds(name: str, day: str, more: timedelta = timedelta(0)) -> int:
    try:
        moment = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC) + more
    except (ValueError, OverflowError) as error:
        raise InputError(f"{name} = {day!r} is no day such as 2026-01-31") from error
    return (moment - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1)


def in_place(columns: Columns, place: int, below: int) -> Matches:
    """What has a place in the review queue, if the training set should hold `below` examples of each tag."""
    is_thin = columns.counts.thin_sets(below) if place >= NEW_TOPIC else None

    def matches(part: slice) -> Mask:
        queue = columns["queue"][part]
        matching: Mask = queue > NEW_TOPIC if place == NEW_TOPIC else queue == place
        if is_thin is None:
            return matching
        rows = np.flatnonzero(matching)
        is_new = (columns["approval"][part][rows] == 0) & is_thin[columns["tags"][part][rows]]
        matching[rows] = is_new if place == NEW_TOPIC else ~is_new
        return matching

    return matches


def kept_out(columns: Columns, reason: str) -> Matches:
    """What a reason keeps out first, in the order of the pipeline."""
    number = list(BIT).index(reason) + 1
    return lambda part: first_reason(columns["reasons"][part]) == number


def at_stage(columns: Columns, stage: str) -> Matches:
    """What is at a stage (STAGES) that the columns know: private is none."""
    if stage == "waiting":
        return lambda part: columns["queue"][part] > 0
    if stage == "corrections":
        return lambda part: columns["kind"][part] == CORRECTION
    filtered = OF_STAGE["filters"]
    bits = {"training": -1, "filtered": filtered, "approved": filtered | OF_STAGE["approval"]}[stage]
    return lambda part: columns["reasons"][part] & np.int16(bits) == 0


STAGES = ("training", "waiting", "filtered", "approved", "corrections", "private")


def both(*all_of: Matches) -> Matches:
    """What matches everything."""

    def matches(part: slice) -> Mask:
        matching = all_of[0](part)
        for one in all_of[1:]:
            matching &= one(part)
        return matching

    return matches


def newest(columns: Columns, matches: Matches, below: int | None, limit: int) -> list[int]:
    """The sequences of the newest examples that match, of those below a sequence."""
    seqs: list[int] = []
    for part in _parts(columns, below):
        if len(seqs) >= limit:
            break
        rows = np.flatnonzero(matches(part))[::-1][: limit - len(seqs)]
        seqs += columns["seq"][part][rows].tolist()
    return seqs


def oldest(columns: Columns, matches: Matches, after: int, limit: int) -> list[int]:
    """The sequences of the oldest examples that match, of those above a sequence."""
    seqs: list[int] = []
    start = int(np.searchsorted(columns["seq"][: columns.published], after, side="right"))
    while start < columns.published and len(seqs) < limit:
        part = slice(start, min(start + CHUNK, columns.published))
        rows = np.flatnonzero(matches(part))[: limit - len(seqs)]
        seqs += columns["seq"][part][rows].tolist()
        start = part.stop
    return seqs


def arranged(
    columns: Columns, matches: Matches, sort: str, behind: tuple[int, int], limit: int
) -> list[tuple[int, int]]:
    """What matches in one of the SORTS, behind a (key, seq) of it, as such pairs; (0, 0) is the beginning.

    What nobody has decided is not among what was decided last. Raises InputError for an unknown order.
    """
    if sort not in SORTS:
        raise InputError(f"no order {sort!r}; there are {', '.join(SORTS)}")
    key, seq = behind
    if sort in ("newest", "oldest"):
        seqs = (
            newest(columns, matches, seq or None, limit) if sort == "newest" else oldest(columns, matches, seq, limit)
        )
        return [(0, number) for number in seqs]
    best = np.empty((0, 2), np.int64)
    for part in _parts(columns, None):
        keys = columns["decision_seq"][part].astype(np.int64)
        if sort == "longest":
            keys = columns["prompt_chars"][part].astype(np.int64) + columns["response_chars"][part]
        seqs_of_part = columns["seq"][part]
        fits = matches(part) & (keys > 0)
        if behind != (0, 0):
            fits &= (keys < key) | ((keys == key) & (seqs_of_part < seq))
        if len(best) == limit:
            fits &= keys >= best[-1, 0]
        rows = np.flatnonzero(fits)
        best = np.concatenate([best, np.stack([keys[rows], seqs_of_part[rows]], axis=1)])
        best = best[np.lexsort((-best[:, 1], -best[:, 0]))][:limit]
    return [(int(key), int(seq)) for key, seq in best]


def count(columns: Columns, matches: Matches) -> int:
    """How many examples match."""
    return sum(int(np.count_nonzero(matches(part))) for part in _parts(columns, None))


def _parts(columns: Columns, below: int | None) -> Iterator[slice]:
    end = columns.published
    if below is not None:
        end = int(np.searchsorted(columns["seq"][:end], below))
    while end > 0:
        start = (end - 1) // CHUNK * CHUNK
        yield slice(start, end)
        end = start
