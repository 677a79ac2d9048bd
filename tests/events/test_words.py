"""Words: every fact and every message is said in one sentence, wherever people read it."""

from __future__ import annotations

from datetime import timedelta, timezone

import pytest
from msgspec import structs

from events.codec import encode
from events.facts import Fact, comments_of
from events.message import Message
from events.subjects import subject_of
from events.words import describe, sentence

from .samples import SAID

FULL = {type(fact).__name__: fact for fact in SAID if fact.trace_id}
SENTENCES = {
    "ExampleCaptured": "captured by ana{when} from chat_interaction, in the conversation thread 7/é, after a",
    "FeedbackGiven": "ana gave negative feedback{when}: too short",
    "CorrectionRecorded": "corrected by ana{when} as e1",
    "ExampleApproved": "approved by ana{when}: good",
    "ExampleRejected": "rejected by ana{when}: wrong",
    "ExampleReopened": "reopened by ana{when}: the wrong key",
    "ExampleRedacted": "redacted by ana{when}: ask [NAME]",
    "ExampleRestated": "restated without the earlier turns that its capture at sequence 3 copied",
    "ExampleNoted": "noted by ana{when}: Is that so, @ben?",
    "ExampleDescribed": "described by ana{when}, tagged tpo, no longer tagged epdm, of the project Tower B, "
    "not to be trained on: not ours",
    "ExampleErased": "erased by ana{when}: asked to",
    "PolicyAdopted": "policy adopted by ana{when}: stricter",
    "TrainingSetExported": "exported by ana{when} as 111111111111",
    "TrainingTriggered": "training failed on export 111111111111{when}: no GPU",
}


def message(fact: Fact, seq: int = 1) -> Message:
    return Message(seq, subject_of(fact), encode(fact))


@pytest.mark.parametrize("fact", FULL.values(), ids=FULL)
def test_a_fact_is_said_in_one_sentence(fact: Fact) -> None:
    expected = SENTENCES[type(fact).__name__]
    assert sentence(fact) == expected.format(when="")
    assert describe(message(fact)) == expected.format(when=" at 2025-01-15 14:30:00 UTC")


@pytest.mark.parametrize("fact", SAID, ids=lambda fact: type(fact).__name__)
def test_a_sentence_repeats_every_comment(fact: Fact) -> None:
    assert all(comment in sentence(fact) for comment in comments_of(fact))
    assert not sentence(fact).endswith((" ", ":"))


def test_times_of_other_zones_are_said_in_utc() -> None:
    there = FULL["ExampleApproved"].occurred_at.astimezone(timezone(timedelta(hours=9)))
    elsewhere = structs.replace(FULL["ExampleApproved"], occurred_at=there)
    assert sentence(elsewhere, with_time=True) == "approved by ana at 2025-01-15 14:30:00 UTC: good"


def test_a_message_without_a_fact_says_why() -> None:
    erased = FULL["ExampleErased"].erased[0]  # type: ignore[attr-defined]
    subject = "training.feedback.given.a.e1"
    assert describe(Message(7, "", b"")) == "missing, and no tombstone says why"
    assert (
        describe(Message(3, subject, b"", erased=erased, erased_by=9))
        == "feedback.given; its text was erased, as sequence 9 says"
    )
    assert describe(Message(3, subject, b"junk")).startswith("sequence 3 holds no valid fact: not a JSON object")
