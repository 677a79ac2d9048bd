"""What a source says beside an answer: the nearest word counts, under any of the usual names."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from services.imports.about import About, Numbers, about, correction, finish_reason, is_excluded, numbers


def test_the_nearest_word_counts() -> None:
    message = {"model": "a", "createdAt": 1742306400000}
    line = {"model": "b", "created": 1, "tags": " TPO, epdm ,tpo,", "metadata": {"user_id": 7, "project": "school"}}
    assert about(message, line) == About(
        at=datetime(2025, 3, 18, 14, tzinfo=UTC), actor="7", tags=("tpo", "epdm"), project="school", model="a"
    )
    assert about({}) == About()
    assert finish_reason({}, {"stop_reason": "max_tokens"}) == "max_tokens"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"usage": {"prompt_tokens": 31, "completion_tokens": 12}}, Numbers(tokens_in=31, tokens_out=12)),
        (
            {"usage": {"input_tokens": 5, "cache_read_input_tokens": 20, "output_tokens": 3}},
            Numbers(tokens_in=25, tokens_out=3),
        ),
        (
            {"usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 4, "thoughtsTokenCount": 6}},
            Numbers(tokens_in=9, tokens_out=10),
        ),
        ({"latency_ms": "1200"}, Numbers(latency_ms=1200)),
        ({"metadata": {"duration_seconds": 1.5}}, Numbers(latency_ms=1500)),
        ({"usage": {"prompt_tokens": "many"}, "latency_ms": -1}, Numbers(broken=2)),
    ],
)
def test_numbers_have_many_names(data: dict[str, Any], expected: Numbers) -> None:
    assert numbers(data) == expected


@pytest.mark.parametrize(
    "data",
    [
        {"weight": 0},
        {"train": False},
        {"include_in_training": False},
        {"excluded": True},
        {"exclude": 1},
        {"weight": "0"},
        {"weight": "0.0"},
    ],
)
def test_an_exclusion_has_many_names(data: dict[str, Any]) -> None:
    assert is_excluded(data, "message 1")
    assert not is_excluded({name: not float(value) for name, value in data.items()}, "message 1")


def test_an_exclusion_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(ValueError, match="the line has weight nan; give 0 or 1"):
        is_excluded({"weight": "nan"}, "the line")
    with pytest.raises(ValueError, match="message 3 has weight 'none'; give 0 or 1"):
        is_excluded({"weight": "none"}, "message 3")


def test_a_correction_is_a_persons() -> None:
    assert correction({"corrected_response": "8 inches."}) == "8 inches."
    assert correction({"feedback": {"rating": 1, "correction": {"text": "8 inches."}}}) == "8 inches."
    assert correction({"feedback": {"correction": "8 inches.", "source": "llm"}}) is None
    assert correction({"correction": 3}) is None
