"""Private places: personal data wherever it is written beside prompt and answers, found in every declared string.

What is found follows from one fact, so it is found where facts are decoded, and lies in the segments with them. The
analysis of prompt and answers is for itself, see `analysis`.

| place | stands for |
|---|---|
| `system`, `tools.0.result`, `details.2`, `tags.0` | a string of the example itself, see `events.places` |
| `comments.4711` | the comment or the reason of the fact of sequence 4711 |
| `actor.4711` | another string of that fact |

A name that is an e-mail address as a whole is no find where it says who spoke: that is how people sign in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa

from events.earlier_turns import understood
from events.facts import (
    ABOUT_EXAMPLES,
    CorrectionRecorded,
    ExampleCaptured,
    ExampleErased,
    ExampleRedacted,
    ExampleRestated,
    Fact,
    Metadata,
)
from events.places import placed
from events.traits import inside, loose

from ..policy.rules import Rules
from ..store.batch import Batch
from ..store.database import Connection, append, by_column, first
from ..store.projection import Projection
from ..tables.examples import EXAMPLES
from ..tables.fact_tables import ABOUT_EXAMPLES as ABOUT
from ..tables.redactions import OF_THE_TURN
from . import personal_data
from .personal_data import VERSIONS, Span
from .text_size import READ

KINDS = tuple(kind for kind in ABOUT_EXAMPLES if kind not in (ExampleErased, ExampleRestated))
"""The facts that are looked through: a tombstone is about nothing that anybody sees, and a restatement is read as the
capture in whose place it stands."""

MOST = 1_000
"""Spans of one fact that are kept, those in texts before all others; a fact with more is shown with the first ones."""

_ANALYSED = {"prompt", "response", "original_response", "corrected_response", "corrected_prompt"}
_PLAIN = Metadata()
_SPEAKERS = ("actor", "corrector")

_COLUMNS = {
    "seq": "BIGINT",
    "example_id": "VARCHAR",
    "part": "VARCHAR",
    "rules": "BIGINT",
    "in_training": "VARCHAR[]",
    "kinds": "VARCHAR[]",
    "flags": "VARCHAR[]",
    "spans": "VARCHAR",
}
"""A row for each fact, part and version of the rules. A part is the first step of a place, of a comment all of it.
`kinds` are certain, `in_training` those of them in texts that are trained on, `flags` are guesses. `spans` is JSON."""


class Found(NamedTuple):
    """One span, and whether it is in a text that is trained on."""

    part: str
    span: Span
    is_text: bool


def _rows(batch: Batch) -> pa.Table | None:
    rows: list[tuple[Any, ...]] = []
    for kind in KINDS:
        strings = _strings(kind)
        for seq, each in batch.of(kind):
            fact = understood(each) if isinstance(each, ExampleCaptured) else each
            if _is_suspect("\n".join(strings(fact))):
                for rules in VERSIONS:
                    rows += _rows_of(seq, fact, rules)
    return by_column(_COLUMNS, sorted(rows, key=lambda row: row[:4])) if rows else None


def _is_suspect(text: str) -> bool:
    """Whether a text may hold anything; names are the same in many facts."""
    return _is_suspect_name(text) if len(text) <= SHORT else personal_data.is_suspect(text)


SHORT = 200
"""Characters of texts that are remembered: 2 MB at most."""

_is_suspect_name = lru_cache(maxsize=4096)(personal_data.is_suspect)


def _rows_of(seq: int, fact: Fact, rules: Rules) -> Iterator[tuple[Any, ...]]:
    example_id = fact.event_id if isinstance(fact, CorrectionRecorded) else fact.about
    parts: dict[str, list[Found]] = {}
    for each in _found(seq, fact, rules):
        parts.setdefault(each.part, []).append(each)
    for part, some in parts.items():
        spans = [each.span for each in some]
        certain = [each for each in some if not each.span.is_flag]
        yield (
            *(seq, example_id, part, rules, sorted({each.span.kind for each in certain if each.is_text})),
            *(sorted({each.span.kind for each in certain}), sorted({span.kind for span in spans if span.is_flag})),
            msgspec.json.encode(spans).decode(),
        )


def _found(seq: int, fact: Fact, rules: Rules) -> Iterator[Found]:
    """What is found in a fact, at most MOST."""
    room = MOST
    for place, trait, text in sorted(placed(fact), key=lambda each: each[1] != "text"):
        if not _is_looked_at(fact, place) or not personal_data.is_suspect(text):
            continue
        where = _place(seq, fact, place, trait)
        spans = [span for span in personal_data.find_in(text[:READ], where, rules) if not _is_name(where, span, text)]
        part = where if where.startswith("comments.") else where.partition(".")[0]
        for span in spans[:room]:
            yield Found(part, span, trait == "text" and part != "original_prompt")
        room -= len(spans[:room])


def _is_looked_at(fact: Fact, place: str) -> bool:
    if place == "original_prompt" and isinstance(fact, CorrectionRecorded):
        return fact.corrected_prompt is not None  # else it is the prompt
    return place not in _ANALYSED and not place.startswith("found.")


def _is_name(place: str, span: Span, text: str) -> bool:
    return place.partition(".")[0] in _SPEAKERS and span.kind == "email" and span.end - span.start == len(text.strip())


def _place(seq: int, fact: Fact, place: str, trait: str) -> str:
    """Where a string of a fact stands in what is known of the example."""
    if isinstance(fact, ExampleRedacted):
        steps = place.split(".")
        if steps[0] == "comments":
            return f"comments.{fact.comments[int(steps[1])].seq}"
        return place if steps[0] in OF_THE_TURN else f"{place}.{seq}"
    if trait == "comment":
        return f"comments.{seq}"
    return place if isinstance(fact, ExampleCaptured | CorrectionRecorded) else f"{place}.{seq}"


@cache
def _strings(kind: type[Fact]) -> Callable[[Fact], list[str]]:
    """What gives the strings of a fact that are looked at, in the time that it takes to decode it at most."""
    fields = dict.fromkeys(path[0] for path, _ in loose(kind))
    names = [name for name in fields if name not in _ANALYSED and name != "found"]
    get = attrgetter(*names)

    def strings(fact: Fact) -> list[str]:
        some: list[str] = []
        for value in get(fact):
            if not value or value == _PLAIN:
                continue
            if isinstance(value, str):
                some.append(value)
            else:
                some += inside(value)
        return some

    return strings


def in_training(batch: Batch, rules: Rules) -> dict[int, list[str]]:
    """The kinds of personal data in texts of a batch that are trained on, beside prompt and answers, by sequence."""
    kinds: dict[int, set[str]] = {}
    rows = batch.rows.get(PRIVATE_PLACES.name)
    if rows is not None:
        for seq, by, some in zip(*(rows[name].to_pylist() for name in ("seq", "rules", "in_training")), strict=True):
            if by == rules:
                kinds.setdefault(seq, set()).update(some)
    return {seq: sorted(some) for seq, some in kinds.items()}


def _fold(con: Connection, batch: Batch) -> None:
    """Keep what was found in facts that count, until a redaction replaces it or its example is erased."""
    rows = batch.rows.get(PRIVATE_PLACES.name)
    if rows is not None:
        append(con, PRIVATE_PLACES.name, rows)
    takes_away = batch.erased or batch.gone or "erasures" in batch.rows
    if (rows is None and not takes_away and "redactions" not in batch.rows) or not first(con, _ANY):
        return
    con.execute(_unheld(1 if takes_away else batch.first))
    if first(con, "SELECT 1 FROM redactions LIMIT 1"):
        con.execute(_REPLACED)


_ANY = "SELECT 1 FROM private_places LIMIT 1"


def _unheld(since: int) -> str:
    """The statement that removes what was found in facts since a sequence that count for nothing (any more)."""
    held = " UNION ALL ".join(
        f"SELECT seq FROM {table.name} WHERE seq >= {since}" + (" AND erased_seq IS NULL" if table is EXAMPLES else "")
        for table in (EXAMPLES, *ABOUT)
        if not set(table.handles).isdisjoint(KINDS)
    )
    return f"DELETE FROM private_places WHERE seq >= {since} AND seq NOT IN ({held})"


_SET = " OR ".join(f"p.part = '{part}' AND r.{part} IS NOT NULL" for part in OF_THE_TURN)

_REPLACED = f"""
DELETE FROM private_places WHERE rowid IN (
    SELECT p.rowid FROM private_places p JOIN redactions r USING (example_id) LEFT JOIN examples e ON e.seq = p.seq
    WHERE p.seq < r.seq AND p.part LIKE 'comments.%' AND list_contains(r.commented, TRY_CAST(p.part[10:] AS BIGINT))
       OR p.seq <> r.seq AND (p.seq < r.seq OR e.seq IS NOT NULL) AND ({_SET}))"""

PRIVATE_PLACES = Projection(
    name="private_places",
    version=3,
    handles=KINDS,
    columns=_COLUMNS,
    key="seq, part, rules",
    rows=_rows,
    fold=_fold,
)
