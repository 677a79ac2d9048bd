"""Ratings: what people mean by thumbs, stars and words, and whose opinion is nobody's feedback."""

from __future__ import annotations

from typing import Any

import pytest

from services.imports import ratings
from services.imports.ratings import Rating


@pytest.mark.parametrize(
    ("value", "thumb"),
    [
        (True, "positive"), (1, "positive"), ("thumbsUp", "positive"), ("thumbs_up", "positive"), ("👍", "positive"),
        ("Good", "positive"), ("0.9", "positive"), (85, "positive"), (False, "negative"), (0, "negative"),
        (-1, "negative"), ("not helpful", "negative"), ("DOWN", "negative"), (0.1, "negative"), ("neutral", None),
        (0.5, None), ("", None),
    ],
)  # fmt: skip
def test_a_value_is_a_thumb(value: Any, thumb: str | None) -> None:
    assert ratings.thumb(value) == thumb


def test_stars_are_of_five() -> None:
    assert [ratings.thumb(n, stars=True) for n in range(1, 6)] == ["negative", "negative", None, "positive", "positive"]
    assert ratings.thumb(9, stars=True) == "positive"
    assert [ratings.thumb(text, stars=True) for text in ("1", "5", "0.9")] == ["negative", "positive", "positive"]


@pytest.mark.parametrize(
    ("names", "is_whole"),
    [
        ("quality userRating is_correct Correctness user-feedback thumbs_up thumbs-up-down answer stars", True),
        ("is_incorrect incorrectness dislike toxicity_score hallucination_rating score_of_bias refusal_score", False),
        ("likelihood_of_harm notHelpful thumbs_down error_rate unlikeable disapproval difficulty_rating", False),
        ("generated_by_ai moderate start_time likelihood restarts corrected_answer answer_length mood", False),
    ],
)
def test_a_name_judges_a_whole_answer(names: str, is_whole: bool) -> None:
    assert {name: ratings.judges_whole(name) for name in names.split()} == dict.fromkeys(names.split(), is_whole)


def test_an_opposite_name_judges_nothing_of_the_whole() -> None:
    assert ratings.judges("toxicity_score")
    assert ratings.judges("hallucinated")
    assert not ratings.judges("generated_by_ai")


@pytest.mark.parametrize("value", ["it depends", [1], {}, 1e9, -2, float("nan")])
def test_what_is_no_thumb_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="is no thumb"):
        ratings.thumb(value)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"feedback": "up"}, [Rating("positive")]),
        ({"rating": 5, "user": "ann"}, [Rating("positive")]),
        (
            {"feedback": {"score": 0, "comment": "old edition", "user_id": "bob"}},
            [Rating("negative", "bob", "old edition")],
        ),
        ({"annotation": {"rating": 1, "comment": ""}}, [Rating("positive")]),
        ({"feedback": [{"value": "up", "by": "ann"}, {"value": "down", "by": "bob"}]},
         [Rating("positive", "ann"), Rating("negative", "bob")]),
        ({"feedback": {"rating": 4, "author": {"id": 7}}}, [Rating("positive", "7")]),
        ({"feedback": {"comment": "no thumb"}}, []),
        ({"rating": 3}, []),
        ({}, []),
    ],
)  # fmt: skip
def test_thumbs_are_read_where_they_stand(data: dict[str, Any], expected: list[Rating]) -> None:
    assert list(ratings.of(data)) == expected


@pytest.mark.parametrize(
    "judge",
    [{"source": "LLM"}, {"by": "gpt-4o"}, {"annotator_kind": "CODE"}, {"evaluator": "llm-as-a-judge"}, {"agent": "ai"}],
)
def test_a_judge_gives_no_feedback(judge: dict[str, Any]) -> None:
    assert list(ratings.of({"feedback": {"score": 1} | judge})) == []
    assert not ratings.is_judged({"source": "human", "by": "maintainer"})


def test_a_long_name_is_its_digest_without_blanks() -> None:
    assert [ratings.name_of(value) for value in (" max ", 7, " ", None, True)] == ["max", "7", None, None, None]
    names = {ratings.person({"user": "x" * 200 + end}) for end in "ab"}
    assert len(names) == 2


def test_a_thumb_that_cannot_be_read_is_told() -> None:
    (error,) = ratings.of({"feedback": "see the other answer"})
    assert isinstance(error, ValueError)
