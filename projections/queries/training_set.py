"""The training set: which rows each format holds, their side of the split, and the facts behind every row.

Everything is of one moment: `select` runs in a transaction of the caller's, and `pages` reads in the same one. They
hand rows on in temporary tables: `held` are the verdicts that are chosen by, `chosen` what is exported of them, and
`chained` the turns of conversations (see `exported_turns`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import UNSET, UnsetType

from ..policy.policy import Export, Policy, Relevance, Training
from ..store.checkpoint import checkpoint
from ..store.database import Connection
from ..tables.examples import compared
from ..verdicts import contexts, verdicts
from ..verdicts.memory import Reader
from ..verdicts.reasons import BIT
from . import examples, exported_turns
from .exported_turns import Chains

PAGE = 50_000
"""Rows in one page at most: enough that a page's fixed cost vanishes."""

PAGE_CHARS = 16 * 2**20
"""Characters of text in one page, and one row more at most: it bounds what readers of pages have in memory."""

LARGEST_CONTEXT = 16 * 2**20
"""Characters of the turns before a row at most: one with more, which no trainer takes, is in no file. The policy's
`max_chars` is far below, and holds unless its `incomplete` leaves `too_long` out."""

_WITHHELD = BIT["excluded_source"] | BIT["excluded_by_author"] | BIT["personal_data"] | BIT["erased"]
"""An answer with one of these reasons goes into no file, not even as the bad answer of a pair."""

_PASSES_FILTERS = BIT["superseded_by"] | BIT["rejected"] | BIT["not_approved"] | BIT["duplicate_of"]
"""The reasons for which an answer that passes every filter of the text may still not be trained on."""


class TrainingSet(msgspec.Struct):
    """The head of a streamed training set; the rows follow as Arrow record batches.

    `policy` is the canonical JSON of the policy, whose SHA-256 is `policy_digest`; `min_relevance` is the one that was
    used, which a caller may have asked to differ from the policy's. `straddling` counts the rows that are in no file:
    they would be for evaluation, and their question is one in train. It is left out where every turn stands alone.
    """

    funnel: dict[str, Any]
    export: Export
    training: Training
    min_relevance: Relevance
    checkpoint: int
    log_digest: str
    policy_digest: str
    policy: msgspec.Raw
    straddling: int | UnsetType = UNSET

    @property
    def in_context(self) -> bool:
        """Whether the policy exports turns of conversations with what came before them."""
        return self.straddling is not UNSET


def stream(reader: Reader, *, min_relevance: Relevance | None = None, texts: bool = True) -> Iterator[bytes | pa.Table]:
    """The head as JSON, then the pages."""
    head = select(reader, min_relevance)
    yield msgspec.json.encode(head)
    yield from pages(reader.con, in_context=head.in_context, texts=texts)


def select(reader: Reader, min_relevance: Relevance | None = None) -> TrainingSet:
    """Choose the rows of every format into the temporary table `chosen`, one row an example, and tell its head.

    Another `min_relevance` than the policy's judges every example anew, for this connection only.
    """
    policy, relation = reader.policy, "verdicts"
    if min_relevance in (None, policy.filters.min_relevance):
        funnel, chains = examples.funnel(reader.columns.counts), contexts.chains(reader.columns)
        con = reader.con
    else:
        filters = msgspec.structs.replace(policy.filters, min_relevance=min_relevance)
        held = reader.columns.snapshot()
        con = reader.con
        columns, evidence = verdicts.candidate(con, held, msgspec.structs.replace(policy, filters=filters))
        funnel, relation = examples.funnel(columns.counts), verdicts.relation(con, columns, evidence)
        chains = contexts.chains(columns)
    con.execute(f"CREATE OR REPLACE TEMP TABLE held AS SELECT {_HELD} FROM {relation}")
    exported_turns.keep(con, chains)
    con.execute(f"CREATE OR REPLACE TEMP TABLE chosen AS {_chosen('held', policy)}")
    straddling = len(con.execute(_STRADDLING).fetchall()) if policy.conversations else UNSET
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
        straddling,
    )


