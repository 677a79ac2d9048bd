"""The training set: which rows each format holds, their side of the split, and the facts behind every row.

Everything is of one moment: `select` runs in a transaction of the caller's, and `pages` reads in the same one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from . import policies, queries
from .checkpoint import checkpoint
from .database import Connection
from .policy import Export, Relevance, Training
from .verdicts import BIT

PAGE = 50_000
"""Rows in one page at most: enough that a page's fixed cost vanishes."""

PAGE_CHARS = 16 * 2**20
"""Characters of text in one page, and one row more at most: it bounds what readers of pages have in memory."""

_WITHHELD = BIT["excluded_source"] | BIT["excluded_by_author"] | BIT["personal_data"] | BIT["erased"]
"""An answer that left for one of these goes into no file, not even as the bad answer of a pair."""

_PASSES_FILTERS = BIT["superseded_by"] | BIT["rejected"] | BIT["not_approved"] | BIT["duplicate_of"]
"""The reasons for which an answer that passes every filter of the text may still not be trained on."""


class TrainingSet(msgspec.Struct):
    """The head of a streamed training set; the rows follow as Arrow record batches.

    `policy` is the canonical JSON of the policy, whose SHA-256 is `policy_digest`; `min_relevance` is the one that was
    used, which a caller may have asked to differ from the policy's.
    """

    funnel: dict[str, Any]
    export: Export
    training: Training
    min_relevance: Relevance
    checkpoint: int
    log_digest: str
    policy_digest: str
    policy: msgspec.Raw


def stream(
    con: Connection, *, min_relevance: Relevance | None = None, texts: bool = True
) -> Iterator[bytes | pa.Table]:
    """The head as JSON, then the pages."""
    yield msgspec.json.encode(select(con, min_relevance))
    yield from pages(con, texts=texts)


def select(con: Connection, min_relevance: Relevance | None = None) -> TrainingSet:
    """Choose the rows of every format into the temporary table `chosen`, one row an example, and tell its head."""
    policy = policies.current(con)
    funnel, relation = queries.training_set(con, min_relevance=min_relevance)
    con.execute(f"CREATE OR REPLACE TEMP TABLE chosen AS {_chosen(relation, policy.export.eval_share)}")
    now = checkpoint(con)
    return TrainingSet(
        funnel,
        policy.export,
        policy.training,
        min_relevance or policy.filters.min_relevance,
        now.seq,
        now.log_digest.hex(),
        policy.digest,
        msgspec.Raw(msgspec.json.encode(policy, order="sorted")),
    )


def pages(con: Connection, *, texts: bool = True) -> Iterator[pa.Table]:
    """The chosen rows in the order of the log, page by page.

    `sft`, `dpo`, `liked` and `disliked` say which formats hold the row: trained on, a correction beside the answer that
    it replaced, a good and a bad answer. The bad answer is `rejected`, or `response` where that is null. `text_seq` is
    the fact that the texts come from: an example and its `text_seq` name one text for ever. Without `texts` only what
    tells two training sets apart is read.
    """
    ends = con.execute(
        f"""SELECT max(seq) FROM (
                SELECT seq, sum(greatest(size, {-(-PAGE_CHARS // PAGE)})) OVER log // {PAGE_CHARS} AS page
                FROM ({_SIZES if texts else "SELECT seq, 0 AS size FROM chosen"})
                WINDOW log AS (ORDER BY seq ROWS UNBOUNDED PRECEDING))
            GROUP BY page ORDER BY page"""
    ).fetchall()
    after = 0
    for (end,) in ends:
        span = {"after": after, "end": end}
        page = con.sql(_LINEAGE if texts else _NARROW, params=span).to_arrow_table()
        yield _with_texts(page, con.sql(_TEXTS, params=span).to_arrow_table()) if texts else page
        after = end


def _with_texts(page: pa.Table, texts: pa.Table) -> pa.Table:
    """A page with its texts, which are read apart: they are long, and every step of a query would copy them again."""
    if not texts.column("seq").equals(page.column("seq")):
        texts = texts.sort_by("seq")
    for name in ("prompt", "response"):
        page = page.append_column(name, texts.column(name))
    wrong = pc.if_else(page.column("dpo"), texts.column("original_response"), None)
    return page.append_column("rejected", wrong)


def _fact(table: str, name: str | None = None) -> str:
    """A fact of a table, or of the examples under an alias, as a struct; null where there is none."""
    said = f"CASE {table}.kind WHEN 'correction' THEN 'correction.recorded' WHEN 'capture' THEN 'example.captured' END"
    at = f"strftime({table}.occurred_at, '%Y-%m-%dT%H:%M:%S.%fZ')"
    fact = f"{{seq: {table}.seq, fact: {name or said}, 'at': {at}, actor: {table}.actor}}"
    return f"CASE WHEN {table}.seq IS NOT NULL THEN {fact} END"


