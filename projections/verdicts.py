"""Verdicts: for every example, is it trained on, and if not, every reason why; and its place in the review queue.

A verdict is a pure function of the tables of facts and the policy, so it never matters in how many batches the facts
arrived: whatever a batch touches is judged anew from the facts.
"""

from __future__ import annotations

from typing import Any

from .analysis import analyser
from .database import Connection
from .policy import RELEVANCE, Policy

REASONS = (
    "too_short",
    "low_relevance",
    "excluded_source",
    "excluded_by_author",
    "personal_data",
    "superseded_by",
    "erased",
    "rejected",
    "not_approved",
    "duplicate_of",
)
"""The reasons in the order of the pipeline; `reasons` of a verdict has bit n set for REASONS[n]."""

BIT = {name: 1 << n for n, name in enumerate(REASONS)}

APPROVALS = ("reviewer", "feedback", "trusted_source", "use")
"""What an approval may rest on, strongest first."""

QUEUE = {1: "correction", 2: "negative_feedback", 3: "new_topic", 4: "edge_case", 5: "not_reviewed"}
"""Why an example waits for review, in the order of the queue."""

COLUMNS = {
    "example_id": "VARCHAR",
    "seq": "BIGINT",
    "occurred_at": "TIMESTAMP",
    "kind": "VARCHAR",
    "source": "VARCHAR",
    "project_context": "VARCHAR",
    "tags": "VARCHAR[]",
    "prompt_key": "VARCHAR",
    "cluster": "BIGINT",
    "score": "BIGINT",
    "relevance": "VARCHAR",
    "terms": "VARCHAR[]",
    "personal_data": "VARCHAR[]",
    "flags": "VARCHAR[]",
    "feedback": "VARCHAR",
    "feedback_seq": "BIGINT",
    "decision": "VARCHAR",
    "decision_seq": "BIGINT",
    "approval": "VARCHAR",
    "rank": "BIGINT",
    "superseded_by": "VARCHAR",
    "duplicate_of": "VARCHAR",
    "contradicts": "VARCHAR",
    "is_borderline": "BOOLEAN",
    "reasons": "BIGINT",
    "queue": "BIGINT",
}
"""`cluster` is the seq of the example that represents its near-duplicates, its own where it is alone."""

_FILTERS = BIT["too_short"] | BIT["low_relevance"] | BIT["excluded_source"] | BIT["excluded_by_author"]
_GONE = BIT["superseded_by"] | BIT["erased"]

_UNAPPROVED = BIT["not_approved"]
_CONTENDING = f"reasons & ~{_UNAPPROVED | BIT['duplicate_of']} = 0"
"""The condition on answers that may be trained on once they are approved and the best to their question."""


def parameters(policy: Policy) -> dict[str, Any]:
    """The policy's numbers and lists under the names that the statements use."""
    filters, approval, relevance = policy.filters, policy.approval, policy.relevance
    return {
        "min_prompt": filters.min_prompt_chars,
        "min_response": filters.min_response_chars,
        "min_relevance": RELEVANCE.index(filters.min_relevance),
        "excluded_sources": list(filters.excluded_sources),
        "exclude_personal_data": filters.exclude_personal_data,
        "positive_feedback": approval.positive_feedback,
        "trusted_sources": list(approval.trusted_sources),
        "used_documents": list(approval.used_documents),
        "high": relevance.high,
        "medium": relevance.medium,
        "context": relevance.context,
        "borderline": policy.review.borderline,
        "near": policy.duplicates.near,
        "analyser": analyser(policy.lexicon),
    }


