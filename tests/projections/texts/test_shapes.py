"""Shapes: whatever a text looks like, ten times as much of it is ten times the work for every step."""

from __future__ import annotations

import unicodedata

import pytest

from events.combining_marks import RUN, normalised
from projections.texts import word_facts
from projections.texts.normal_form import normalise
from projections.texts.personal_data import find_in
from projections.texts.text_size import READ
from projections.texts.words import words
from tests.deadlines import assert_linear, processor_seconds

from .shapes import MARKS, SHAPES
from .steps import STEPS

SMALL = 2_000
"""Characters from which a text grows to ten times as many."""

CHEAP = 0.004
"""Seconds for the larger text that are not worth a comparison: `make bench` compares larger ones."""

SOME = {"question": slice(-32, None)}
"""The shapes for a step that hardly depends on them."""


@pytest.mark.parametrize("step", STEPS)
def test_ten_times_the_text_is_ten_times_the_work(step: str) -> None:
    work = STEPS[step]
    for name, shape in [*SHAPES.items()][SOME.get(step, slice(None))]:
        texts = {size: shape(size) for size in (SMALL, 10 * SMALL)}
        if processor_seconds(lambda: work(texts[10 * SMALL])) < CHEAP:  # noqa: B023 -- called at once
            continue
        try:
            assert_linear(lambda size, texts=texts: work(texts[size]), SMALL)  # type: ignore[misc]
        except AssertionError as error:
            raise AssertionError(f"{step} of {name}: {error}") from None


@pytest.mark.parametrize("shape", SHAPES)
def test_a_shape_is_as_long_as_it_should_be(shape: str) -> None:
    assert [len(SHAPES[shape](size)) for size in (100, 5_000)] == [100, 5_000]


@pytest.mark.parametrize("form", ["NFC", "NFKC"])
def test_marks_in_order_leave_the_normal_form_as_it_is(form: str) -> None:
    """U+0F73 and the half-width voiced mark are marks only once they are decomposed."""
    for marks in (MARKS, "\u0f73\u0f71\u0f72", "\uff9e\u3099\u0316", "\u0344\u0316\u0301"):
        for base in ("a", "\u00e9", "", "\u30ab"):
            text = base + marks * (1 + 2 * RUN // len(marks)) + " b"
            assert normalised(text, form) == unicodedata.normalize(form, text)  # type: ignore[arg-type]


def test_characters_that_stand_for_many_are_read_in_part() -> None:
    assert len(normalise("\ufdfa" * READ)) <= READ


def test_a_number_with_hundreds_of_thousands_stops_nothing() -> None:
    assert normalise("quantities " + ",".join(["100"] * 200))
    assert words("1,234,567:12 and 1,23,456:12") == ["pitch1234567", "and", "1", "pitch23456"]
    assert words("a1,234,567:12") == ["a1", "pitch234567"]


def test_each_of_two_qualities_stays_with_its_term() -> None:
    facts = word_facts.facts(normalise("weld the new TPO membrane to the existing EPDM membrane"))
    assert {"new tpo", "existing epdm"} <= facts


def test_a_private_key_reaches_to_its_end_and_no_further() -> None:
    begin, end = "-----BEGIN RSA PRIVATE KEY-----", "-----END RSA PRIVATE KEY-----"
    near, far = begin + "x" * 8_000 + end, begin + "x" * 8_001 + end
    assert [(span.start, span.end) for span in find_in(near)] == [(0, len(near))]
    assert [(span.start, span.end) for span in find_in(far)] == [(0, len(begin))]
    twice = f"{begin} {begin}{end}"
    assert [(span.start, span.end) for span in find_in(f"{twice} {twice}")] == [
        (0, len(twice)),
        (len(twice) + 1, 2 * len(twice) + 1),
    ]
