"""The vocabulary: which word a word stands for."""

from __future__ import annotations

import pytest

from projections.texts.vocabulary import Phrase, one_typo_apart, vocabulary


@pytest.mark.parametrize(
    ("word", "bases"),
    [
        ("membrane", ("membrane",)),
        ("membranse", ("membrane",)),
        ("nistall", ("install",)),
        ("installl", ("install",)),
        ("undder", ("under",)),
        ("teh", ("the",)),
        ("cn", ("can",)),
        ("wod", ("wood",)),
        ("hoa", ("hoa",)),
        ("linear", ("linear",)),
        ("rooftop", ("roof", "top")),
        ("overflowscupper", ("overflow", "scupper")),
        ("isn't", ("is", "not")),
        ("x" * 65, ("x" * 65,)),
    ],
)
def test_the_words_that_a_word_stands_for(word: str, bases: tuple[str, ...]) -> None:
    assert vocabulary(2).bases(word) == bases


def test_a_word_that_is_spelt_right_is_no_misspelling() -> None:
    assert vocabulary(2).bases("inverted") == ("invert",)
    assert vocabulary(1).bases("inverted") == ("insert",)


def test_the_longest_phrase_stands_for_its_words() -> None:
    known = vocabulary(2)
    assert known.phrased(["roof", "top", "unit", "leak"]) == [
        Phrase(("roof", "top", "unit"), "hvac"),
        Phrase(("leak",), "leak"),
    ]
    assert known.phrased([]) == []


def test_one_letter_is_wrong_missing_or_swapped() -> None:
    assert all(one_typo_apart("seam", other) for other in ("sean", "seem", "sam", "seams", "saem"))
    assert not any(one_typo_apart("seam", other) for other in ("team", "smae", "se", "seamed"))
