"""Erasures: which examples were erased, and the fold that takes their text out of every table.

An erased example keeps what its tombstone says and nothing else. So a database that was folded before the erasure
equals one that is folded anew from the log without the text.

| temporary table | rows | columns | written by | read by |
|---|---|---|---|---|
| `listed` | messages that tombstones list | of `_LISTED` | `_take_out` | `_take_out`, `_GONE`, `_keep_words` |
| `gone` | erased examples | example_id, seq of the tombstone | `_take_out` | `_take_out`, `_blank` |
| `rekeyed` | corrections of whose answers a tombstone knows less | seq, original_words | `_keep_words` | the same |
| `left_over` | messages that hold text of `gone` | seq, ids, repeats | `_take_out` | `_take_out` |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from msgspec import json

from events import digest_chain, same_words
from events.facts import DECISIONS, ErasedMessage, ExampleDescribed, ExampleErased, ExampleNoted, Fact, FeedbackGiven
from events.message import Message

from ..store import compaction
from ..store.batch import WRONG_TOMBSTONE, Batch
from ..store.database import Connection, append, by_column, first, insert
from ..store.projection import ENVELOPE, Projection, envelope
from . import restatements
from .digest_chain import recorded
from .examples import BARE
from .quarantine import IDS, SUBJECT_ID
from .redactions import COMMENTS

_COLUMNS = ENVELOPE | dict.fromkeys(("example_id", "reason", "erased", "words", "kept"), "VARCHAR")

_UNERASED = {"seq": "BIGINT", "ids": "VARCHAR[]", "repeats": "BIGINT"}
"""`ids` are all that a message may be about: which of them is erased can change, what the message says cannot.

Of a message that says erased words under another id `repeats` is the last tombstone before it that lists them, and
`ids` the example of that tombstone.
"""

_LISTED = """
SELECT seq, min(erased_by) AS erased_by, bool_and(coalesce(restated, false)) AS restated,
       arg_min_null(corrected_words, erased_by) AS corrected_words FROM (
    SELECT unnest(from_json(erased, '[{"seq":"BIGINT","restated":"BOOLEAN","corrected_words":"VARCHAR"}]'),
                  recursive := true), seq AS erased_by
    FROM erasures)
WHERE seq < erased_by GROUP BY seq"""
"""The messages that tombstones list; as on the log, a tombstone lists what is older than itself.

