"""Quarantine: what cannot be folded is kept whole, with the reason, and nothing else is lost for it."""

from __future__ import annotations

import json

import duckdb
import msgspec
import pytest

from events.codec import encode
from events.message import legible
from events.subjects import parse, subject_of
from projections.tables.quarantine import IDS, SUBJECT_ID

from ..given import ANSWER, BETTER, Raw, adopted, approved, captured, corrected, given, junk, liked, policy

FUTURE = json.dumps({"type": "example.praised.v1"}).encode()


def nested(times: int) -> Raw:
    """A capture whose details nest twice as deep, and one level more than the fact itself."""
    fact, deep = captured("n"), b'{"x":[' * times + b"]}" * times
    return Raw(subject_of(fact), encode(fact).replace(b'"source"', b'"details":{"x":%b},"source"' % deep, 1))


@pytest.mark.parametrize(
    ("message", "category"),
    [
        (junk(), "malformed"),
        (junk(data=b""), "malformed"),
        (junk(data=b"\x00\xff"), "malformed"),
        (junk(data=FUTURE), "unknown_type"),
        (junk(data=encode(captured("a")).replace(b'"prompt"', b'"question"')), "invalid"),
        (junk("training.example.captured.b.e1", encode(captured("a"))), "wrong_subject"),
        (junk("training.example.captured.\udcff.e1"), "malformed"),
        (junk("training.example.captured.\udcff.e1", encode(captured("a"))), "wrong_subject"),
        (nested(32), "malformed"),
    ],
)
def test_what_does_not_decode_is_kept_whole_beside_folded_facts(message: Raw, category: str) -> None:
    story = given(captured("a"), message, approved("a"))
    story.then(training_set=["a"], quarantine={2: category})
    kept = story.con.execute("SELECT subject, data, reason <> '' FROM quarantine").fetchall()
    assert kept == [(legible(message.subject), message.data, True)]


def test_what_nests_as_deep_as_it_may_is_folded() -> None:
    given(nested(31), captured("a")).then(training_set=[], quarantine={})


class TestDuplicateExample:
    def test_the_first_capture_of_an_id_wins_over_later_ones(self) -> None:
        given(captured("a"), captured("a", response=BETTER), liked("a")).then(
            training_set=["a"], texts={"a": (captured("a").prompt, ANSWER)}, quarantine={2: "duplicate_example"}
        )

    def test_a_correction_under_the_id_of_an_example_corrects_nothing(self) -> None:
        given(captured("a"), captured("b", "Which TPO flashing?"), liked("b"), corrected("b", id="a")).then(
            training_set=["b"], quarantine={4: "duplicate_example"}
        )

    def test_a_capture_under_the_id_of_a_correction_is_kept(self) -> None:
        given(corrected(None, id="a"), captured("a"), captured("a")).then(
            training_set=["a"],
            texts={"a": (captured("a").prompt, BETTER)},
            quarantine={2: "duplicate_example", 3: "duplicate_example"},
        )


class TestInvalidPolicy:
    def test_a_policy_that_is_wrong_changes_nothing(self) -> None:
        wrong = msgspec.structs.replace(adopted(policy()), policy={"filters": {}})
        given(captured("a"), liked("a"), wrong).then(training_set=["a"], quarantine={3: "invalid_policy"})

    def test_a_policy_under_the_digest_of_another_changes_nothing(self) -> None:
        strict, lax = policy(approval={"positive_feedback": False}), policy()
        wrong = msgspec.structs.replace(adopted(strict), digest=lax.digest)
        given(captured("a"), liked("a"), wrong).then(training_set=["a"], quarantine={3: "invalid_policy"})

    def test_the_last_valid_policy_goes_on_to_hold(self) -> None:
        strict = policy(approval={"positive_feedback": False})
        wrong = msgspec.structs.replace(adopted(strict), policy={})
        given(captured("a"), liked("a"), adopted(strict), wrong).then(training_set=[], quarantine={4: "invalid_policy"})


def test_sql_finds_in_a_subject_what_python_does() -> None:
    subjects = [
        "training.example.captured.a.e1",
        "training.correction.recorded.a.c",
        "training.correction.recorded.c.c",
        "training.correction.recorded.c",
        "training.junk.1",
        "training.a.b.c.d.e",
    ]
    query = f"SELECT {SUBJECT_ID}, list_distinct({IDS}) FROM (SELECT unnest($subjects) AS subject)"
    rows = duckdb.execute(query, {"subjects": subjects}).fetchall()
    parsed = [(parse(subject).about, set(parse(subject).ids)) for subject in subjects]
    assert [(about or "", set(ids)) for about, ids in rows] == parsed
