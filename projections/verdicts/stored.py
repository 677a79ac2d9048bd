"""What is stored of the verdicts: the evidence and the judgement of every example, and how columns are read from it.

Evidence is kept as the facts say it, judgements as the numbers that they are in memory: a row of numbers is written in
a quarter of the time.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..policy.policy import RELEVANCE, UNTAGGED
from ..policy.rules import Rules
from ..store.database import Connection, among, first, with_table
from ..store.table import Table, View
from ..tables.examples import Compared, id_key
from ..texts.text_size import READ
from .columns import JUDGED as JUDGED_COLUMNS
from .columns import MISSING, SAID, Columns, Rows
from .columns import halves as halves_of
from .descriptions import described
from .judgement import CORRECTION, DECISIONS, FEEDBACK, JUDGEMENT
from .lookup import Keys
from .names import NEVER, Names
from .reasons import APPROVALS

_WHOLE = {
    "example_id": "VARCHAR",
    "seq": "BIGINT",
    "occurred_at": "TIMESTAMP",
    "kind": "VARCHAR",
    "source": "VARCHAR",
    "project_context": "VARCHAR",
    "tags": "VARCHAR[]",
    "prompt_key": "UUID",
    "cluster": "BIGINT",
    "prompt_chars": "BIGINT",
    "response_chars": "BIGINT",
    "include_in_training": "BOOLEAN",
    "was_corrected": "BOOLEAN",
    "used_with": "VARCHAR",
    "untrusted": "BOOLEAN",
    "is_erased": "BOOLEAN",
    "score": "BIGINT",
    "context": "BIGINT",
    "personal_data": "VARCHAR[]",
    "more_personal_data": "VARCHAR[]",
    "flags": "VARCHAR[]",
    "parent": "BIGINT",
    "gaps": "BIGINT",
    "feedback": "VARCHAR",
    "feedback_seq": "BIGINT",
    "decision": "VARCHAR",
    "decision_seq": "BIGINT",
    "decision_context": "VARCHAR",
    "superseded_by": "VARCHAR",
    "disputed_by": "VARCHAR",
    "root": "BIGINT",
    "turns": "BIGINT",
    "context_key": "VARCHAR",
    "relevance": "VARCHAR",
    "approval": "VARCHAR",
    "rank": "BIGINT",
    "duplicate_of": "BIGINT",
    "contradicts": "BIGINT",
    "is_borderline": "BOOLEAN",
    "causes": "BIGINT",
    "reasons": "BIGINT",
    "queue": "BIGINT",
}
_NUMBERS = {
    "cluster": "BIGINT",
    "feedback": "TINYINT",
    "feedback_seq": "BIGINT",
    "decision": "TINYINT",
    "decision_seq": "BIGINT",
    "decision_context": "UBIGINT",
    "superseded_by": "BIGINT",
    "disputed_by": "BIGINT",
    "root": "BIGINT",
    "turns": "INTEGER",
    "context_key": "UBIGINT",
    "relevance": "TINYINT",
    "approval": "TINYINT",
    "rank": "TINYINT",
    "duplicate_of": "BIGINT",
    "contradicts": "BIGINT",
    "is_borderline": "BOOLEAN",
    "causes": "SMALLINT",
    "reasons": "SMALLINT",
    "queue": "TINYINT",
}

EVIDENCE = Table(
    name="evidence",
    columns={name: kind for name, kind in _WHOLE.items() if name not in _NUMBERS},
    key="seq",
    kind="derived",
    version=4,
    group="verdicts",
)
"""What facts and texts say of an example from the start. `more_personal_data` is in its system text and its tools.
`used_with` are the modifications with which a document was used; `flags` also says `too_long` of a text that
was not read whole."""

JUDGED = Table(
    name="judged", columns={"seq": "BIGINT"} | _NUMBERS, key="seq", kind="derived", version=2, group="verdicts"
)
"""What was said of an example since, and what follows from all of it, as the numbers of `columns`.

