"""Rewording: a misspelling is an edit, another word is none."""

from __future__ import annotations

import pytest

from projections.policy.rules import RULES, Rules
from projections.texts.rewording import alike, reworded


@pytest.mark.parametrize("rules", RULES)
def test_a_misspelling_is_an_edit_and_another_word_is_none(rules: Rules) -> None:
    assert reworded("letter owner warranty lincoln", "letter owner warranty jefferson", rules)
    assert reworded("repair seam", "inspect seam", rules)
    assert not reworded("letter owner jefferson", "letter owner jeffreson", rules)
    assert not reworded("energyguard board", "energy guard board", rules)
    assert not reworded("minimum slope", "minimum slope membrane")


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("seal attic vent", "vent attic vent"),
        ("seam weld seam", "seam weld lap"),
    ],
)
def test_a_word_said_twice_hides_no_other_word(a: str, b: str) -> None:
    assert reworded(a, b)
    assert reworded(b, a)


def test_what_is_misspelt_is_compared_as_it_is_meant() -> None:
    assert alike("seal lincolnshire joint", "seal lincolsnhrie joint") == "seal lincolsnhrie joint"
    assert alike("seal lincolsnhrie joint", "seal lincolnshire joint") == "seal lincolnshire joint"
    assert alike("seal renovat joint", "seal renov joint") == "seal renov joint"
    assert alike("energyguard board", "energy guard board") == "energy guard board"
    assert alike("energy guard board", "energyguard board") == "energyguard board"
    assert alike("minimum slope", "minimum slope") == "minimum slope"
    assert alike("repair seam", "inspect seam") is None