def _chosen(relation: str, eval_share: float) -> str:
    """The SELECT of `chosen` from verdicts.

    A pair needs a correction that is trained on. A bad answer was disliked or corrected; what is trained on is never
    one, and one that several facts call bad is one row. The side of a cluster follows from the id of the example that
    stands for it alone, so a cluster never straddles the split and never changes sides when others arrive.
    """
    return f"""
WITH good AS (SELECT example_id FROM {relation} WHERE reasons = 0),
good_texts AS (SELECT text_key FROM examples SEMI JOIN good USING (example_id)),
withheld AS (
    SELECT e.example_id, e.text_key, e.said_key
    FROM examples e JOIN {relation} v USING (example_id) WHERE v.reasons & {_WITHHELD} > 0),
pairs AS (
    SELECT example_id, original_key FROM examples e SEMI JOIN good USING (example_id)
    WHERE kind = 'correction' AND trim(original_response) <> '' AND original_response <> response
      AND NOT EXISTS (FROM withheld w WHERE w.example_id = e.corrects)
      AND NOT EXISTS (FROM withheld w WHERE w.text_key = e.original_key)
      AND NOT EXISTS (FROM withheld w WHERE w.said_key = e.original_key)
      AND NOT EXISTS (FROM good_texts g WHERE g.text_key = e.original_key)),
bad AS (
    SELECT e.example_id
    FROM examples e JOIN {relation} v USING (example_id)
    WHERE v.feedback = 'negative' AND v.reasons > 0 AND v.reasons & ~{_PASSES_FILTERS} = 0
      AND (v.decision IS DISTINCT FROM 'approved' OR v.reasons & {BIT["superseded_by"]} > 0)
      AND NOT EXISTS (FROM good_texts g WHERE g.text_key = e.text_key)
      AND NOT EXISTS (FROM pairs p WHERE p.original_key = e.text_key)
      AND NOT EXISTS (FROM pairs p WHERE p.original_key = e.said_key)
    QUALIFY row_number() OVER (PARTITION BY e.text_key ORDER BY e.seq) = 1),
formats AS (
    SELECT v.*, v.reasons = 0 AS sft, p.example_id IS NOT NULL AS dpo,
        v.reasons = 0 AND CASE WHEN v.kind = 'correction' THEN v.feedback IS DISTINCT FROM 'negative'
                               ELSE coalesce(v.feedback = 'positive', false) END AS liked,
        p.example_id IS NOT NULL OR b.example_id IS NOT NULL AS disliked
    FROM {relation} v LEFT JOIN pairs p USING (example_id) LEFT JOIN bad b USING (example_id)
    WHERE v.reasons = 0 OR b.example_id IS NOT NULL)
SELECT f.example_id, f.seq, f.kind, f.source, f.tags, f.approval, f.feedback_seq, f.decision_seq, f.cluster,
    CASE WHEN left(sha256(r.example_id), 16) < '{_threshold(eval_share)}' THEN 'eval' ELSE 'train' END AS side,
    f.sft, f.dpo, f.liked, f.disliked, f.prompt_chars + f.response_chars AS chars,
    o.example_id AS corrects, {_fact("o")} AS original
FROM formats f JOIN {relation} r ON r.seq = f.cluster
LEFT JOIN (SELECT c.example_id AS correction, o.* FROM examples c JOIN examples o ON o.example_id = c.corrects
           WHERE c.kind = 'correction') o ON f.example_id = o.correction"""


def _threshold(share: float) -> str:
    """What the first 16 hexadecimal digits of a digest are below for this share of all digests."""
    return f"{int(share * 2**64):016x}" if share < 1 else "g"


_NARROW = """
SELECT c.example_id, coalesce(e.redacted_seq, e.seq) AS text_seq, c.side, c.sft, c.dpo, c.liked, c.disliked
FROM chosen c JOIN examples e USING (seq) WHERE seq > $after AND seq <= $end ORDER BY seq"""

_CAPTURED, _DECIDED = _fact("e"), _fact("d", "'example.' || d.decision")

_FACTS = f"""CASE WHEN c.original IS NULL AND e.redacted_seq IS NULL AND c.feedback_seq IS NULL AND d.seq > e.seq
    THEN [{_CAPTURED}, {_DECIDED}]
    ELSE list_sort(list_filter([c.original, {_CAPTURED}, {_fact("r", "'example.redacted'")},
        {_fact("f", "'feedback.given'")}, {_DECIDED}], lambda fact: fact IS NOT NULL)) END"""
"""The facts behind a row in the order of the log; most rows have two, which need no sorting."""

_LINEAGE = f"""
SELECT c.example_id, coalesce(e.redacted_seq, e.seq) AS text_seq, c.side, c.sft, c.dpo, c.liked, c.disliked,
    seq, c.kind, c.source, c.tags, c.cluster, c.corrects, c.approval,
    CASE WHEN c.approval = 'reviewer' THEN d.actor WHEN c.approval = 'feedback' OR NOT c.sft THEN f.actor
         ELSE e.actor END AS reviewer, {_FACTS} AS facts
FROM chosen c JOIN examples e USING (seq)
LEFT JOIN redactions r ON r.seq = e.redacted_seq
LEFT JOIN feedback f ON f.seq = c.feedback_seq
LEFT JOIN decisions d ON d.seq = c.decision_seq
WHERE seq > $after AND seq <= $end ORDER BY seq"""

_TEXTS = """
SELECT seq, prompt, response, original_response FROM examples JOIN chosen USING (seq)
WHERE seq > $after AND seq <= $end"""

_SIZES = """SELECT seq, chars + coalesce(length(original_response), 0) AS size
FROM chosen LEFT JOIN (SELECT seq, original_response FROM examples WHERE original_response IS NOT NULL) USING (seq)"""
