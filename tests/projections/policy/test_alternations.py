"""Alternations: all phrases of a lexicon are found at once, the longest at each place."""

from __future__ import annotations

import itertools
import re

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from projections.policy.alternations import alternation, compiled, form_pattern, places, plural
from projections.policy.policy import default

WORDS = st.sampled_from(["a", "b", "ab", "c", "as", "bs", "s"])
FORMS = st.sets(st.lists(WORDS, min_size=1, max_size=3).map(" ".join), min_size=2, max_size=7)
TEXT = st.lists(st.tuples(WORDS, st.sampled_from([" ", "-", "", ". "])).map("".join), max_size=9).map("".join)


def longest(forms: set[str], text: str) -> list[tuple[int, int]]:
    """Where phrases stand in a text, each looked for alone: of those that overlap the first, there the longest."""
    alone = {match.span(1) for form in forms for match in re.finditer(rf"(?=\b({form_pattern(form)})\b)", text)}
    chosen: list[tuple[int, int]] = []
    for start, end in sorted(alone, key=lambda place: (place[0], -place[1])):
        if not chosen or start >= chosen[-1][1]:
            chosen.append((start, end))
    return chosen


@given(FORMS, TEXT)
def test_the_longest_phrase_at_each_place_is_found(forms: set[str], text: str) -> None:
    forms |= {plural(form) for form in forms}
    assert list(places(compiled(alternation(forms)), text.encode())) == longest(forms, text)


WORD = ["".join(letters) for letters in itertools.product("abcdefgh", repeat=5)]


@pytest.mark.parametrize(
    "forms",
    [
        set(WORD[:8000]),
        {f"{word} tpo" for word in WORD[:8000]},
        {" ".join(words) for words in zip(WORD[::7], WORD[3::5], WORD[5::11], strict=False)},
    ],
    ids=["of one word", "of two words", "of three words"],
)
def test_no_alternation_is_too_large_for_re2(forms: set[str], capfd: pytest.CaptureFixture[str]) -> None:
    """RE2 says so where it gives its automaton up, after which it is five times slower."""
    text = " and ".join(sorted(forms)[::50])
    pattern = alternation(forms)
    assert found_in(pattern, compiled(pattern).options, text) == text.split(" and ")
    assert GIVEN_UP not in capfd.readouterr().err


def test_the_shipped_lexicon_has_more_room_than_re2_gives(capfd: pytest.CaptureFixture[str]) -> None:
    lexicon = default().lexicon
    assert found_in(lexicon.pattern, lexicon.expression.options, "a tpo roof") == ["tpo", "roof"]
    assert GIVEN_UP not in capfd.readouterr().err
    assert found_in(lexicon.pattern, re2.Options(), "a tpo roof") == ["tpo", "roof"]
    assert GIVEN_UP in capfd.readouterr().err


GIVEN_UP = "DFA out of memory"


def found_in(pattern: str, options: re2.Options, text: str) -> list[str]:
    options.log_errors = True
    return [text[start:end] for start, end in places(re2.compile(pattern, options), text.encode())]