`cluster`, `superseded_by` and `disputed_by`, `root`, `duplicate_of` and `contradicts` are the seq of an example."""


def _word(words: Iterable[str], number: str) -> str:
    return f"[{', '.join(repr(word) for word in words)}][{number}]"


def whole(judged: str = JUDGED.name, evidence: str = EVIDENCE.name) -> str:
    """The SELECT of verdicts in words from relations of both tables."""
    worded = {
        "cluster": "j.cluster",
        "feedback": _word(FEEDBACK, "j.feedback"),
        "decision": _word(DECISIONS, "j.decision"),
        "superseded_by": "s.example_id",
        "disputed_by": "d.example_id",
        "relevance": _word(RELEVANCE, "j.relevance + 1"),
        "approval": _word((basis.name for basis in APPROVALS), "j.approval"),
        "rank": "j.rank::BIGINT",
        "is_borderline": "j.is_borderline",
        "decision_context": "CASE WHEN j.decision_context > 0 THEN printf('%016x', j.decision_context) END",
        "root": "j.root",
        "turns": "j.turns::BIGINT",
        "context_key": "printf('%016x', j.context_key)",
        "causes": "j.causes::BIGINT",
        "reasons": "j.reasons::BIGINT",
    } | {
        name: f"nullif(j.{name}, 0)::BIGINT"
        for name in ("feedback_seq", "decision_seq", "duplicate_of", "contradicts", "queue")
    }
    columns = ", ".join(f"{worded.get(name, f'e.{name}')} AS {name}" for name in _WHOLE)
    return f"""SELECT {columns} FROM {evidence} e JOIN {judged} j USING (seq)
               LEFT JOIN corrections s ON s.seq = j.superseded_by LEFT JOIN corrections d ON d.seq = j.disputed_by"""


SOME = whole(among("judged"), among("evidence"))
"""The SELECT of the verdicts on the sequences in the parameter `seqs`."""

VERDICTS = View(name="verdicts", columns=_WHOLE, key="example_id", select=whole(), in_digest=True)
"""Every example with its evidence and its judgement, in words. `disputed_by` is an untrusted correction on which nobody
has decided, unless the example was approved after it."""


def gathered(keys: Compared, rules: Rules, some: str | None = None) -> str:
    """The SELECT of the evidence on a relation of examples (`seq`, `example_id`), or on all that there are.

    It has the columns of EVIDENCE, those of JUDGED that facts and links say, and the keys by which columns find rows.
    `$analyser` says whose analyses, `rules` by which rules personal data is found beside them, and `keys` which texts
    are the same.
    `descriptions.find_tag_names` comes before it.
    """
    among = f"SEMI JOIN {some} USING ({{}})" if some else ""
    by_seq, by_id = among.format("seq"), among.format("example_id")
    corrected = f"SEMI JOIN {some} t ON c.corrects = t.example_id" if some else "WHERE corrects IS NOT NULL"
    # Few are looked for by their keys alone: with the rest of their row, DuckDB reads the rest of every row.
    few = "AND rowid IN (SELECT a.rowid FROM analysis a SEMI JOIN mine USING (analysis_key))" if some else ""
    return f"""
WITH mine AS (
    SELECT e.* EXCLUDE (response, prompt, original_response, details, system, tools, attachments),
           length(e.prompt) AS prompt_chars, length(e.response) AS response_chars,
           greatest(length(e.prompt), length(e.response), length(e.original_response)) > {READ} AS is_too_long
    FROM examples e {by_seq}),
liked AS (
    SELECT example_id, arg_max(feedback, seq) AS feedback, max(seq) AS feedback_seq
    FROM (FROM feedback {by_id}) f LEFT JOIN (SELECT example_id, actor AS author FROM mine) USING (example_id)
    WHERE NOT coalesce(f.untrusted AND feedback = 'positive' AND f.actor = author, false) GROUP BY ALL),