def pages(con: Connection, *, in_context: bool, texts: bool = True) -> Iterator[pa.Table]:
    """The chosen rows in the order of the log, page by page.

    `sft`, `whole`, `flat`, `dpo`, `liked` and `disliked` say which formats hold the row: trained on, of these where
    every answer of the conversation may be learned, and where the policy has it without turns; a correction beside the
    answer that it replaced, a good and a bad answer. The bad answer is `rejected`, or `response` where that is null.
    `text_seq` is the fact that the texts come from: an example and its `text_seq` name one text for ever. `in_context`
    (of the head) adds what came before a row, see `exported_turns`. Without `texts` only what tells two training sets
    apart is read.
    """
    chains = exported_turns.read(con) if in_context else None
    after = 0
    for end in _ends(con, texts=texts):
        span = {"after": after, "end": end}
        yield _whole(con, span, chains) if texts else _narrow(con, span, chains)
        after = end


def _narrow(con: Connection, span: dict[str, int], chains: Chains | None) -> pa.Table:
    page = con.sql(_NARROW, params=span).to_arrow_table()
    if chains is not None:
        before = exported_turns.before(chains, page.column("seq").to_numpy())
        page = page.append_column("context", before.facts())
    return page.drop_columns("seq")


def _ends(con: Connection, *, texts: bool) -> list[int]:
    """The last sequence of each page."""
    rows = con.execute("SELECT seq, chars FROM chosen ORDER BY seq").fetchnumpy()
    sizes = np.maximum(rows["chars"] * texts, -(-PAGE_CHARS // PAGE))
    page = np.cumsum(sizes) // PAGE_CHARS
    ends: list[int] = rows["seq"][np.flatnonzero(np.diff(page, append=-1))].tolist()
    return ends


def _whole(con: Connection, span: dict[str, int], chains: Chains | None) -> pa.Table:
    """A page with its facts and its texts, each read apart: every step of a query would copy what is long again."""
    page = con.sql(_PAGE, params=span).to_arrow_table()
    facts = con.sql(_FACTS, params=span).to_arrow_table().combine_chunks()
    order = np.argsort(facts.column("seq").to_numpy())
    known = facts.column("seq").to_numpy()[order]
    of, seqs = _behind(page)
    ends = np.searchsorted(of, np.arange(len(page) + 1)).astype(np.int32)
    behind_rows = facts.take(pa.array(order[np.searchsorted(known, seqs)])).combine_chunks()
    behind_rows = behind_rows.set_column(2, "at", _moments(behind_rows.column("at").chunk(0)))
    behind = pa.ListArray.from_arrays(pa.array(ends), behind_rows.to_struct_array().chunk(0))
    reviewer = pa.array(order[np.searchsorted(known, page.column("reviewer_seq").to_numpy())])
    page = page.drop_columns(["reviewer_seq", *_BEHIND[1:], "described"])
    page = page.append_column("reviewer", facts.column("actor").take(reviewer)).append_column("facts", behind)
    texts = con.sql(_TEXTS, params=span).to_arrow_table()
    if not texts.column("seq").equals(page.column("seq")):
        texts = texts.sort_by("seq")
    for name in ("prompt", "response"):
        page = page.append_column(name, texts.column(name))
    wrong = pc.if_else(page.column("dpo"), texts.column("original_response"), None)
    page = page.append_column("rejected", wrong)
    if chains is None:
        return page
    before = exported_turns.before(chains, page.column("seq").to_numpy())
    for name, column in before.texts(con, texts.column("system")).items():
        page = page.append_column(name, column)
    return page.append_column("context", before.facts())


def _behind(page: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    """The facts behind the rows of a page: the number of a row and a sequence, in the order of both."""
    columns = [page.column(name) for name in _BEHIND]
    rows = [np.flatnonzero(column.is_valid().to_numpy()) for column in columns]
    seqs = [column.drop_null().to_numpy() for column in columns]
    described = page.column("described").combine_chunks()
    of = np.concatenate([*rows, pc.list_parent_indices(described).to_numpy()])
    every = np.concatenate([*seqs, pc.list_flatten(described).to_numpy()])
    order = np.lexsort((every, of))
    return of[order], every[order]


def _moments(times: pa.Array) -> pa.Array:
    """Times as ISO 8601 says them, in UTC and to the microsecond."""
    plain = times.cast(pa.timestamp("us")).cast(pa.string())
    return pc.binary_join_element_wise(pc.binary_replace_slice(plain, 10, 11, "T"), "Z", "")


_HELD = """seq, example_id, kind, source, tags, approval, feedback, feedback_seq, decision, decision_seq, cluster,
    reasons, causes, prompt_chars, response_chars"""
"""The columns of verdicts that are chosen by."""


def _chosen(relation: str, policy: Policy) -> str:
    """The SELECT of `chosen` from verdicts.

    A pair needs a correction that is trained on, of the same question. A bad answer was disliked or corrected; what is
    trained on is never one, and one that several facts call bad is one row.

    The side of a conversation is that of the cluster of its first question, and follows from the id of the cluster's
    representative alone. So it never changes when other examples arrive, and no conversation straddles the split. Nor
    does a cluster, as _STRADDLING takes rows away.
    """
    is_flat = not policy.conversations or policy.conversations.flat == "transcript"
    now, first_said, replaced = compared(policy)
    return f"""
WITH good AS (SELECT seq FROM {relation} WHERE reasons = 0),
corrected AS (
    SELECT seq, corrects, {replaced}, length(original_response) AS chars FROM examples SEMI JOIN good USING (seq)
    WHERE kind = 'correction' AND trim(original_response) <> '' AND original_response <> response
      AND original_prompt IS NULL),
disliked AS (
    SELECT e.seq, e.{now}, e.{first_said} FROM examples e JOIN {relation} v USING (seq)
    WHERE v.feedback = 'negative' AND v.reasons > 0 AND v.reasons & ~{_PASSES_FILTERS} = 0
      AND (v.decision IS DISTINCT FROM 'approved' OR v.reasons & {BIT["superseded_by"]} > 0)),
good_texts AS (
    SELECT {now} FROM examples SEMI JOIN good USING (seq)
    WHERE {now} IN (SELECT {replaced} FROM corrected UNION ALL SELECT {now} FROM disliked)),
withheld AS (
    SELECT e.example_id, e.{now}, e.{first_said}
    FROM examples e JOIN {relation} v USING (seq) WHERE v.reasons & {_WITHHELD} > 0),
pairs AS (
    SELECT seq, {replaced}, chars FROM corrected c
    WHERE NOT EXISTS (FROM withheld w WHERE w.example_id = c.corrects)
      AND NOT EXISTS (FROM withheld w WHERE w.{now} = c.{replaced})
      AND NOT EXISTS (FROM withheld w WHERE w.{first_said} = c.{replaced})
      AND NOT EXISTS (FROM good_texts g WHERE g.{now} = c.{replaced})),
bad AS (
    SELECT seq FROM disliked d
    WHERE NOT EXISTS (FROM good_texts g WHERE g.{now} = d.{now})
      AND NOT EXISTS (FROM pairs p WHERE p.{replaced} = d.{now})
      AND NOT EXISTS (FROM pairs p WHERE p.{replaced} = d.{first_said})
    QUALIFY row_number() OVER (PARTITION BY {now} ORDER BY seq) = 1),
represented AS (
    SELECT seq, example_id FROM {relation}
    WHERE seq IN (SELECT cluster FROM {relation} WHERE cluster <> seq UNION ALL SELECT beside FROM chained))
SELECT v.example_id, v.seq, v.kind, v.source, v.tags, v.approval, v.feedback_seq, v.decision_seq, v.cluster,
    CASE WHEN left(sha256(coalesce(r.example_id, v.example_id)), 16) < '{_threshold(policy)}' THEN 'eval'
         ELSE 'train' END AS side,
    v.reasons = 0 AS sft, p.seq IS NOT NULL AS dpo,
    v.reasons = 0 AND v.causes & {contexts.NOT_LEARNED} = 0 AS whole,
    v.reasons = 0 AND ({is_flat} OR t.turns IS NULL OR t.turns = 0) AS flat,
    v.reasons = 0 AND CASE WHEN v.kind = 'correction' THEN v.feedback IS DISTINCT FROM 'negative'
                           ELSE coalesce(v.feedback = 'positive', false) END AS liked,
    p.seq IS NOT NULL OR b.seq IS NOT NULL AS disliked,
    v.prompt_chars + v.response_chars + coalesce(p.chars, 0) + coalesce(t.context_chars, 0) AS chars,
    e.redacted_seq, d.described, o.example_id AS corrects, o.seq AS original_seq
FROM {relation} v LEFT JOIN pairs p USING (seq) LEFT JOIN bad b USING (seq)
LEFT JOIN chained t USING (seq)
LEFT JOIN represented r ON r.seq = nullif(coalesce(t.beside, v.cluster), v.seq)
LEFT JOIN (SELECT seq, redacted_seq FROM examples WHERE redacted_seq IS NOT NULL) e USING (seq)
LEFT JOIN (SELECT example_id, list(seq) AS described FROM descriptions GROUP BY ALL) d
       ON d.example_id = v.example_id
LEFT JOIN (SELECT c.seq AS correction, o.example_id, o.seq FROM examples c JOIN examples o ON o.example_id = c.corrects
           WHERE c.kind = 'correction') o ON o.correction = v.seq
WHERE (v.reasons = 0 OR b.seq IS NOT NULL) AND coalesce(t.context_chars, 0) <= {LARGEST_CONTEXT}"""


def _threshold(policy: Policy) -> str:
    """What the first 16 hexadecimal digits of a digest are below for the share of all that is for evaluation."""
    share = policy.export.eval_share
    return f"{int(share * 2**64):016x}" if share < 1 else "g"


_STRADDLING = """
DELETE FROM chosen WHERE side = 'eval' AND cluster IN (SELECT cluster FROM chosen WHERE side = 'train')
RETURNING seq"""
"""Train keeps its rows: those for evaluation whose question is one in train go."""

_CHOSEN = """
SELECT example_id, seq, coalesce(redacted_seq, seq) AS text_seq, side, sft, whole, flat, dpo, liked, disliked {}
FROM chosen WHERE seq > $after AND seq <= $end ORDER BY seq"""

_NARROW = _CHOSEN.format("")

_BEHIND = ("seq", "original_seq", "redacted_seq", "feedback_seq", "decision_seq")
"""The columns of `chosen` that say which facts are behind a row, beside the list `described`."""

_PAGE = _CHOSEN.format(f""", kind, source, tags, cluster, corrects, approval, {", ".join(_BEHIND[1:])}, described,
    CASE WHEN approval = 'reviewer' THEN decision_seq WHEN approval = 'feedback' OR NOT sft THEN feedback_seq
         ELSE seq END AS reviewer_seq""")


def _said(table: str, fact: str, column: str) -> str:
    """The SELECT of the facts of a table that a column of `chosen` names."""
    return f"""SELECT seq, {fact} AS fact, occurred_at AS at, actor FROM {table} WHERE seq IN (
        SELECT {column} FROM chosen WHERE seq > $after AND seq <= $end)"""


_EXAMPLE = "CASE kind WHEN 'correction' THEN 'correction.recorded' ELSE 'example.captured' END"

_FACTS = " UNION ALL ".join(
    (
        _said("examples", _EXAMPLE, "seq"),
        _said("examples", _EXAMPLE, "original_seq"),
        _said("redactions", "'example.redacted'", "redacted_seq"),
        _said("descriptions", "'example.described'", "unnest(described)"),
        _said("feedback", "'feedback.given'", "feedback_seq"),
        _said("decisions", "'example.' || decision", "decision_seq"),
    )
)
"""The facts behind the rows of a page; one may be there twice."""

_TEXTS = """
SELECT seq, prompt, response, original_response, system FROM examples JOIN chosen USING (seq)
WHERE seq > $after AND seq <= $end"""
