"""Columns: the evidence and the judgement of every example in memory, a row each in the order of the log."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from .counters import SEEN, Counts
from .judgement import JUDGEMENT
from .lookup import Keys, Lookup
from .names import Column, Names, Sets

Rows = npt.NDArray[np.int64]

EVIDENCE: dict[str, type[np.generic]] = {
    "seq": np.int64,
    "occurred_at": np.int64,
    "kind": np.int8,
    "source": np.int32,
    "project": np.int32,
    "tags": np.int32,
    "author": np.int32,
    "used_with": np.int32,
    "prompt_chars": np.int32,
    "response_chars": np.int32,
    "include_in_training": np.bool_,
    "was_corrected": np.bool_,
    "untrusted": np.bool_,
    "is_erased": np.bool_,
    "score": np.int32,
    "context": np.int32,
    "has_personal_data": np.bool_,
    "has_more_personal_data": np.bool_,
    "has_flags": np.bool_,
    "is_too_long": np.bool_,
    "question": np.uint64,
    "cluster": np.int32,
    "parent": np.int64,
    "gaps": np.int16,
}
"""What is known of an example when it arrives. `cluster` is the row of the example that represents its near-duplicates,
its own where it is alone, and `question` stands for the words of its prompt. Names are numbers of `Names`. `parent` is
the seq of the turn before, 0 for none and MISSING, and of a correction the seq of what it corrects. `gaps` are the
causes for which the turn is incomplete by itself. `has_more_personal_data` is that of its system text and tools."""

MISSING = -1
"""The `parent` of a turn that follows one that is not there."""

SAID: dict[str, type[np.generic]] = {
    "feedback": np.int8,
    "feedback_seq": np.int64,
    "decision": np.int8,
    "decision_seq": np.int64,
    "decision_context": np.uint64,
    "superseded_by": np.int64,
    "disputed_by": np.int64,
}
"""What was said about it since; the last two are the seq of a correction. 0 is none. `decision_context` is the
`context_key` that the reviewer saw."""

CONTEXT: dict[str, type[np.generic]] = {
    "root": np.int64,
    "turns": np.int32,
    "context_key": np.uint64,
    "context_chars": np.int64,
    "context_gaps": np.int16,
    "asked_before": np.uint64,
    "exactly_before": np.uint64,
    "field_score": np.int32,
    "field_context": np.int32,
}
"""What follows from the turns before it, see `contexts`."""

JUDGED: dict[str, type[np.generic]] = {
    "relevance": np.int8,
    "approval": np.int8,
    "rank": np.int8,
    "duplicate_of": np.int64,
    "contradicts": np.int64,
    "is_borderline": np.bool_,
    "causes": np.int16,
    "reasons": np.int16,
    "queue": np.int8,
}

UNJUDGED = -1
"""The `reasons` of an example that nobody has judged."""

_KEYS: dict[str, type[np.generic]] = {
    "id_high": np.uint64,
    "id_low": np.uint64,
    "text_high": np.uint64,
    "words_high": np.uint64,
    "words_low": np.uint64,
    "conversation": np.uint64,
}
"""The halves of the keys of 128 bits by which examples are found; of a conversation's key and of an
exact text's the first one. `words` are the key of the text that the policy compares with what corrections replace."""

_TYPES = EVIDENCE | SAID | CONTEXT | JUDGED | _KEYS


MANY_ROWS = 10_000
"""Rows from which on it is quicker to mark them than to sort them."""


