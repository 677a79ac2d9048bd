"""Judgement: the statements that judge evidence under a policy. They read relations and write nothing.

A judgement is a pure function of the evidence and the policy. What an example is worth by itself comes first, then
which of several answers to a question is the best.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ..policy.policy import RELEVANCE, Policy
from .reasons import BIT

JUDGEMENT = {
    "relevance": "VARCHAR",
    "approval": "VARCHAR",
    "rank": "BIGINT",
    "duplicate_of": "BIGINT",
    "contradicts": "BIGINT",
    "is_borderline": "BOOLEAN",
    "reasons": "BIGINT",
    "queue": "BIGINT",
}
"""What a policy makes of the evidence; `duplicate_of` and `contradicts` are the seq of another example."""

_FILTERS = BIT["too_short"] | BIT["low_relevance"] | BIT["excluded_source"] | BIT["excluded_by_author"]
_GONE = BIT["superseded_by"] | BIT["erased"]

_UNAPPROVED = BIT["not_approved"]
CONTENDING = f"reasons & ~{_UNAPPROVED | BIT['duplicate_of']} = 0"
"""The condition on answers that lack nothing but an approval or a better place among the answers to their question."""


PLACES = "{'rank': rank, 'at': occurred_at, 'seq': seq}"
"""The best answer to a question has the greatest value of this."""


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
        "disputes_wait": policy.review.disputed != "stand",
    }


OF_ITSELF = ("relevance", "approval", "rank", "is_borderline")
"""The columns of JUDGEMENT that do not depend on other answers."""

LOOKED_AT = """CASE WHEN len(personal_data) + len(flags) > 0 OR ({0} IS NULL AND is_borderline) THEN 4
                     WHEN {0} IS NULL THEN 5 END"""
"""The place of what nobody has decided on or complained about, without contradictions."""

FREED = 0
"""Stands for the place of what contradicted another answer until it is known whether it still does."""

PUT_FORWARD = f"CASE WHEN decision IS NULL AND (queue IS NULL OR queue IN ({FREED}, 5)) THEN 4 ELSE queue END"
"""The place of what contradicts another answer."""


def question_of(policy: Policy) -> str:
    """The column that examples share that answer the same."""
    return "cluster" if policy.duplicates.near else "prompt_key"


def by_itself(relation: str, kept: Iterable[str]) -> str:
    """The SELECT that judges each of a relation of evidence by itself, under `parameters`: `kept` and what it finds."""
    return f"""
SELECT {", ".join(kept)}, ['low', 'medium', 'high'][relevance_rank + 1] AS relevance,
    CASE WHEN decision = 'rejected' THEN NULL ELSE basis END AS approval,
    CASE WHEN kind = 'correction' OR (source = 'verified_correction' AND NOT untrusted) THEN 4
         WHEN basis = 'reviewer' THEN 3 WHEN basis = 'feedback' THEN 2 ELSE 1 END AS rank,
    is_borderline, own,
    CASE WHEN is_disputed AND decision = 'approved' AND own & {BIT["erased"]} = 0 AND superseded_by IS NULL
              AND NOT was_corrected THEN 1
         WHEN own & {_GONE} > 0 THEN NULL
         WHEN decision IS NOT NULL AND NOT coalesce(feedback = 'negative' AND feedback_seq > decision_seq, false)
         THEN NULL
         WHEN kind = 'correction' THEN 1
         WHEN own & {_FILTERS & ~BIT["too_short"]} > 0 THEN NULL
         WHEN feedback = 'negative' THEN 2
         WHEN own & {_FILTERS} > 0 THEN NULL
         ELSE {LOOKED_AT.format("basis")} END AS queue
FROM (
    SELECT *,
        CASE WHEN NOT is_erased AND (prompt_chars < $min_prompt OR response_chars < $min_response)
             THEN {BIT["too_short"]} ELSE 0 END
        | CASE WHEN NOT is_erased AND relevance_rank < $min_relevance THEN {BIT["low_relevance"]} ELSE 0 END
        | CASE WHEN list_contains($excluded_sources, source) THEN {BIT["excluded_source"]} ELSE 0 END
        | CASE WHEN NOT include_in_training THEN {BIT["excluded_by_author"]} ELSE 0 END
        | CASE WHEN $exclude_personal_data AND len(personal_data) > 0 THEN {BIT["personal_data"]} ELSE 0 END
        | CASE WHEN superseded_by IS NOT NULL OR was_corrected OR is_disputed THEN {BIT["superseded_by"]} ELSE 0 END
        | CASE WHEN is_erased THEN {BIT["erased"]} ELSE 0 END
        | CASE WHEN list_contains(flags, 'too_long') THEN {BIT["too_long"]} ELSE 0 END
        | CASE WHEN decision = 'rejected' THEN {BIT["rejected"]}
               WHEN basis IS NULL THEN {BIT["not_approved"]} ELSE 0 END AS own
    FROM (
        SELECT *, CASE WHEN context >= $context AND score >= $high THEN 2
                       WHEN context >= $context AND score >= $medium THEN 1 ELSE 0 END AS relevance_rank,
            disputed_by IS NOT NULL AND ($disputes_wait OR decision IS DISTINCT FROM 'approved') AS is_disputed,
            NOT is_erased AND abs(context - $context) <= $borderline AS is_borderline,
            CASE WHEN decision = 'approved' THEN 'reviewer'
                 WHEN $positive_feedback AND feedback = 'positive' THEN 'feedback'
                 WHEN feedback = 'negative' OR untrusted THEN NULL
                 WHEN list_contains($trusted_sources, source) THEN 'trusted_source'
                 WHEN list_contains($used_documents, used_with) THEN 'use' END AS basis
        FROM {relation}))"""


def beside_one_another(alone: str, question: str, kept: Sequence[str]) -> str:
    """The SELECT of `kept` and JUDGEMENT, contradictions left out, of what was judged by itself.

    `question` is the column that examples share that answer the same.
    """
    return f"""
WITH alone AS MATERIALIZED ({alone}),
best AS (
    SELECT {question}, arg_max(seq, {PLACES}) AS best
    FROM alone WHERE own = 0 GROUP BY ALL HAVING count(*) > 1)
SELECT {", ".join(kept)}, relevance, approval, rank,
    CASE WHEN own = 0 THEN nullif(best, seq) END AS duplicate_of, NULL::BIGINT AS contradicts, is_borderline,
    own | CASE WHEN own = 0 AND best <> seq THEN {BIT["duplicate_of"]} ELSE 0 END AS reasons, queue
FROM alone LEFT JOIN best USING ({question})"""