What is `restated` stays an example.
"""

_LISTED_TABLE = f"CREATE OR REPLACE TEMP TABLE listed AS {_LISTED}"

_BLANK = {
    "occurred_at": None,
    "actor": None,
    "trace_id": None,
    "reason": "",
    "erased": "[]",
    "words": "[]",
    "kept": "[]",
}
"""What is left of a tombstone that a later tombstone lists, because its reason quoted the text; it still erases."""

_ERASED = """erased AS (
    SELECT example_id, seq FROM erasures
    UNION SELECT e.example_id, l.erased_by FROM examples e JOIN listed l USING (seq) WHERE NOT l.restated
    UNION SELECT e.example_id, u.repeats FROM examples e JOIN unerased_messages u USING (seq)
          ANTI JOIN listed USING (seq) WHERE u.repeats IS NOT NULL
    UNION SELECT e.example_id, x.seq FROM examples e JOIN erased x ON e.corrects = x.example_id)"""

_GONE = f"WITH RECURSIVE {_ERASED} SELECT example_id, min(seq) AS seq FROM erased GROUP BY example_id"
"""The erased examples. A correction repeats the text of what it corrects and is erased with it."""


def _rows(batch: Batch) -> pa.Table | None:
    rows: list[tuple[object, ...]] = [
        (
            *(*envelope(seq, f), f.example_id, f.reason),
            *(json.encode(listed).decode() for listed in (f.erased, f.words, f.kept)),
        )
        for seq, f in batch.of(ExampleErased)
    ]
    rows += [row for message in batch.erased if (row := _blank_row(message)) is not None]
    return by_column(_COLUMNS, rows) if rows else None


def _blank_row(message: Message) -> tuple[object, ...] | None:
    """The row of a tombstone of which only a later one is left; None for any other erased message."""
    if message.erased is None or message.erased.fact != ExampleErased.__struct_config__.tag:
        return None
    of = message.parts
    known = {"seq": message.seq, "event_id": of.event_id, "example_id": of.about} | _BLANK
    return tuple(known[name] for name in _COLUMNS)


COMMENTS_ALONE: tuple[type[Fact], ...] = (FeedbackGiven, ExampleDescribed, ExampleNoted, *DECISIONS)
"""What is said about an example and is none: it counts no more once a tombstone has named the example."""


def set_aside_wrong(con: Connection, batch: Batch) -> None:
    """Quarantine the tombstones of a batch that list a message under a subject or digest that is not the chain's.

    A gap of the log has the entry that its first tombstone gives it: `services.integrity.erasure` leaves no gap whose
    first tombstone is wrong. So live and rebuilt tables agree on which tombstones count.
    """
    rows = batch.rows.get(ERASURES.name)
    if rows is None:
        return
    lists = {
        seq: json.decode(erased, type=tuple[ErasedMessage, ...])
        for seq, erased in zip(rows["seq"].to_pylist(), rows["erased"].to_pylist(), strict=True)
    }
    entries = recorded(con, batch, [kept.seq for listed in lists.values() for kept in listed])
    for seq, listed in lists.items():
        if (wrong := _first_wrong(seq, listed, entries)) is not None:
            reason = (
                f"a tombstone that counts for nothing: it lists sequence {wrong} under a subject or digest not its own"
            )
            batch.quarantine([seq], WRONG_TOMBSTONE, reason)
    if batch.facts and (wrongs := _wrong(batch)):
        batch.facts[ExampleErased] = [(seq, fact) for seq, fact in batch.of(ExampleErased) if seq not in wrongs]


def _first_wrong(seq: int, listed: tuple[ErasedMessage, ...], entries: Mapping[int, bytes]) -> int | None:
    """The first message that the tombstone of a sequence lists as what it is not, or that is not older than itself."""
    for kept in listed:
        entry = digest_chain.entry(kept.subject, bytes.fromhex(kept.digest))
        if kept.seq >= seq or entries.get(kept.seq) != entry:
            return kept.seq
    return None


def _wrong(batch: Batch) -> set[int]:
    return {message.seq for message in batch.quarantined if message.category == WRONG_TOMBSTONE}


def _fold(con: Connection, batch: Batch) -> None:
    rows = batch.rows.get(ERASURES.name)
    if rows is not None:
        wrong = pc.is_in(rows["seq"], pa.array(sorted(_wrong(batch)), pa.int64()))
        append(con, ERASURES.name, rows.filter(pc.invert(wrong)))


def _take_out(con: Connection, batch: Batch) -> None:
    """Take the text of erased examples out of every table, also of what arrives after its erasure."""
    from .fact_tables import COMMENTED  # which holds this table too

    commented = [table.name for table in COMMENTED if "actor" in table.columns]
    arrived = not batch.rows.keys().isdisjoint(("erasures", "examples", "redactions", *commented))
    if not (arrived or batch.quarantined or batch.erased) or "erasures" in batch.empty:
        return
    con.execute(_LISTED_TABLE)
    if first(con, "SELECT 1 FROM erasures SEMI JOIN listed USING (seq) WHERE actor IS NOT NULL"):
        blank = ", ".join(f"{name} = ${name}" for name in _BLANK)
        con.execute(f"UPDATE erasures SET {blank} WHERE seq IN (SELECT seq FROM listed)", _BLANK)
        con.execute(_LISTED_TABLE)
    insert(con, "unerased_messages", _UNERASED, _repeating_erased(con, batch))
    con.execute(f"CREATE OR REPLACE TEMP TABLE gone AS {_GONE}")
    _blank(con, batch)
    _keep_words(con, batch)
    late = " UNION ALL ".join(f"SELECT seq, example_id FROM {name}" for name in commented)
    late += f" UNION ALL SELECT seq, {SUBJECT_ID} FROM quarantine WHERE category = '{WRONG_TOMBSTONE}'"
    # What a redaction has replaced would come back without it.
    reworded = " UNION ALL ".join(
        f"SELECT seq, example_id FROM {name} WHERE {COMMENTS[name]} IS NOT NULL"
        for name in commented
        if name in COMMENTS
    )
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE left_over AS
            WITH named AS (SELECT example_id, min(seq) AS erased_by FROM erasures GROUP BY ALL)
            SELECT seq, [example_id] AS ids, NULL::BIGINT AS repeats
            FROM ({late}) JOIN named USING (example_id) WHERE seq > erased_by AND seq >= {batch.first}
            UNION ALL SELECT seq, [example_id], NULL FROM examples WHERE erased_seq IS NOT NULL
            UNION ALL SELECT seq, [example_id], NULL FROM redactions SEMI JOIN gone USING (example_id)
            UNION ALL SELECT DISTINCT c.seq, [c.example_id], NULL FROM ({reworded}) c
                JOIN redactions r USING (example_id) SEMI JOIN gone USING (example_id)
                WHERE c.seq < r.seq AND list_contains(r.commented, c.seq)
            UNION ALL SELECT seq, ids, repeats FROM unerased_messages SEMI JOIN quarantine USING (seq)
            WHERE repeats IS NOT NULL
            UNION ALL SELECT seq, ids, NULL FROM (
                SELECT seq, list_sort({IDS}) AS ids FROM quarantine WHERE category <> '{WRONG_TOMBSTONE}')
            WHERE list_has_any(ids, (SELECT list(example_id) FROM gone))"""
    )
    con.execute(
        """INSERT INTO unerased_messages SELECT seq, ids, repeats FROM left_over
           ANTI JOIN listed USING (seq) ANTI JOIN unerased_messages USING (seq)"""
    )
    for table, seqs in (
        ("unerased_messages", "listed"),
        *((name, seqs) for name in (*commented, "copies") for seqs in ("listed", "left_over")),
        ("redactions", "left_over"),
        ("quarantine", "left_over"),
        ("quarantine", "listed"),
    ):
        con.execute(f"DELETE FROM {table} WHERE seq IN (SELECT seq FROM {seqs})")
    if batch.facts:  # what is judged next
        hidden = {seq for (seq,) in con.execute("SELECT seq FROM left_over").fetchall()}
        for kind in COMMENTS_ALONE:
            batch.facts[kind] = [(seq, fact) for seq, fact in batch.facts[kind] if seq not in hidden]