class Columns:
    """Arrays that grow in place, with their names, look-ups and clusters.

    A row is an example for ever: its seq, its id and its kind never change. Whoever appends must be alone: arrays move.
    """

    def __init__(self) -> None:
        """Without an example."""
        self.count = 0
        self._arrays: dict[str, Column] = {name: np.empty(0, kind) for name, kind in _TYPES.items()}
        self.sources, self.projects, self.authors, self.uses = Names(), Names(), Names(), Names()
        self.tag_sets = Sets()
        self.counts = Counts(self.sources, self.projects, self.tag_sets)
        self.published = 0
        """How many examples others see."""
        self._ids, self._texts, self._followers = Lookup(), Lookup(), Lookup()
        self._last_turns: dict[int, int] = {}
        self._waiting: dict[bytes, list[int]] = {}
        self._said: dict[int, tuple[int, int]] = {}
        self._others: dict[int, set[int]] = {}
        self._correcting: dict[bytes, list[int]] = {}
        self._correcting_text: dict[bytes, list[int]] = {}
        self._wrong: dict[int, tuple[bytes | None, bytes | None]] = {}

    def __getitem__(self, name: str) -> Column:
        """The whole column of a name."""
        return self._arrays[name][: self.count]

    def of(self, rows: Rows | slice, names: Iterable[str]) -> dict[str, Column]:
        """Some columns of some rows; those of a slice are the arrays themselves."""
        return {name: self[name][rows] for name in names}

    def append(self, columns: dict[str, Column]) -> Rows:
        """Add examples by the columns of EVIDENCE and their keys; their rows. What is left out is 0."""
        first, more = self.count, len(columns["seq"])
        self._grow(first + more)
        self.count += more
        for name, array in self._arrays.items():
            array[first : self.count] = columns.get(name, UNJUDGED if name == "reasons" else 0)
        rows = np.arange(first, self.count)
        self._ids.add(columns["id_high"], rows)
        has_text = ~columns["is_erased"]
        self._texts.add(columns["words_high"][has_text], rows[has_text])
        return rows

    def _grow(self, count: int) -> None:
        capacity = len(self._arrays["seq"])
        if count > capacity:
            for array in self._arrays.values():  # moves pages, not bytes: nobody may hold on to an array
                array.resize(max(count, capacity * 5 // 4, 1024), refcheck=False)

    def row(self, seq: int) -> int:
        """The row of a sequence that an example has."""
        return int(np.searchsorted(self["seq"], seq))

    def rows(self, seqs: Column) -> Rows:
        """The rows of those of some sequences that are there."""
        at = np.searchsorted(self["seq"], seqs)
        is_within = at < self.count
        at, seqs = at[is_within], seqs[is_within]
        rows: Rows = at[self["seq"][at] == seqs]
        return rows

    def by_id(self, keys: Sequence[bytes]) -> dict[int, int]:
        """The rows of those of some ids (as their keys of 16 bytes) that are there, by their number."""
        high, low = halves(keys)
        numbers, rows = self._ids.find(high)
        is_it = (self["id_low"][rows] == low[numbers]) & (self["id_high"][rows] == high[numbers])
        return dict(zip(numbers[is_it].tolist(), rows[is_it].tolist(), strict=True))

    def by_text(self, key: bytes) -> list[int]:
        """The rows of the examples whose text this is the key of, as it is now or as it was first said."""
        high, low = halves([key])
        rows = self._texts.find(high)[1]
        is_it = (self["words_low"][rows] == low[0]) & (self["words_high"][rows] == high[0]) & ~self["is_erased"][rows]
        now = set(rows[is_it].tolist())
        wanted = (int(high[0]), int(low[0]))
        return sorted(now | {row for row in rows.tolist() if self._said.get(row) == wanted})

    def keep_text(self, row: int, key: bytes | None, said: bytes | None) -> None:
        """Give an example the key of another text; `said` is the one of what was first said. None: it is erased."""
        self._said.pop(row, None)
        high, low = halves([key or bytes(16)])
        self["words_high"][row], self["words_low"][row] = high[0], low[0]
        for one in {key, said} - {None}:
            self._texts.add(halves([one])[0], np.array([row]))  # type: ignore[list-item]
        if said is not None and said != key:
            high, low = halves([said])
            self._said[row] = int(high[0]), int(low[0])

    def text_keys(self, row: int) -> set[bytes]:
        """The keys of an example's text as it is now and as it was first said; none where it is erased."""
        if self["is_erased"][row]:
            return set()
        now = int(self["words_high"][row]), int(self["words_low"][row])
        return {joined(*now), joined(*self._said.get(row, now))}

    def id_of(self, row: int) -> bytes:
        """The key of an example's id."""
        return joined(int(self["id_high"][row]), int(self["id_low"][row]))

    def corrects(self, row: int, example: bytes | None, original: bytes | None) -> None:
        """Say of a correction the keys of the id of what it corrects and of the text that it replaces."""
        self._wrong[row] = example, original
        if example is not None:
            self._correcting.setdefault(example, []).append(row)
        if original is not None:
            self._correcting_text.setdefault(original, []).append(row)

    def is_correction(self, row: int) -> bool:
        """Whether an example is a correction."""
        return row in self._wrong

    def corrected_by(self, row: int) -> set[int]:
        """The rows of what a correction stands against, by the id that it names or by its words."""
        example, original = self._wrong[row]
        named = set(self.by_id([example]).values()) if example is not None else set()
        by_text = self.by_text(original) if original is not None else []
        return named | {other for other in by_text if self._is_older(other, row)}

    def against(self, row: int) -> set[int]:
        """The rows of the corrections that stand against an example."""
        by_text = {other for key in self.text_keys(row) for other in self._correcting_text.get(key, ())}
        named = self._correcting.get(self.id_of(row), ())
        return {*named, *(other for other in by_text if self._is_older(row, other))}

    def _is_older(self, row: int, correction: int) -> bool:
        """Whether a correction's words count against an example: only a later one's against another correction."""
        return row != correction and (row not in self._wrong or row < correction)

    def gather(self, rows: Rows) -> None:
        """Put rows beside the others of their clusters."""
        cluster = self["cluster"][rows]
        is_other = cluster != rows
        for row, representative in zip(rows[is_other].tolist(), cluster[is_other].tolist(), strict=True):
            self._others.setdefault(representative, set()).add(row)

    def scatter(self, rows: Iterable[int]) -> None:
        """Take rows out of their clusters, before they get another one."""
        for row in rows:
            representative = int(self["cluster"][row])
            if representative != row:
                self._others[representative].remove(row)

    def union(self, *rows: Rows) -> Rows:
        """The rows that are in any of several arrays, in order; where there are many they are marked."""
        if sum(map(len, rows)) < MANY_ROWS:
            return np.unique(np.concatenate(rows).astype(np.int64))
        is_in = np.zeros(self.count, np.bool_)
        for some in rows:
            is_in[some] = True
        return np.flatnonzero(is_in)

    def members(self, clusters: Rows) -> Rows:
        """All rows of some clusters, in order."""
        rows = clusters.tolist()
        for representative in clusters.tolist():
            rows += self._others.get(representative, ())
        # What represented others may represent nobody any more, and be in another cluster.
        members = np.unique(np.array(rows, np.int64))
        return members[np.isin(self["cluster"][members], clusters)]

    def follow(self, rows: Rows) -> None:
        """Put rows behind the turns that they follow, or beside those that they correct."""
        some = rows[self["parent"][rows] > 0]
        self._followers.add(self["parent"][some].astype(np.uint64), some)

    def followers(self, rows: Rows) -> Rows:
        """All rows that follow some rows or correct them, however many are between them, and not those rows."""
        is_reached = np.zeros(self.count, np.bool_)
        is_reached[rows] = True
        levels = []
        frontier = np.unique(rows)
        while len(frontier):
            parents = self["seq"][frontier]
            numbers, behind = self._followers.find(parents.astype(np.uint64))
            behind = np.unique(behind[self["parent"][behind] == parents[numbers]])
            frontier = behind[~is_reached[behind]]
            is_reached[frontier] = True
            levels.append(frontier)
        return np.sort(np.concatenate([rows[:0], *levels]))

    def wait(self, row: int, example: bytes) -> None:
        """Say of a turn the key of the id that it follows, where that is not there."""
        self._waiting.setdefault(example, []).append(row)

    def waiting(self, row: int) -> list[int]:
        """The rows that follow an example which was not there when they came, and those that correct it by its id."""
        key = self.id_of(row)
        return [*self._waiting.get(key, ()), *self._correcting.get(key, ())]

    def last_turn(self, conversation: int) -> int:
        """The seq of the last turn of a conversation, by half of its key; 0 where there is none."""
        return self._last_turns.get(conversation, 0)

    def goes_on(self, conversation: int, seq: int) -> None:
        """Keep a later turn of a conversation as its last one."""
        self._last_turns[conversation] = seq

    def corrected_seq(self, correction: int) -> int:
        """The seq of what a correction is of: the example that it names, or the last one before it with those words.

        0 where there is none.
        """
        example, original = self._wrong[correction]
        named = self.by_id([example]) if example is not None else {}
        if named:
            return int(self["seq"][named[0]])
        if original is None:
            return 0
        high, low = halves([original])
        wanted = int(high[0]), int(low[0])
        rows = [row for row in self._texts.find(high)[1].tolist() if row < correction and not self["is_erased"][row]]
        rows = [row for row in rows if self._first_said(row) == wanted]
        return int(self["seq"][max(rows)]) if rows else 0

    def _first_said(self, row: int) -> tuple[int, int]:
        return self._said.get(row, (int(self["words_high"][row]), int(self["words_low"][row])))

    def snapshot(self) -> Columns:
        """The examples that others see, for judging them under another policy: without look-ups and clusters."""
        copy = Columns()
        copy.count = copy.published = self.published
        copy.sources, copy.projects, copy.uses, copy.tag_sets = self.sources, self.projects, self.uses, self.tag_sets
        for name in {*EVIDENCE, *SAID, *CONTEXT, *JUDGED, "text_high"}:
            copy._arrays[name] = self[name][: self.published].copy()
        return copy

    def recount(self) -> None:
        """Count all examples anew, and let others see them."""
        self.counts = Counts(self.sources, self.projects, self.tag_sets)
        self.counts.move(self.of(slice(0, 0), SEEN), self.of(slice(None), SEEN))
        self.published = self.count

    def judged(self, rows: Rows | slice) -> dict[str, Column]:
        """The judgement of some rows."""
        return self.of(rows, JUDGEMENT)


def halves(keys: Sequence[bytes]) -> tuple[Keys, Keys]:
    """Keys of 16 bytes as two numbers of 64 bits each."""
    both = np.frombuffer(b"".join(keys), ">u8").reshape(-1, 2).astype(np.uint64)
    return both[:, 0].copy(), both[:, 1].copy()


def joined(high: int, low: int) -> bytes:
    """The key of 16 bytes that two numbers make."""
    return high.to_bytes(8) + low.to_bytes(8)
