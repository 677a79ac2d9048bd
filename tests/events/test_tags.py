"""Tags: one normal form, at every door."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.errors import InvalidFact
from events.tags import distinct, normal


@pytest.mark.parametrize("tag", ["TPO", " tpo\t", "Tpo", "\u00a0TPO\n"])
def test_case_and_blanks_make_no_other_tag(tag: str) -> None:
    assert normal(tag) == "tpo"


def test_compositions_of_a_letter_make_no_other_tag() -> None:
    assert normal("Caf\u00e9  Roof") == normal("cafe\u0301 roof") == "caf\u00e9 roof"


@given(st.text())
def test_the_normal_form_of_a_normal_form_is_itself(tag: str) -> None:
    assert normal(normal(tag)) == normal(tag)


def test_equal_tags_are_one_in_their_order() -> None:
    assert distinct(["Seam", "TPO", " tpo "], "rfi", "") == ("rfi", "seam", "tpo")


@pytest.mark.parametrize("tag", ["", " ", "\u00a0"])
def test_a_blank_tag_is_refused(tag: str) -> None:
    with pytest.raises(InvalidFact, match="has no words"):
        distinct(["tpo", tag])


def test_a_text_is_no_list_of_tags() -> None:
    with pytest.raises(TypeError, match="give a list"):
        distinct("tpo")
