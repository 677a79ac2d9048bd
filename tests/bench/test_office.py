"""The facts of the benchmarks: their shares, and ids that no other round has."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import pytest

from events.codec import decode, encode
from events.facts import CorrectionRecorded, ExampleCaptured, FeedbackGiven

from .office import Office


def test_mixed_facts_have_their_shares() -> None:
    kinds = Counter(map(type, islice(Office("shares").mixed(), 4_000)))
    shares = {ExampleCaptured: 0.6, FeedbackGiven: 0.25, CorrectionRecorded: 0.05}
    assert {kind: kinds[kind] / 4_000 for kind in shares} == pytest.approx(shares, abs=0.02)


def test_a_label_gives_the_same_facts_and_other_ids() -> None:
    first, again, other = (list(islice(Office(label).mixed(), 500)) for label in ("a", "a", "b"))
    assert first == again
    assert {fact.event_id for fact in first}.isdisjoint(fact.event_id for fact in other)
    assert len({fact.event_id for fact in first}) == 500


def test_every_fact_can_be_published() -> None:
    facts = list(islice(Office("valid", known=10).mixed(), 1_000))
    assert [decode(encode(fact)) for fact in facts] == facts