def _repeating_erased(con: Connection, batch: Batch) -> list[tuple[int, list[str], int]]:
    """The messages of a batch that say words which an earlier tombstone lists, as rows of the unerased messages."""
    examples = batch.rows.get("examples")
    if examples is None:
        return []
    erased: dict[str, list[tuple[int, str, set[str]]]] = {}
    listing = con.execute(
        """SELECT seq, example_id, erased, words, kept FROM erasures
           WHERE contains(erased, '"words"') OR words <> '[]' ORDER BY seq"""
    )
    for seq, example_id, listed, words, copies in listing.fetchall():
        keys = {key for kept in json.decode(listed, type=tuple[ErasedMessage, ...]) for key in kept.words}
        for key in {*keys, *json.decode(words)}:
            erased.setdefault(key, []).append((seq, example_id, set(json.decode(copies))))
    rows = []
    texts = examples.select(
        ["seq", "example_id", "corrects", "prompt", "response", "original_prompt", "original_response"]
    )
    texts = texts if erased else texts.slice(0, 0)
    for seq, of, corrects, prompt, response, was, original in zip(*texts.to_pydict().values(), strict=True):
        pairs = ((prompt, response), (prompt if was is None else was, original))
        tombstones = []
        for key in (same_words.key(*pair) for pair in pairs if None not in pair):
            earlier = [each for each in erased.get(key, ()) if each[0] < seq]
            if all(copies.isdisjoint((of, corrects)) for _, _, copies in earlier):
                tombstones += [(last, example_id) for last, example_id, _ in earlier]
        if tombstones:
            last, example_id = max(tombstones)
            rows.append((seq, [example_id], last))
    return rows


def _blank(con: Connection, batch: Batch) -> None:
    erased = "FROM gone WHERE examples.example_id = gone.example_id AND examples.erased_seq IS DISTINCT FROM gone.seq"
    batch.gone = {
        example_id
        for (example_id,) in con.execute(
            """SELECT e.example_id FROM examples e JOIN gone g USING (example_id)
               WHERE e.erased_seq IS DISTINCT FROM g.seq"""
        ).fetchall()
    }
    if batch.gone:
        con.execute(f"UPDATE examples SET {BARE}, erased_seq = gone.seq {erased}")
        con.execute(
            "UPDATE corrections SET untrusted = false WHERE untrusted AND example_id IN (SELECT example_id FROM gone)"
        )


