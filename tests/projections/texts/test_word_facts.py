"""The facts of a normal form, which no edit may change."""

from __future__ import annotations

import pytest

from projections.policy.rules import RULES, Rules
from projections.texts.normal_form import normalise
from projections.texts.word_facts import facts


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("over a 60 mil TPO", "over an 80 mil TPO"),
        ("is it allowed", "is it not allowed"),
        ("TPO over EPDM", "EPDM over TPO"),
        ("switch from TPO to PVC", "switch from PVC to TPO"),
        ("how many squares in a bundle", "how many bundles in a square"),
        ("why weld PVC", "where to weld PVC"),
        ("can I weld PVC", "should I weld PVC"),
        ("Class A", "Class B"),
        ("with insulation", "without insulation"),
        ("tie a new TPO roof in to an existing EPDM roof", "tie a new EPDM roof in to an existing TPO roof"),
    ],
)
@pytest.mark.parametrize("rules", RULES)
def test_facts_that_differ(a: str, b: str, rules: Rules) -> None:
    assert facts(normalise(a, rules), rules) != facts(normalise(b, rules), rules)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("convert a vented attic to a sealed attic", "convert a sealed attic to a vented attic"),
        ("a hot pipe at a cold wall", "a cold pipe at a hot wall"),
        ("R-value of foam", "R-value of closed-cell foam"),
        ("weld from the inside to the outside", "weld from the outside to the inside"),
        ("a scaffold at the wall", "the wall"),
    ],
)
def test_facts_that_differ_by_the_second_rules(a: str, b: str) -> None:
    assert facts(normalise(a, 2), 2) != facts(normalise(b, 2), 2)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("Over an existing BUR roof, how do I install TPO?", "How do I install TPO over an existing BUR roof?"),
        ("vented or sealed attic", "sealed or vented attic"),
        ("How far from the wall is a downspout?", "How far is a downspout from the wall?"),
    ],
)
def test_an_order_that_says_nothing_is_no_fact(a: str, b: str) -> None:
    assert facts(normalise(a, 2), 2) == facts(normalise(b, 2), 2)
