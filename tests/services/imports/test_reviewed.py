"""Reviewed traces: ids, times and texts as tools write them."""

from __future__ import annotations

import pytest

from services.imports.reviewed import example_id, nanoseconds, optional_nanoseconds, required, text_of


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2025-03-18T14:00:00.250Z", 1742306400250000000),
        ("2025-03-18 14:00:00.250000", 1742306400250000000),
        (1742306400250, 1742306400250000000),
        (1742306400, 1742306400000000000),
        ("1742306400250000000", 1742306400250000000),
    ],
)
def test_times_are_read_in_every_unit(value: object, expected: int) -> None:
    assert nanoseconds(value, "start_time") == expected


def test_an_end_that_is_no_time_stays() -> None:
    assert (optional_nanoseconds(None), optional_nanoseconds("soon")) == (None, "soon")


@pytest.mark.parametrize(
    ("trace", "key", "expected"),
    [
        ("a" * 32, "b" * 16, f"span_{'a' * 32}_{'b' * 16}"),
        ("a" * 32, "run-1", "x_run-1"),
        (None, "b" * 16, f"x_{'b' * 16}"),
        (None, "a b", "x_c8687a08aa5d6ed2044328fa6a697ab8"),
    ],
)
def test_an_id_is_the_spans_or_the_tools(trace: str | None, key: str, expected: str) -> None:
    assert example_id("x", trace, key) == expected


def test_the_first_name_with_a_text_counts() -> None:
    data = {"a": "", "b": None, "c": True, "d": 3}
    assert (text_of(data, "a", "b", "d"), text_of(data, "c"), text_of(data, "e")) == ("3", None, None)
    with pytest.raises(ValueError, match="a must be a text, but is ''"):
        required(data, "a", "b")