decided AS (
    SELECT example_id, arg_max(decision, seq) AS decision, max(seq) AS decision_seq,
           coalesce(('0x' || arg_max_null(context, seq))::UBIGINT, 0) AS context
    FROM decisions {by_id} GROUP BY ALL HAVING arg_max(decision, seq) <> 'reopened'),
{_replaced(keys)},
against AS (
    SELECT corrects AS example_id, example_id AS correction, seq, untrusted FROM corrections c {corrected}
    UNION ALL
    SELECT m.example_id, c.example_id, c.seq, c.untrusted
    FROM said m JOIN corrections c ON c.{keys.replaced} = m.key
    WHERE c.example_id <> m.example_id AND (m.kind = 'capture' OR c.seq > m.seq)),
weighed AS (
    SELECT example_id AS correction, arg_max(decision, seq) AS weight FROM decisions
    SEMI JOIN (SELECT correction AS example_id FROM against WHERE untrusted) USING (example_id) GROUP BY ALL),
corrected AS (
    SELECT example_id,
        max(seq) FILTER (NOT untrusted OR weight = 'approved') AS superseded_by,
        max(seq) FILTER (untrusted AND coalesce(weight, 'reopened') = 'reopened') AS disputed_by
    FROM against LEFT JOIN weighed USING (correction) GROUP BY ALL),
{_parents(keys, some)},
known AS (SELECT * FROM analysis WHERE analyser = $analyser {few}),
{_noted(rules, by_id)},
{described(by_id)},
linked AS (SELECT seq, representative FROM near_texts {by_seq})
SELECT m.example_id, m.seq, m.occurred_at, m.kind, m.source,
    coalesce(o.project_context, m.project_context) AS project_context,
    CASE WHEN len(w.tags) = 0 THEN ['{UNTAGGED}'] ELSE w.tags END AS tags,
    m.prompt_key, coalesce(n.representative, m.seq) AS cluster, m.prompt_chars, m.response_chars,
    coalesce(o.include_in_training, m.include_in_training) AS include_in_training, m.was_corrected,
    CASE WHEN m.was_used THEN m.modifications_made END AS used_with,
    m.untrusted, m.erased_seq IS NOT NULL AS is_erased,
    coalesce(k.score, 0) AS score, coalesce(k.context, 0) AS context,
    coalesce(k.personal_data, []) AS personal_data, coalesce(y.kinds, []) AS more_personal_data,
    CASE WHEN m.is_too_long THEN list_append(coalesce(k.flags, []), 'too_long') ELSE coalesce(k.flags, []) END AS flags,
    p.parent, coalesce(m.gaps, 0) AS gaps,
    coalesce(list_position({list(FEEDBACK)}, l.feedback), 0) AS feedback, coalesce(l.feedback_seq, 0) AS feedback_seq,
    coalesce(list_position({list(DECISIONS)}, d.decision), 0) AS decision, coalesce(d.decision_seq, 0) AS decision_seq,
    coalesce(d.context, 0::UBIGINT) AS decision_context, coalesce(c.superseded_by, 0) AS superseded_by,
    CASE WHEN d.decision = 'approved' AND d.decision_seq > c.disputed_by THEN 0
         ELSE coalesce(c.disputed_by, 0) END AS disputed_by,
    m.id_key, m.text_key, m.{keys.now} AS words_now, m.{keys.said} AS words_said, m.{keys.replaced} AS words_replaced,
    m.actor AS author, m.corrects, m.follows, m.conversation_key
FROM mine m LEFT JOIN liked l USING (example_id) LEFT JOIN decided d USING (example_id)
     LEFT JOIN corrected c USING (example_id) LEFT JOIN known k USING (analysis_key)
     LEFT JOIN noted y USING (example_id) LEFT JOIN linked n USING (seq) JOIN parents p USING (seq)
     JOIN tagged w USING (seq)
     LEFT JOIN described o ON o.example_id = m.example_id AND m.erased_seq IS NULL"""


def _replaced(keys: Compared) -> str:
    """The part of `gathered` that finds the answers which corrections replace, by their words."""
    return f"""