def _judged(touched: str) -> str:
    """The SELECT that judges the examples of a relation of ids, from the tables of facts and `parameters`."""
    return f"""
WITH mine AS (
    SELECT e.* EXCLUDE (response, prompt, original_response, details), length(e.prompt) AS prompt_chars,
           length(e.response) AS response_chars
    FROM examples e SEMI JOIN {touched} USING (example_id)),
liked AS (
    SELECT example_id, arg_max(feedback, seq) AS feedback, max(seq) AS feedback_seq
    FROM feedback SEMI JOIN {touched} USING (example_id) GROUP BY ALL),
decided AS (
    SELECT example_id, arg_max(decision, seq) AS decision, max(seq) AS decision_seq
    FROM decisions SEMI JOIN {touched} USING (example_id) GROUP BY ALL HAVING arg_max(decision, seq) <> 'reopened'),
corrections AS (SELECT example_id, seq, corrects, original_key FROM examples WHERE kind = 'correction'),
corrected AS (
    SELECT example_id, arg_max(correction, seq) AS superseded_by FROM (
        SELECT corrects AS example_id, example_id AS correction, seq
        FROM corrections SEMI JOIN {touched} ON corrections.corrects = {touched}.example_id
        UNION ALL
        SELECT m.example_id, c.example_id, c.seq
        FROM (SELECT example_id, kind, seq, text_key AS key FROM mine
              UNION SELECT example_id, kind, seq, said_key FROM mine) m JOIN corrections c ON c.original_key = m.key
        WHERE c.example_id <> m.example_id AND (m.kind = 'capture' OR c.seq > m.seq))
    GROUP BY ALL),
known AS (SELECT * FROM analysis SEMI JOIN mine USING (analysis_key) WHERE analyser = $analyser),
stated AS (
    SELECT m.*, coalesce(n.representative, m.seq) AS cluster, coalesce(k.score, 0) AS score,
           coalesce(k.terms, []) AS terms, coalesce(k.tags, []) AS text_tags,
           coalesce(k.personal_data, []) AS personal_data, coalesce(k.flags, []) AS flags,
           CASE WHEN k.context >= $context AND k.score >= $high THEN 2
                WHEN k.context >= $context AND k.score >= $medium THEN 1 ELSE 0 END AS relevance_rank,
           coalesce(abs(k.context - $context) <= $borderline, false) AS is_borderline,
           l.feedback, l.feedback_seq, d.decision, d.decision_seq, c.superseded_by,
           CASE WHEN d.decision = 'approved' THEN 'reviewer'
                WHEN $positive_feedback AND l.feedback = 'positive' THEN 'feedback'
                WHEN l.feedback = 'negative' THEN NULL
                WHEN list_contains($trusted_sources, m.source) THEN 'trusted_source'
                WHEN m.was_used AND list_contains($used_documents, m.modifications_made) THEN 'use' END AS approval
    FROM mine m LEFT JOIN liked l USING (example_id) LEFT JOIN decided d USING (example_id)
         LEFT JOIN corrected c USING (example_id) LEFT JOIN known k USING (analysis_key)
         LEFT JOIN near_texts n USING (seq)),
reasoned AS (
    SELECT *,
        CASE WHEN erased_seq IS NULL AND (prompt_chars < $min_prompt OR response_chars < $min_response)
             THEN {BIT["too_short"]} ELSE 0 END
        | CASE WHEN erased_seq IS NULL AND relevance_rank < $min_relevance THEN {BIT["low_relevance"]} ELSE 0 END
        | CASE WHEN list_contains($excluded_sources, source) THEN {BIT["excluded_source"]} ELSE 0 END
        | CASE WHEN NOT include_in_training THEN {BIT["excluded_by_author"]} ELSE 0 END
        | CASE WHEN $exclude_personal_data AND len(personal_data) > 0 THEN {BIT["personal_data"]} ELSE 0 END
        | CASE WHEN superseded_by IS NOT NULL OR was_corrected THEN {BIT["superseded_by"]} ELSE 0 END
        | CASE WHEN erased_seq IS NOT NULL THEN {BIT["erased"]} ELSE 0 END
        | CASE WHEN decision = 'rejected' THEN {BIT["rejected"]}
               WHEN approval IS NULL THEN {BIT["not_approved"]} ELSE 0 END AS own_reasons,
        CASE WHEN kind = 'correction' OR source = 'verified_correction' THEN 4
             WHEN approval = 'reviewer' THEN 3 WHEN approval = 'feedback' THEN 2 ELSE 1 END AS rank
    FROM stated),
ranked AS (
    SELECT *, CASE WHEN own_reasons = 0 THEN first_value(example_id) OVER (
        PARTITION BY CASE WHEN $near THEN cluster::VARCHAR ELSE prompt_key END, own_reasons = 0
        ORDER BY rank DESC, occurred_at DESC, seq DESC) END AS best
    FROM reasoned)
SELECT example_id, seq, occurred_at, kind, source, project_context,
    CASE WHEN len(coalesce(author_tags, [])) + len(text_tags) = 0 THEN ['general']
         ELSE list_sort(list_distinct(list_concat(coalesce(author_tags, []), text_tags))) END AS tags,
    prompt_key, cluster, score, ['low', 'medium', 'high'][relevance_rank + 1] AS relevance, terms, personal_data, flags,
    feedback, feedback_seq, decision, decision_seq,
    CASE WHEN decision = 'rejected' THEN NULL ELSE approval END AS approval,
    rank, superseded_by, nullif(best, example_id) AS duplicate_of,
    NULL::VARCHAR AS contradicts, is_borderline,
    own_reasons | CASE WHEN best <> example_id THEN {BIT["duplicate_of"]} ELSE 0 END AS reasons,
    CASE WHEN own_reasons & {_GONE} > 0 THEN NULL
         WHEN decision IS NOT NULL AND NOT coalesce(feedback = 'negative' AND feedback_seq > decision_seq, false)
         THEN NULL
         WHEN kind = 'correction' THEN 1
         WHEN own_reasons & {_FILTERS & ~BIT["too_short"]} > 0 THEN NULL
         WHEN feedback = 'negative' THEN 2
         WHEN own_reasons & {_FILTERS} > 0 THEN NULL
         WHEN len(personal_data) + len(flags) > 0 OR (approval IS NULL AND is_borderline) THEN 4
         WHEN approval IS NULL THEN 5 END AS queue
FROM ranked"""


