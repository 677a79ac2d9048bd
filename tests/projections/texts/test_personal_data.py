"""Personal data: what is found, what is left alone, and what redaction promises."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.texts.personal_data import Span, find, find_in, is_suspect, redact
from projections.texts.personal_data_checks import is_iban, is_luhn
from projections.texts.personal_data_rules import RULES, Rule
from tests.deadlines import assert_linear
from tests.evaluation.__main__ import labelled

ROWS = labelled("personal_data")


def kinds(text: str) -> list[str]:
    return [span.kind for span in find_in(text)]


def test_quality_does_not_fall() -> None:
    """At least 29 of 30 spans with the right kind, and at most one alarm on 60 traps."""
    labels = {(row["id"], span["kind"], span["text"]) for row in ROWS for span in row["spans"]}
    found = {(row["id"], s.kind, row["text"][s.start : s.end]) for row in ROWS for s in find_in(row["text"])}
    traps = {row["id"] for row in ROWS if not row["spans"]}
    assert len(labels & found) / len(labels) >= 29 / 30
    assert len({identifier for identifier, *_ in found} & traps) / len(traps) <= 1 / 60


def test_every_text_that_find_would_flag_is_suspect() -> None:
    assert all(is_suspect("", row["text"], None) for row in ROWS if find_in(row["text"]))


def test_each_hint_covers_its_rule() -> None:
    for row in ROWS:
        for rule in RULES:
            for match in rule.pattern.finditer(row["text"]):
                if rule.check(match):
                    assert re.search(rule.hint, row["text"]), (rule.name, row["text"])


def test_a_clean_roofing_text_is_no_suspect() -> None:
    text = "Weld 1-1/2 in. seams, see 07 54 00, 5/A-501 and ASTM D6878; 12 in. o.c., R-30, FM 1-90, $4.10/sf."
    assert not is_suspect(text)


def test_spans_count_code_points_of_their_field() -> None:
    prompt, response = "Größe \U0001f3e0 a@example.com", "ok"
    (span,) = find(prompt, response)
    assert (span.field, prompt[span.start : span.end]) == ("prompt", "a@example.com")


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.needs], ids=lambda rule: rule.name)
@given(data=st.data())
def test_what_a_rule_needs_is_in_every_match(rule: Rule, data: st.DataObject) -> None:
    text = data.draw(st.from_regex(rule.pattern))
    if text.isascii() and rule.pattern.search(text):
        assert any(need in text.lower() for need in rule.needs)


def test_redaction_names_the_kind_and_keeps_flags() -> None:
    text = "Mr. Example, a@example.com, (312) 555-0142, SSN 219-09-9991"
    assert redact(text, find_in(text)) == "Mr. Example, [EMAIL], [PHONE], SSN [SSN]"


def test_redaction_leaves_nothing_to_find() -> None:
    for row in ROWS:
        again = find_in(redact(row["text"], find_in(row["text"])))
        assert all(span.is_flag for span in again), row["text"]


def test_redaction_refuses_the_spans_of_another_text() -> None:
    with pytest.raises(ValueError, match="email at 5:50"):
        redact("short text", [Span("prompt", 5, 50, "email")])
    with pytest.raises(ValueError, match="overlaps"):
        redact("0123456789", [Span("prompt", 0, 5, "email"), Span("prompt", 4, 6, "phone")])


@pytest.mark.parametrize("text", ["lot 123-45-6789", "Lot nos. 123-45-6789 and 124-45-6789", "batch: 123-45-6789"])
def test_a_lot_number_is_no_ssn(text: str) -> None:
    assert kinds(text) == []


def test_bare_digits_need_to_be_called_a_phone() -> None:
    assert kinds("3125550142 fasteners") == []
    assert kinds("cell 3125550142") == ["phone"]


def test_check_digits() -> None:
    assert is_luhn("4111111111111111")
    assert not is_luhn("4111111111111112")
    assert is_iban("GB29 NWBK 6016 1331 9268 19")
    assert not is_iban("GB29 NWBK 6016 1331 9268 18")
    assert not is_iban("ZZ29 NWBK 6016 1331 9268 19")


@pytest.mark.parametrize(
    "piece",
    ["1", "1 ", "12-", "(312) ", "a", "a.", "a@", "a@b.", "eyJ", "eyJaaaaaaaa.", "-----BEGIN PRIVATE KEY-----", "://a:",
     "password is ", "password for a ", "api_key ", "+49 ", "AB12 CDEF ", "1 Aa ", "Thanks\n", "Bearer a", "lot 1, ",
     "ann@example.com "],
)  # fmt: skip
def test_a_long_text_costs_no_more_than_its_length(piece: str) -> None:
    assert_linear(lambda characters: find_in(piece * (characters // len(piece))), 10_000)
