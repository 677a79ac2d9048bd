"""Alternations: however phrases are spread over patterns, they are found as by a single one."""

from __future__ import annotations

import itertools
import re
from collections import Counter

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from projections.policy import alternations
from projections.policy.alternations import MAX_PATTERN, places, plural

WORDS = st.sampled_from(["a", "b", "ab", "c", "as", "bs", "s"])
FORMS = st.sets(st.lists(WORDS, min_size=1, max_size=3).map(" ".join), min_size=2, max_size=7)
TEXT = st.lists(st.tuples(WORDS, st.sampled_from([" ", "-", "", ". "])).map("".join), max_size=9).map("".join)


def found(patterns: tuple[tuple[str, ...], ...], text: str) -> list[tuple[int, int]]:
    compiled = [[re2.compile(part) for part in parts] for parts in patterns]
    return sorted(place for parts in compiled for place in places(parts, text.encode()))


def whole(forms: set[str]) -> str:
    return alternations._alternation(alternations._alternatives(forms))


def test_phrases_that_share_a_word_stand_in_one_alternation() -> None:
    forms = {"tpo", "tpos", "drain", "drains", "drain pan", "pan of tpo", "drainpan liner", "firm1"}
    groups = alternations._kindred(forms)
    assert {"drain", "drains", "drain pan", "drainpan liner", "pan of tpo", "tpo", "tpos"} in groups
    assert {"firm1"} in groups


@given(FORMS, TEXT)
def test_groups_find_apart_what_they_find_together(forms: set[str], text: str) -> None:
    def matches(forms: set[str]) -> Counter[str]:
        return Counter(re.findall(whole(forms), text))

    forms |= {plural(form) for form in forms}
    assert sum(map(matches, alternations._kindred(forms)), Counter()) == matches(forms)


@given(FORMS, TEXT, st.integers(8, 60))
def test_a_group_in_parts_is_read_as_one(forms: set[str], text: str, most: int) -> None:
    forms |= {plural(form) for form in forms}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(alternations, "MAX_PATTERN", most)
        parts = alternations._parts(forms)
    assert found((parts,), text) == [match.span() for match in re.finditer(whole(forms), text)]


def test_no_alternation_is_too_large_for_re2() -> None:
    """From about 23,400 characters of one alternation on RE2 gives its automaton up and is ten times slower."""
    words = ["".join(letters) for letters in itertools.product("abcdefgh", repeat=5)][:8000]
    for forms in (set(words), {f"{word} tpo" for word in words}):
        patterns = [part for parts in alternations.alternations(forms) for part in parts]
        assert len(patterns) > 1
        assert all(len(pattern) <= MAX_PATTERN + len(r"\b(?:)\b") for pattern in patterns)
