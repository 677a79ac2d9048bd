"""The running digest: the same on every machine for ever, and another one for every other log."""

from __future__ import annotations

import hashlib

from events import digest_chain
from events.codec import encode
from events.facts import CorrectionRecorded, ErasedMessage, ExampleErased
from events.message import Message, listed, remembered, text_key, without_gaps
from events.same_words import key

from .samples import BARE, FULL

FIRST = Message(1, "training.example.captured.a.e1", b'{"type":"x"}')
SECOND = Message(2, "training.feedback.given.a.e2", b"")


def digest(*messages: Message) -> str:
    running = digest_chain.START
    for message in messages:
        running = digest_chain.link(running, message.seq, message.entry)
    return running.hex()


def test_the_digest_of_a_log_never_changes_between_versions() -> None:
    assert digest() == "e963db2800a340b7106df400d6685a8fae61cf15206274c48896efc51ca0c99e"
    assert digest(FIRST, SECOND) == "ed6ea1046c477adcf68742783f5832d13c1223f418bda83ca9f908d01b570f3c"


def test_another_sequence_subject_payload_or_order_is_another_digest() -> None:
    moved = Message(3, SECOND.subject, SECOND.data)
    renamed = Message(2, SECOND.subject + "x", SECOND.data)
    changed = Message(2, SECOND.subject, b" ")
    swapped = [Message(1, SECOND.subject, SECOND.data), Message(2, FIRST.subject, FIRST.data)]
    logs = [[FIRST, SECOND], [FIRST, moved], [FIRST, renamed], [FIRST, changed], swapped, [FIRST], [SECOND]]
    assert len({digest(*log) for log in logs}) == len(logs)


def test_a_tombstone_remembers_what_the_digest_needs_and_no_text() -> None:
    fact = CorrectionRecorded(
        **FULL, original_prompt="p", original_response="w", corrected_response="r", example_id="a"
    )
    message = Message(4, "training.correction.recorded.a.e1", encode(fact))
    kept = remembered(message)
    assert kept == ErasedMessage(
        seq=4,
        digest=hashlib.sha256(message.data).hexdigest(),
        subject=message.subject,
        fact="correction.recorded.v1",
        corrected=hashlib.sha256(b"p\0w").hexdigest()[:32],
        corrected_words=key("p", "w\n"),
        words=(f"1:{hashlib.sha256(b'p' + bytes(1) + b'r').hexdigest()[:32]}",),
    )
    tombstone = ExampleErased(**BARE, example_id="e1", reason="x", erased=(kept,))
    assert listed([(9, tombstone)])[4].entry == message.entry
    assert text_key("p", "w") == kept.corrected


def test_a_message_that_was_no_fact_is_remembered_as_such() -> None:
    assert remembered(SECOND).fact is None


def test_a_tombstone_can_only_list_what_was_said_before_it() -> None:
    tombstone = ExampleErased(**BARE, example_id="a", reason="x", erased=(remembered(FIRST), remembered(SECOND)))
    assert list(listed([(2, tombstone), (1, tombstone)])) == [1]
    assert listed([(5, tombstone), (7, tombstone)])[2].erased_by == 5


def test_every_sequence_has_its_message_its_tombstone_or_is_missing() -> None:
    erased = {2: Message(2, "s", b"", erased=remembered(SECOND), erased_by=9)}
    filled = without_gaps([FIRST, Message(4, "s", b"")], 0, 5, erased)
    assert [(m.seq, m.erased_by, m.is_missing) for m in filled] == [
        (1, 0, False), (2, 9, False), (3, 0, True), (4, 0, False), (5, 0, True)
    ]  # fmt: skip
