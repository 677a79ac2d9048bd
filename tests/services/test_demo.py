"""The sample day: the same facts in every version."""

from __future__ import annotations

import hashlib

from events.codec import encode
from events.digest_chain import START, entry, link
from events.subjects import subject_of
from services.demo import _facts, reviews, sample_day

LOG_DIGEST = "6c1b00f57910c62a1a9ed2a66bb230afab4fe947a20bc2d64a0aa91b654ce40f"
"""Of the day's 118 facts, as 0.1.0 wrote them."""


def test_the_days_log_is_that_of_the_first_release() -> None:
    day = sample_day()
    facts = [*day, *(fact for review in reviews() for fact in _facts(review, day))]
    digest = START
    for seq, fact in enumerate(facts, 1):
        digest = link(digest, seq, entry(subject_of(fact), hashlib.sha256(encode(fact)).digest()))
    assert (len(facts), digest.hex()) == (118, LOG_DIGEST)
