"""Telephones and streets of Britain and Australia, and numbers that carry a label."""

from __future__ import annotations

import pytest

from projections.texts.personal_data import find_in
from tests.deadlines import assert_linear


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("Office 020 7946 0958 until five", "020 7946 0958"),
        ("Site (02) 9876 5432 until five", "(02) 9876 5432"),
        ("It leaks at 3 Chapel Mews, Brighton BN1 1AA", "3 Chapel Mews"),
        ("SSN: 000-12-3456", "000-12-3456"),
        ("credit card 4929-1234-5678-9010", "4929-1234-5678-9010"),
        ("Passport No: X1234567", "X1234567"),
        ("DL# S12345678", "S12345678"),
    ],
)
def test_only_the_second_rules_find_it(text: str, data: str) -> None:
    assert [text[span.start : span.end] for span in find_in(text)] == [data]
    assert find_in(text, rules=1) == []


@pytest.mark.parametrize(
    "text",
    [
        "Lot 0412 345 678 was recalled",
        "Phone the supplier about lot 0412 345 678",
        "1300 400 200 mm panels",
        "The SSN format is 000-00-0000",
        "Place 24 Ridge View vents on the hip",
        "Building 4 North Terrace drains",
        "License no. 123456789 of the contractor",
        "DL 20 psf and SL 45 psf",
    ],
)
def test_numbers_of_things_raise_no_alarm(text: str) -> None:
    assert find_in(text) == []


@pytest.mark.parametrize("piece", ["ssn ", "card 1234 ", "passport no ", "020 7946 ", "12 High ", "1 The ", "tfn is "])
def test_work_grows_with_the_text(piece: str) -> None:
    assert_linear(lambda characters: find_in(piece * (characters // len(piece))), 20_000)