said AS (
    SELECT example_id, kind, seq, {keys.now} AS key
    FROM mine m SEMI JOIN corrections c ON m.{keys.now} = c.{keys.replaced}
    UNION ALL
    SELECT example_id, kind, seq, {keys.said}
    FROM mine m SEMI JOIN corrections c ON m.{keys.said} = c.{keys.replaced})"""


def _noted(rules: Rules, by_id: str) -> str:
    """The part of `gathered` that finds kinds of personal data in what an example is trained with."""
    return f"""
noted AS (
    SELECT example_id, list_sort(list_distinct(flatten(list(in_training)))) AS kinds
    FROM (SELECT example_id, in_training FROM private_places
          WHERE rules = {rules} AND len(in_training) > 0) {by_id} GROUP BY ALL)"""


def _parents(keys: Compared, some: str | None) -> str:
    """The parts of `gathered` that find what an example follows or corrects; the last one is `parents`."""
    turns = "WHERE conversation_key IS NOT NULL"
    if some:
        turns = "SEMI JOIN (SELECT conversation_key FROM mine WHERE follows IS NULL) USING (conversation_key)"
    return f"""
before AS (
    SELECT seq, lag(seq) OVER (PARTITION BY conversation_key ORDER BY seq) AS last FROM examples {turns}),
first_said AS (
    SELECT c.seq, max(o.seq) AS last
    FROM mine c JOIN examples o ON o.{keys.said} = c.{keys.replaced} AND o.seq < c.seq
    WHERE c.kind = 'correction' GROUP BY c.seq),
named AS (
    SELECT example_id, seq, conversation_key FROM examples
    SEMI JOIN (SELECT coalesce(corrects, follows) AS example_id FROM mine) USING (example_id)),
