"""Opinions: which scores say good or bad of a whole answer, and which say neither."""

from __future__ import annotations

from typing import Any

import pytest

from services.imports.scores import verdict_of


@pytest.mark.parametrize(
    ("name", "value", "verdict"),
    [
        ("user-feedback", 1, "positive"), ("thumbs", True, "positive"), ("Correctness", "correct", "positive"),
        ("rating", 0.9, "positive"), ("vote", "👍", "positive"), ("user_score", "Thumbs_Up", "positive"),
        ("user-feedback", 0, "negative"), ("thumbs", False, "negative"), ("quality", "Bad", "negative"),
        ("thumbs", -1, "negative"), ("accuracy", 0.2, "negative"),
        ("rating", 0.5, None), ("rating", 4, None), ("quality", "so so", None), ("quality", None, None),
        ("quality", [1], None), ("formality", 1, None), ("toxicity", 1, None), ("incorrectness", 1, None),
        ("hallucination score", 0, None), ("quality", float("nan"), None), ("likelihood_of_harm", 1, None),
        ("score_of_bias", 1, None), ("refusal_score", 1, None), ("quality", "4", None), ("quality", "1", "positive"),
    ],
)  # fmt: skip
def test_a_score_of_the_whole_answer_is_a_verdict(name: str, value: Any, verdict: str | None) -> None:
    assert verdict_of(name, value) == verdict
