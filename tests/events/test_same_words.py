"""The same words have one key, however an editor saved them, and other words have another."""

from __future__ import annotations

import pytest

from events.same_words import bits, key, normal
from tests.deadlines import assert_linear

SAME = [
    "8 inches, é",
    "8 inches, e\u0301 ",
    "\ufeff8 inches, é".removeprefix("\ufeff"),
    "8\r\ninches,\u00a0é\n",
    "\t8  inches, é",
]


@pytest.mark.parametrize("text", SAME)
def test_an_editor_makes_no_difference(text: str) -> None:
    assert normal(text) == "8 inches, é"
    assert key("How high?", text) == key(" How  high?\n", SAME[0])


def test_other_words_have_another_key() -> None:
    keys = {
        key(*pair) for pair in [("a b", "c"), ("a", "b c"), ("A b", "c"), ("a b", "c."), ("ab", "c"), ("", "a b c")]
    }
    assert len(keys) == 6


def test_a_key_of_another_version_is_not_compared() -> None:
    assert bits(key("a", "b")) == bytes.fromhex(key("a", "b")[2:])
    assert bits(f"2:{'0' * 32}") is bits(None) is None


def test_marks_are_ordered_in_linear_time() -> None:
    assert normal("a" + "\u0323\u0301" * 20) == normal("a" + "\u0323" * 20 + "\u0301" * 20)
    assert_linear(lambda size: normal("a" + "\u0323\u0301" * size), 2_000)