def _keep_words(con: Connection, batch: Batch) -> None:
    """Keep of what an erased correction replaced what its tombstone says: those of 0.1.0 say the exact text alone."""
    version = f"{same_words.VERSION}:"
    con.execute(
        """CREATE OR REPLACE TEMP TABLE rekeyed AS
           SELECT seq, coalesce(told, original_key) AS original_words FROM (
               SELECT e.seq, e.original_key, e.original_words,
                      CASE WHEN starts_with(l.corrected_words, $version)
                           THEN substr(l.corrected_words, length($version) + 1)::UUID END AS told
               FROM examples e JOIN listed l USING (seq) WHERE e.kind = 'correction' AND e.erased_seq IS NOT NULL)
           WHERE original_words IS DISTINCT FROM coalesce(told, original_key)""",
        {"version": version},
    )
    batch.rekeyed = first(con, "SELECT 1 FROM rekeyed LIMIT 1") is not None
    for table in ("examples", "corrections") if batch.rekeyed else ():
        con.execute(f"UPDATE {table} SET original_words = r.original_words FROM rekeyed r WHERE {table}.seq = r.seq")


def unerased(con: Connection) -> dict[str, list[int]]:
    """Messages that still hold the text of erased examples, as far as the tables know: sequences by example."""
    return dict(
        con.execute(
            f"""WITH RECURSIVE listed AS ({_LISTED}), {_ERASED}
                SELECT example_id, list(seq ORDER BY seq) FROM (
                    SELECT m.seq, min(g.example_id) AS example_id
                    FROM (SELECT seq, unnest(ids) AS id FROM unerased_messages) m
                    JOIN (SELECT DISTINCT example_id FROM erased) g ON g.example_id = m.id GROUP BY m.seq)
                GROUP BY ALL ORDER BY ALL"""
        ).fetchall()
    )


def erasing(con: Connection) -> dict[str, Any]:
    """What is left to do after erasures: messages to erase or restate, and whether the file has to be written anew."""
    return {
        "remnants": unerased(con),
        "copying": restatements.copying_erased(con),
        "compaction_due": compaction.is_due(con),
    }


def outdated(con: Connection) -> list[int]:
    """The first sequences of the segments that may hold text which tombstones list."""
    rows = con.execute(
        f"""SELECT first FROM segments s LEFT JOIN ({_LISTED}) l ON l.seq BETWEEN s.first AND s.last
            GROUP BY first, erased HAVING count(l.seq) <> erased ORDER BY first"""
    ).fetchall()
    return [first for (first,) in rows]


def repeating(con: Connection, *, example_id: str) -> dict[str, Any]:
    """The example and every example that repeats its text; an example found through another one comes before it.

    A correction repeats the answer that it replaces, whether it names the example or has its words. A copy has the same
    words as prompt and answer. What repeats a repetition is listed as well. `copies` are those that would not be listed
    without copies: what somebody may choose to keep.
    """
    ids, without = (_repeating(con, example_id, statement) for statement in (_REPEATING + _COPIES, _REPEATING))
    return {"ids": ids, "copies": [id_ for id_ in ids if id_ not in without]}


def _repeating(con: Connection, example_id: str, statement: str) -> list[str]:
    place_of: dict[str, int] = {}
    ids = [example_id]
    while ids:
        rows = con.execute(statement, {"ids": ids}).fetchall()
        ids = [id_ for (id_,) in rows if id_ not in place_of]
        place_of |= dict.fromkeys(ids, len(place_of))
    return sorted(place_of, key=lambda id_: (-place_of[id_], id_))


_REPEATING = """
WITH mine AS (SELECT * FROM examples WHERE example_id IN (SELECT unnest($ids::VARCHAR[]))),
keys AS (SELECT words_key AS key FROM mine WHERE words_key IS NOT NULL
         UNION SELECT said_words FROM mine WHERE said_words IS NOT NULL)
SELECT example_id FROM mine
UNION SELECT example_id FROM examples WHERE corrects IN (SELECT example_id FROM mine)
UNION SELECT example_id FROM examples WHERE corrects IS NULL AND original_words IN (FROM keys)"""

_COPIES = """
UNION SELECT example_id FROM examples
      WHERE words_key IN (FROM keys) OR said_words IN (FROM keys) OR original_words IN (FROM keys)"""

ERASURES = Projection(
    name="erasures", version=5, handles=(ExampleErased,), columns=_COLUMNS, key="seq", rows=_rows, fold=_fold
)
UNERASED_MESSAGES = Projection(
    name="unerased_messages",
    version=4,
    formerly="remnants",
    handles=(),
    columns=_UNERASED,
    key="seq",
    fold=_take_out,
)
"""What the log still holds of erased examples and no tombstone lists; folded after every table that has a text."""
