"""Judgement: what a policy makes of the evidence, as one pure function over columns.

What an example is worth by itself comes first, then which of several answers to a question is the best. The same call
judges one example, a batch with what contends, and all that there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from msgspec import UNSET

from ..policy.causes import CAUSE_BIT
from ..policy.policy import RELEVANCE, Conversations, Policy
from .reasons import APPROVALS, BIT

Column = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]

FEEDBACK = ("positive", "negative")
DECISIONS = ("approved", "rejected")
KINDS = ("capture", "correction")
"""What is kept as numbers: the first is 1, and 0 is none; a kind has no none, and the first is 0."""

POSITIVE, NEGATIVE = 1, 2
APPROVED, REJECTED = 1, 2
CORRECTION = 1
REVIEWER, LIKED, TRUSTED, USED = range(1, len(APPROVALS) + 1)

_FILTERS = BIT["too_short"] | BIT["low_relevance"] | BIT["excluded_source"] | BIT["excluded_by_author"]
_GONE = BIT["superseded_by"] | BIT["erased"]
_UNAPPROVED = BIT["not_approved"]
_DUPLICATE = BIT["duplicate_of"]

OF_ITSELF = ("relevance", "approval", "rank", "is_borderline", "causes")
"""The columns of a judgement that do not depend on other answers."""

JUDGEMENT = (*OF_ITSELF, "duplicate_of", "contradicts", "reasons", "queue")
"""The columns of a judgement; `duplicate_of` and `contradicts` are the seq of another example, 0 for none."""


READ = (
    *("seq", "occurred_at", "kind", "source", "used_with", "prompt_chars", "response_chars", "include_in_training"),
    *("was_corrected", "untrusted", "is_erased", "score", "context", "has_personal_data", "has_flags", "is_too_long"),
    "has_more_personal_data",
    *("feedback", "feedback_seq", "decision", "decision_seq", "decision_context", "superseded_by", "disputed_by"),
    *("question", "cluster", "gaps", "turns", "context_key", "context_gaps", "asked_before", "exactly_before"),
    *("field_score", "field_context"),
)
"""The columns of the evidence that are judged."""

LENT = ("turns", "prompt_chars", "score", "context", "field_score", "field_context")
"""Those of them from which a relevance comes."""


class Rules(NamedTuple):
    """A policy in numbers. Names are sets of the numbers under which the columns keep them."""

    min_prompt: int
    min_response: int
    min_relevance: int
    excluded_sources: Column
    exclude_personal_data: bool
    personal_data_of_turn: bool
    positive_feedback: bool
    trusted_sources: Column
    corrected_source: Column
    used_documents: Column
    high: int
    medium: int
    context: int
    borderline: int
    disputes_wait: bool
    near: bool
    contradictions: bool
    in_context: bool
    incomplete: int
    max_turns: int
    max_chars: int
    short_chars: int


def rules(policy: Policy, sources: Mapping[str, int], uses: Mapping[str, int]) -> Rules:
    """The rules of a policy for columns that keep these names by these numbers."""
    filters, approval, relevance = policy.filters, policy.approval, policy.relevance
    conversations = policy.conversations or Conversations()
    return Rules(
        filters.min_prompt_chars,
        filters.min_response_chars,
        RELEVANCE.index(filters.min_relevance),
        _numbers(filters.excluded_sources, sources),
        filters.exclude_personal_data,
        filters.personal_data_of_turn is True,
        approval.positive_feedback,
        _numbers(approval.trusted_sources, sources),
        _numbers(["verified_correction"], sources),
        _numbers(approval.used_documents, uses),
        relevance.high,
        relevance.medium,
        relevance.context,
        policy.review.borderline,
        policy.review.disputed != "stand",
        policy.duplicates.near,
        policy.duplicates.contradictions,
        policy.conversations is not UNSET,
        sum(CAUSE_BIT[cause] for cause in set(conversations.incomplete)),
        conversations.max_turns,
        conversations.max_chars,
        conversations.short_chars,
    )


def _numbers(names: Iterable[str], known: Mapping[str, int]) -> Column:
    return np.array([known[name] for name in names if name in known], np.int64)


def alone(e: Mapping[str, Column], rules: Rules) -> dict[str, Column]:
    """What each example is worth by itself: OF_ITSELF, its `reasons`, and its `queue` (0 for none).

    `e` are the columns of the evidence, all of one length.
    """
    score, context = lent(e, rules)
    relevance = np.where((context >= rules.context) & (score >= rules.medium), 1, 0)
    relevance[(context >= rules.context) & (score >= rules.high)] = 2
    is_erased, untrusted, decision = e["is_erased"], e["untrusted"], decision_of(e)
    causes = e["gaps"] | e["context_gaps"] if rules.in_context else np.zeros_like(e["gaps"])
    is_approved, is_rejected = decision == APPROVED, decision == REJECTED
    is_liked, is_disliked = e["feedback"] == POSITIVE, e["feedback"] == NEGATIVE
    is_disputed = (e["disputed_by"] != 0) & (~is_approved if not rules.disputes_wait else True)
    is_borderline = ~is_erased & (abs(context.astype(np.int64) - rules.context) <= rules.borderline)
    basis = np.select(
        [
            is_approved,
            is_liked & rules.positive_feedback,
            is_disliked | untrusted,
            np.isin(e["source"], rules.trusted_sources),
            np.isin(e["used_with"], rules.used_documents),
        ],
        [REVIEWER, LIKED, 0, TRUSTED, USED],
        0,
    )
    is_corrected = (e["superseded_by"] != 0) | e["was_corrected"]
    is_private = private(e, rules)
    reasons = np.zeros(len(relevance), np.int64)
    for name, holds in {
        "too_short": ~is_erased
        & ((e["prompt_chars"] < rules.min_prompt) & (e["turns"] == 0) | (e["response_chars"] < rules.min_response)),
        "low_relevance": ~is_erased & (relevance < rules.min_relevance),
        "excluded_source": np.isin(e["source"], rules.excluded_sources),
        "excluded_by_author": ~e["include_in_training"],
        "personal_data": is_private & rules.exclude_personal_data,
        "superseded_by": is_corrected | is_disputed,
        "erased": is_erased,
        "too_long": e["is_too_long"],
        "incomplete": ~is_erased & (causes & np.int16(rules.incomplete) > 0),
        "rejected": is_rejected,
        "not_approved": ~is_rejected & (basis == 0),
    }.items():
        reasons[holds] |= BIT[name]
    is_correction = e["kind"] == CORRECTION
    rank = np.select(
        [
            is_correction | (np.isin(e["source"], rules.corrected_source) & ~untrusted),
            basis == REVIEWER,
            basis == LIKED,
        ],
        [4, 3, 2],
        1,
    )
    worth = Worth(reasons, basis, is_disputed & ~is_corrected, is_borderline, is_private)
    return {
        "relevance": relevance.astype(np.int8),
        "approval": np.where(is_rejected, 0, basis).astype(np.int8),
        "rank": rank.astype(np.int8),
        "is_borderline": is_borderline,
        "causes": np.where(is_erased, 0, causes).astype(np.int16),
        "reasons": reasons.astype(np.int16),
        "queue": _places(e, worth).astype(np.int8),
    }


def private(e: Mapping[str, Column], rules: Rules) -> Mask:
    """Which examples have personal data in texts that the policy looks at."""
    is_private: Mask = e["has_personal_data"] | (e["has_more_personal_data"] & rules.personal_data_of_turn)
    return is_private


def decision_of(e: Mapping[str, Column]) -> Column:
    """The decisions that hold: an approval does not where the reviewer saw other earlier turns than there are now."""
    return np.where(is_past(e), 0, e["decision"])


def is_past(e: Mapping[str, Column]) -> Mask:
    """Whether each example was approved by a reviewer who saw other earlier turns."""
    saw, is_approved = e["decision_context"], e["decision"] == APPROVED
    past: Mask = is_approved & (saw != 0) & (saw != e["context_key"])
    return past


def lent(e: Mapping[str, Column], rules: Rules) -> tuple[Column, Column]:
    """Score and context of examples; those of a short follow-up are at least those of the conversation."""
    is_short = (e["turns"] > 0) & (e["prompt_chars"] <= rules.short_chars)
    score, context = (
        np.where(is_short, np.maximum(e[name], e[f"field_{name}"]), e[name]) for name in ("score", "context")
    )
    return score, context


def questions(e: Mapping[str, Column], *, near: bool) -> Column:
    """What stands for the question of each example: its prompt in its context."""
    return asked(e["asked_before"], e["cluster"]) if near else asked(e["exactly_before"], e["question"])


def asked(before: Column, prompt: Column) -> Column:
    """What stands for prompts behind questions; without an earlier one (0) it is the prompt itself."""
    prompt = prompt.astype(np.uint64)
    return np.where(before == 0, prompt, mixed(before, prompt))


def mixed(one: Column, other: Column) -> Column:
    """Two columns of 64 bits as one of odd numbers, in the manner of SplitMix64."""
    both: Column = (one ^ (other + np.uint64(0x9E3779B97F4A7C15))) * np.uint64(0xBF58476D1CE4E5B9)
    both ^= both >> np.uint64(27)
    both *= np.uint64(0x94D049BB133111EB)
    both ^= both >> np.uint64(31)
    return both | np.uint64(1)


class Worth(NamedTuple):
    """What the place in the queue depends on, beside the evidence; `basis` is what an approval rests on."""

    reasons: Column
    basis: Column
    is_disputed: Mask
    is_borderline: Mask
    is_private: Mask


def _places(e: Mapping[str, Column], worth: Worth) -> Column:
    """The place of each example in the review queue, 0 for none; new topics are told apart by who asks."""
    reasons, basis = worth.reasons, worth.basis
    decision, is_disliked = decision_of(e), e["feedback"] == NEGATIVE
    return np.select(
        [
            worth.is_disputed & (decision == APPROVED) & ~e["is_erased"],
            reasons & _GONE > 0,
            (decision != 0) & ~(is_disliked & (e["feedback_seq"] > e["decision_seq"])),
            e["kind"] == CORRECTION,
            reasons & (_FILTERS & ~BIT["too_short"]) > 0,
            is_disliked,
            reasons & _FILTERS > 0,
            worth.is_private | e["has_flags"] | ((basis == 0) & (worth.is_borderline | is_past(e))),
            basis == 0,
        ],
        [1, 0, 0, 1, 0, 2, 0, 4, 5],
        0,
    )


def contends(reasons: Column) -> Mask:
    """Answers that lack nothing but an approval or a better place among the answers to their question."""
    held: Mask = reasons & ~np.int16(_UNAPPROVED | _DUPLICATE) == 0
    return held


class Contest(NamedTuple):
    """Answers that have another one to the same question beside them, the best first within each question.

    `rows` are their places in the columns, `place` counts within a question from 0, and `best` is the place in the
    columns of the best answer to the same question.
    """

    rows: Column
    place: Column
    best: Column


def contest(question: Column, rank: Column, at: Column, seq: Column, eligible: Mask, least: int = 2) -> Contest:
    """Set the eligible answers of questions with `least` of them in order: by rank, then the newest."""
    rows = np.flatnonzero(eligible)
    _, groups, counts = np.unique(question[rows], return_inverse=True, return_counts=True)
    shared = counts[groups] >= least
    rows, groups = rows[shared], groups[shared]
    order = np.lexsort((-seq[rows], -at[rows], -rank[rows].astype(np.int64), groups))
    rows, groups = rows[order], groups[order]
    starts = np.flatnonzero(np.diff(groups, prepend=-1))
    place = np.arange(len(rows)) - np.repeat(starts, np.diff(starts, append=len(rows)))
    return Contest(rows, place, np.repeat(rows[starts], np.diff(starts, append=len(rows))))


def judge(e: Mapping[str, Column], rules: Rules) -> dict[str, Column]:
    """JUDGEMENT of examples, without contradictions. Every answer to a question has to be among them."""
    judged = alone(e, rules)
    question = questions(e, near=rules.near)
    contested = contest(question, judged["rank"], e["occurred_at"], e["seq"], judged["reasons"] == 0)
    worse = contested.rows[contested.place > 0]
    judged["duplicate_of"] = np.zeros(len(question), np.int64)
    judged["duplicate_of"][worse] = e["seq"][contested.best[contested.place > 0]]
    judged["reasons"][worse] |= _DUPLICATE
    judged["contradicts"] = np.zeros(len(question), np.int64)
    return judged


def put_forward(judged: Mapping[str, Column], decision: Column) -> None:
    """Move what contradicts another answer forward in the queue, unless somebody decided on it."""
    queue = judged["queue"]
    queue[(judged["contradicts"] != 0) & (decision == 0) & ((queue == 0) | (queue == 5))] = 4