parents AS (
    SELECT m.seq, CASE WHEN m.kind = 'correction' THEN coalesce(n.seq, o.last, 0)
                       WHEN m.follows IS NULL THEN coalesce(b.last, 0)
                       WHEN n.seq IS NULL OR coalesce(n.conversation_key <> m.conversation_key, false) THEN {MISSING}
                       ELSE n.seq END AS parent
    FROM mine m LEFT JOIN named n ON n.example_id = coalesce(m.corrects, m.follows)
         LEFT JOIN before b ON b.seq = m.seq LEFT JOIN first_said o ON o.seq = m.seq)"""


READ_EVIDENCE = f"""seq, epoch_us(occurred_at) AS occurred_at, kind, source, project_context,
    to_json(tags)::VARCHAR AS tags, author, used_with, prompt_chars, response_chars, include_in_training, was_corrected,
    untrusted, is_erased, score, context, len(personal_data) > 0 AS has_personal_data,
    len(more_personal_data) > 0 AS has_more_personal_data, len(flags) > 0 AS has_flags,
    list_contains(flags, 'too_long') AS is_too_long, prompt_key, cluster, id_key, text_key,
    words_now, words_said, words_replaced, corrects, follows, conversation_key, parent, gaps, {", ".join(SAID)}"""

PAGE = 100_000
"""Sequences that are read at a time."""


def read(con: Connection, keys: Compared) -> Columns:
    """The columns as they are stored, with the keys that the policy compares."""
    columns = Columns()
    last = (first(con, "SELECT max(seq) FROM evidence") or (None,))[0] or 0
    for start in range(0, last, PAGE):
        among = f"WHERE seq > {start} AND seq <= {start + PAGE}"
        rows = con.sql(
            f"""SELECT {READ_EVIDENCE}, {", ".join(JUDGEMENT)}
                FROM (FROM evidence {among}) JOIN (FROM judged {among}) USING (seq)
                JOIN (SELECT seq, id_key, text_key, {keys.now} AS words_now, {keys.said} AS words_said,
                             {keys.replaced} AS words_replaced, actor AS author, corrects, follows, conversation_key
                      FROM examples {among}) USING (seq) ORDER BY seq"""
        )
        put(columns, rows.to_arrow_table())
    columns.recount()
    return columns


def read_gathered(con: Connection) -> Columns:
    """The columns of the temporary table `gathered`, which holds the evidence on every example."""
    columns = Columns()
    last = (first(con, "SELECT max(seq) FROM gathered") or (None,))[0] or 0
    for start in range(0, last, PAGE):
        among = f"WHERE seq > {start} AND seq <= {start + PAGE}"
        put(columns, con.sql(f"SELECT {READ_EVIDENCE} FROM gathered {among} ORDER BY seq").to_arrow_table())
    return columns


def take_in(columns: Columns, page: pa.Table) -> Rows:
    """Take in the evidence (`READ_EVIDENCE`) on some examples, new ones and those that are there; their rows."""
    seqs = page["seq"].to_numpy()
    at = np.searchsorted(columns["seq"], seqs)
    is_old = at < columns.count
    is_old[is_old] = columns["seq"][at[is_old]] == seqs[is_old]
    rows, again = at[is_old], page.filter(pa.array(is_old))
    fresh = put(columns, page.filter(pa.array(~is_old)))
    if len(rows):
        columns.scatter(rows.tolist())
        clusters = {"cluster": np.searchsorted(columns["seq"], again["cluster"].to_numpy())}
        for name, values in (_numbered(columns, again) | clusters).items():
            columns[name][rows] = values
        keys = (again[name].to_pylist() for name in ("words_now", "words_said"))
        for row, text, first_text in zip(rows.tolist(), *keys, strict=True):
            columns.keep_text(row, _key(text), _key(first_text))
        columns.gather(rows)
        columns.follow(rows)
    return np.concatenate([rows, fresh])


def put(columns: Columns, page: pa.Table) -> Rows:
    """Add examples by a page of READ_EVIDENCE, with what was said and judged where it has that; their rows."""
    if not len(page):
        return np.empty(0, np.int64)
    high, low = halves(page["id_key"])
    words_high, words_low = halves(page["words_now"])
    keys = {"id_high": high, "id_low": low, "words_high": words_high, "words_low": words_low}
    keys["conversation"] = halves(page["conversation_key"])[0]
    rows = columns.append(_numbered(columns, page) | keys)
    columns["cluster"][rows] = np.searchsorted(columns["seq"], page["cluster"].to_numpy())
    columns.gather(rows)
    if "parent" in page.column_names:
        columns.follow(rows)
        conversations = columns["conversation"][rows]
        for number in np.flatnonzero(conversations).tolist():
            columns.goes_on(int(conversations[number]), int(columns["seq"][rows[number]]))
        for number in np.flatnonzero(columns["parent"][rows] == MISSING).tolist():
            columns.wait(int(rows[number]), id_key(page["follows"][number].as_py()))
    if "words_said" in page.column_names:
        differs = pc.fill_null(pc.not_equal(page["words_said"], page["words_now"]), False)
        for number in np.flatnonzero(differs.to_numpy()).tolist():
            text, first_text = (_key(page[name][number].as_py()) for name in ("words_now", "words_said"))
            columns.keep_text(int(rows[number]), text, first_text)
    for number in np.flatnonzero(columns["kind"][rows] == CORRECTION).tolist():
        corrects, original = (page[name][number].as_py() for name in ("corrects", "words_replaced"))
        columns.corrects(int(rows[number]), corrects and id_key(corrects), _key(original))
    return rows


def _numbered(columns: Columns, page: pa.Table) -> dict[str, Any]:
    """A page of evidence in the numbers of the columns, without clusters."""
    names = {
        "source": (columns.sources, "source"),
        "project": (columns.projects, "project_context"),
        "author": (columns.authors, "author"),
        "used_with": (columns.uses, "used_with"),
    }
    numbered: dict[str, Any] = {name: _named(page[column], known) for name, (known, column) in names.items()}
    numbered["tags"] = _tagged(page["tags"], columns)
    numbered["kind"] = pc.equal(page["kind"], "correction").to_numpy().astype(np.int8)
    numbered["occurred_at"] = pc.fill_null(page["occurred_at"], NEVER).to_numpy()
    numbered["question"] = halves(page["prompt_key"])[0]
    numbered["text_high"] = halves(page["text_key"])[0]
    plain = ("seq", "prompt_chars", "response_chars", "include_in_training", "was_corrected", "untrusted", "is_erased",
             "score", "context", "has_personal_data", "has_more_personal_data", "has_flags", "is_too_long",
             "gaps")  # fmt: skip
    more = [name for name in ("parent", *SAID, *JUDGED_COLUMNS) if name in page.column_names]
    return numbered | {name: page[name].to_numpy() for name in (*plain, *more)}


def encoded(tags: list[str]) -> str:
    """Tags as the columns read them."""
    return msgspec.json.encode(tags).decode()


def _named(column: pa.ChunkedArray, names: Names) -> npt.NDArray[np.int32]:
    encoded = pc.dictionary_encode(column.combine_chunks())
    numbers = np.append(names.all(encoded.dictionary.to_pylist()), np.int32(-1)).astype(np.int32)
    named: npt.NDArray[np.int32] = numbers[pc.fill_null(encoded.indices, len(numbers) - 1).to_numpy()]
    return named


def _tagged(column: pa.ChunkedArray, columns: Columns) -> npt.NDArray[np.int32]:
    encoded = pc.dictionary_encode(column.combine_chunks())
    numbers = np.fromiter(
        (columns.tag_sets.number(msgspec.json.decode(tags)) for tags in encoded.dictionary.to_pylist()), np.int32
    )
    tagged: npt.NDArray[np.int32] = numbers[encoded.indices.to_numpy()]
    return tagged


def halves(column: pa.ChunkedArray) -> tuple[Keys, Keys]:
    """The halves of a column of keys, which DuckDB hands out as text; 0 where there is none."""
    if isinstance(column.type, pa.UuidType):
        keys = pc.fill_null(column.combine_chunks().storage, pa.scalar(bytes(16), pa.binary(16)))
        return halves_of(keys.to_pylist())
    plain = pc.replace_substring(pc.fill_null(column, str(UUID(int=0))).combine_chunks(), "-", "")
    digits = np.frombuffer("".join(plain.to_pylist()).encode(), np.uint8).reshape(-1, 32)
    digits = np.where(digits > ord("9"), digits - (ord("a") - 10), digits - ord("0")).astype(np.uint8)
    octets = (digits[:, ::2] << 4) | digits[:, 1::2]
    both = np.ascontiguousarray(octets).view(">u8").astype(np.uint64)
    return both[:, 0].copy(), both[:, 1].copy()


def _key(key: str | UUID | None) -> bytes | None:
    return None if key is None else UUID(str(key)).bytes


def write(con: Connection, columns: Columns, rows: Rows, judged: dict[str, Any], *, replaced: Any) -> None:
    """Store the judgements of rows; `replaced` are the sequences of those that are there already."""
    if len(replaced):
        with_table(con, pa.table({"seq": replaced}), "DELETE FROM judged WHERE seq IN (SELECT seq FROM incoming)")
    for start in range(0, len(rows), PAGE):
        part = slice(start, start + PAGE)
        page = as_table(columns, rows[part], {name: values[part] for name, values in judged.items()})
        with_table(con, page, "INSERT INTO judged BY NAME FROM incoming")


def as_table(columns: Columns, rows: Rows | slice, judged: dict[str, Any] | None = None) -> pa.Table:
    """Rows of the columns as the table `judged` holds them."""
    return pa.table(
        {"seq": columns["seq"][rows], "cluster": columns["seq"][columns["cluster"][rows]]}
        | columns.of(rows, (*SAID, "root", "turns", "context_key"))
        | (judged or columns.judged(rows))
    )