def judge(con: Connection, policy: Policy, touched: str) -> None:
    """Judge the examples of a relation of ids into the temporary table `judged`.

    It holds every contender for each question that it touches, or the duplicates and contradictions are not whole.
    """
    con.execute(f"CREATE OR REPLACE TEMP TABLE judged AS {_judged(touched)}", parameters(policy))
    if policy.duplicates.contradictions:
        from . import contradictions  # learns the vocabulary: not for those who only ask

        contradictions.find(con, "judged", _CONTENDING)
        con.execute(
            """UPDATE judged SET contradicts = c.contradicts,
                 queue = CASE WHEN decision IS NULL AND (queue IS NULL OR queue = 5) THEN 4 ELSE queue END
               FROM contradicting c WHERE judged.example_id = c.example_id"""
        )


def update(con: Connection, policy: Policy) -> None:
    """Judge the examples of the table `touched` (one row an id) and those that contend with them for a question."""
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE contending AS
            SELECT example_id FROM touched
            UNION SELECT v.example_id FROM verdicts v WHERE {_CONTENDING} AND v.cluster IN (
                SELECT cluster FROM verdicts SEMI JOIN touched USING (example_id)
                UNION ALL SELECT n.representative FROM near_texts n JOIN examples USING (seq)
                SEMI JOIN touched USING (example_id) WHERE n.representative IS NOT NULL)"""
    )
    judge(con, policy, "contending")
    con.execute("DELETE FROM verdicts WHERE example_id IN (SELECT example_id FROM judged)")
    con.execute("INSERT INTO verdicts BY NAME SELECT * FROM judged")


def judge_all(con: Connection, policy: Policy) -> None:
    """Judge every example anew, as a new policy demands."""
    judge(con, policy, "examples")
    con.execute("DELETE FROM verdicts")
    con.execute("INSERT INTO verdicts BY NAME SELECT * FROM judged")


def names(reasons: int) -> list[str]:
    """The reasons of a bit set, in the order of the pipeline."""
    return [name for name, bit in BIT.items() if reasons & bit]
