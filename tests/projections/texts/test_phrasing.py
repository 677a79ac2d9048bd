"""Phrasing: courtesies at both ends of a text, and amounts in one spelling."""

from __future__ import annotations

import pytest

from projections.texts.phrasing import plain
from tests.deadlines import assert_linear


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("hi there, how thick is it?", "how thick is it?"),
        ("hey bob, good morning! how thick is it?", "how thick is it?"),
        ("sorry to bother you, how thick is it?", "how thick is it?"),
        ("how thick is it? thanks in advance, ann", "how thick is it?"),
        ("how thick is it, please advise. cheers", "how thick is it,"),
        ("how thick is it? have a great day!", "how thick is it?"),
        ("hi", "hi"),
        ("thanks", "thanks"),
        ("hide the seam", "hide the seam"),
        ("morning dew on the deck", "morning dew on the deck"),
        ("please seal the joint before the tenant moves in", "please seal the joint before the tenant moves in"),
        (
            "the coating appreciates in price over the years to come and so on",
            "the coating appreciates in price over the years to come and so on",
        ),
    ],
)
def test_courtesies_are_taken_off_both_ends(text: str, rest: str) -> None:
    assert plain(text).rstrip() == rest


@pytest.mark.parametrize(
    ("text", "settled"),
    [
        ("12 sq. ft. and 500 lin. ft.", "12 sq ft and 500 lf"),
        (".045 epdm and 0.060 inch tpo", "45 mil epdm and 60 mil tpo"),
        ("0.0455 in and 1.045 in", "0.0455 in and 1.045 in"),
        ("20k sq ft", "20000 sq ft"),
        ("in one day, each day, a week, half a day", " per day,  per day,  per week, half a day"),
        ("a 5-man crew", "a crew of 5"),
        ("type ii, class a, type x", "type 2, class a, type x"),
        ("fm 1-90 in corners", "fm 1-90 ; corners"),
    ],
)
def test_amounts_are_spelt_in_one_way(text: str, settled: str) -> None:
    assert plain(text) == settled


@pytest.mark.parametrize(
    "piece", ["hi ", "thanks ", "please advise ", "in one ", "sorry to ", "a quick ", "much really "]
)
def test_work_grows_with_the_text(piece: str) -> None:
    assert_linear(lambda characters: plain(piece * (characters // len(piece))), 40_000)
