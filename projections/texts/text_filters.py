"""The judgement of texts that are not on any log: what the filters of a policy make of them."""

from __future__ import annotations

import json
from typing import Any

from msgspec import Struct

from ..policy.policy import RELEVANCE, Policy
from . import analysis
from .personal_data_rules import FLAG_ONLY
from .text_size import READ


class Text(Struct):
    """A prompt, and its answer where there is one."""

    prompt: str
    response: str | None = None


def judge_texts(texts: list[Text], policy: Policy) -> list[dict[str, Any]]:
    """Relevance, terms, tags, personal data and the verdict of the filters, text by text in the same order.

    A text without a response is not judged by the length of one. Approval is not asked: nobody has seen these texts.
    """
    given = [analysis.Texts(text.prompt, text.response) for text in texts]
    analyses = analysis.of(given, analysis.analyser(policy)).select(_READ).to_pylist()
    return [_judge(text, policy, **row) for text, row in zip(texts, analyses, strict=True)]


_READ = ["score", "context", "tags", "spans"]


def _judge(text: Text, policy: Policy, score: int, context: int, tags: list[str], spans: str) -> dict[str, Any]:
    levels, filters = policy.relevance, policy.filters
    is_roofing = context >= levels.context
    reached = (score >= levels.medium) + (score >= levels.high) if is_roofing else 0
    relevance = RELEVANCE[reached]
    data: list[dict[str, Any]] = []
    flags: list[dict[str, Any]] = []
    for span in json.loads(spans):
        (flags if span["kind"] in FLAG_ONLY else data).append(span)
    reasons = []
    if len(text.prompt) < filters.min_prompt_chars or (
        text.response is not None and len(text.response) < filters.min_response_chars
    ):
        reasons.append("too_short")
    if max(len(text.prompt), len(text.response or "")) > READ:
        reasons.append("too_long")
    if RELEVANCE.index(relevance) < RELEVANCE.index(filters.min_relevance):
        reasons.append("low_relevance")
    if data and filters.exclude_personal_data:
        reasons.append("personal_data")
    return {
        "relevance": relevance,
        "score": score,
        "terms": analysis.terms(text.prompt, text.response, policy.lexicon),
        "tags": tags or ["general"],
        "personal_data": data,
        "flags": flags,
        "verdict": {"passes": not reasons, "reasons": reasons},
    }
