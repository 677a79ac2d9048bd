"""Erasure: the text of an example is in no table any more, whatever else arrives."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from msgspec import structs

from events import same_words
from events.facts import Fact
from events.message import Message
from projections.tables import erasures

from ...events.quoting import quoting
from ..given import (
    ANSWER,
    BETTER,
    SUPPLIER,
    Defect,
    Erase,
    Lie,
    Said,
    approved,
    captured,
    corrected,
    erased,
    fold,
    given,
    junk,
    liked,
    redacted,
    tables_holding,
)

OWNER = "Kowalczyk"
PROMPT = f"How high must base flashing of the {OWNER} roof be?"
TEXTS: dict[str, Any] = {"prompt": PROMPT, "response": f"{ANSWER} {OWNER}"}
FULL = captured("a", **TEXTS, details={"note": OWNER})


def test_these_tests_find_a_text_that_was_not_erased() -> None:
    assert tables_holding(given(FULL).con, OWNER) == ["examples"]


@pytest.mark.parametrize(
    "said",
    [
        [FULL, erased("a")],
        [erased("a"), FULL],
        [FULL, redacted("a", **TEXTS), erased("a")],
        [FULL, erased("a"), redacted("a", **TEXTS)],
        [redacted("a", **TEXTS), erased("a"), FULL],
        [erased("a"), redacted("a", **TEXTS), FULL],
        [FULL, erased("a"), erased("a"), redacted("a", **TEXTS), redacted("a", **TEXTS)],
        [corrected(None, TEXTS["response"], wrong=f"{OWNER}!", prompt=PROMPT, id="a", reason=OWNER), erased("a")],
        [erased("a"), corrected(None, TEXTS["response"], wrong=f"{OWNER}!", prompt=PROMPT, id="a", reason=OWNER)],
        [
            corrected(None, id="a", prompt=PROMPT),
            erased("a"),
            redacted("a", **TEXTS, original_response=OWNER),
        ],
    ],
    ids=lambda said: " ".join(type(fact).__name__.removeprefix("Example") for fact in said),
)  # fmt: skip
def test_the_text_is_gone_from_every_table_whatever_came_first(said: list[Said]) -> None:
    story = given(*said, approved("a")).then(training_set=[], queue=[], texts={"a": ("", "")})
    assert "erased" in story.show("a")["verdict"]["reasons"]
    assert tables_holding(story.con, OWNER) == []


def test_a_redaction_takes_the_old_text_out_of_every_table() -> None:
    story = given(FULL, redacted("a"), corrected(None, id="b", wrong=OWNER), redacted("b", original_response="[gone]"))
    assert tables_holding(given(captured("a", **TEXTS), redacted("a")).con, OWNER) == []
    assert story.show("b")["original_response"] == "[gone]"


def test_an_erased_correction_still_keeps_out_the_corrected_answer() -> None:
    given(corrected(None), erased("fix"), captured("a"), approved("a")).then(
        training_set=[], why={"a": ["superseded_by fix"], "fix": ["erased"]}
    )
    given(captured("a"), approved("a"), corrected("a", wrong="other"), erased("fix-a")).then(
        training_set=[], why={"a": ["superseded_by fix-a"]}
    )


def test_erasing_the_winner_lets_its_duplicate_in() -> None:
    story = given(captured("a"), captured("b", response=BETTER, minute=1), liked("a"), approved("b"))
    story.then(training_set=["b"])
    story.when(erased("b")).then(training_set=["a"])


def test_two_erased_examples_are_no_duplicates_of_each_other() -> None:
    given(captured("a"), captured("b"), liked("a"), liked("b"), erased("a"), erased("b")).then(
        why={"a": ["erased"], "b": ["erased"]}
    )


def test_an_erased_examples_words_may_be_captured_again() -> None:
    given(captured("a"), liked("a"), erased("a"), captured("b"), liked("b")).then(training_set=["b"])


@pytest.mark.parametrize("about", ["kept", "other"])
def test_erased_words_stay_under_the_ids_that_were_kept(about: str) -> None:
    story = given(captured("a"), Erase("a", kept=("kept",)), captured(about), liked(about))
    story.then(training_set=[about] if about == "kept" else [])
    assert story.show(about)["response"] == (ANSWER if about == "kept" else "")


def test_words_that_a_restored_log_lacks_are_erased_as_well() -> None:
    tombstone = structs.replace(erased("a"), words=(same_words.key(PROMPT, ANSWER),))
    story = given(tombstone, captured("b", PROMPT, f"{ANSWER}\n"), captured("c", PROMPT, BETTER))
    assert tables_holding(story.con, ANSWER) == []
    story.then(texts={"b": ("", ""), "c": (PROMPT, BETTER)})


def test_personal_data_that_was_erased_is_no_reason_any_more() -> None:
    given(captured("a", response=ANSWER + SUPPLIER), liked("a"), erased("a")).then(why={"a": ["erased"]})


@pytest.mark.parametrize("order", ["erased last", "erased first"])
def test_a_second_capture_of_an_erased_id_leaves_nothing(order: str) -> None:
    said = [FULL, captured("a", **TEXTS)]
    story = given(*said, erased("a")) if order == "erased last" else given(erased("a"), *said)
    assert tables_holding(story.con, OWNER) == []


def test_a_correction_does_not_keep_an_erased_examples_text() -> None:
    story = given(FULL, corrected("a", wrong=TEXTS["response"], prompt=PROMPT), erased("a"))
    assert tables_holding(story.con, OWNER) == []


class TestMessagesThatAreReallyGone:
    """Every story here is also folded from a log without what its tombstones list, and must end in the same content."""

    @pytest.mark.parametrize(
        "said",
        [
            [FULL, Erase("a")],
            [FULL, redacted("a", **TEXTS), liked("a"), Erase("a")],
            [FULL, captured("a", **TEXTS), Erase("a", all_but=1)],
            [FULL, captured("a", **TEXTS), Erase("a")],
            [erased("a"), FULL, Erase("a")],
            [Erase("a"), FULL],
            [FULL, Erase("a"), FULL, Erase("a")],
            [junk(data=OWNER.encode()), FULL, Erase("a"), redacted("a", **TEXTS)],
            [FULL, corrected("a", wrong=OWNER, id="c"), corrected("c", wrong=OWNER, id="d"), Erase("a"), Erase("c")],
            [corrected("c", wrong=OWNER, id="d"), Erase("a"), corrected("a", wrong=OWNER, id="c"), FULL],
        ],
        ids=lambda said: " ".join(type(fact).__name__.removeprefix("Example") for fact in said),
    )  # fmt: skip
    def test_the_tables_cannot_be_told_apart(self, said: list[Said]) -> None:
        story = given(captured("b"), *said, approved("a"), captured("z"), liked("z"))
        assert "erased" in story.show("a")["verdict"]["reasons"]
        assert tables_holding(story.con, OWNER) == []

    @pytest.mark.parametrize("fact", quoting("a", OWNER), ids=lambda fact: fact.event_id)
    def test_a_comment_goes_from_every_table_with_its_message(self, fact: Fact) -> None:
        told = given(captured("a"), fact)
        assert tables_holding(told.con, OWNER) != []
        assert tables_holding(told.when(Erase("a", comments=True)).con, OWNER) == []

    @pytest.mark.parametrize("fact", [liked("a", comment=OWNER), approved("a", reason=OWNER)])
    def test_what_is_said_after_an_erasure_is_hidden(self, fact: Fact) -> None:
        story = given(FULL, Erase("a"), fact, captured("b"))
        assert tables_holding(story.con, OWNER) == []
        assert erasures.unerased(story.con) == {"a": [3]}

    @pytest.mark.parametrize(
        "texts", [{}, {"prompt": f"{PROMPT}\r\n"}, {"response": TEXTS["response"].replace(" ", "\u00a0")}]
    )
    def test_erased_words_under_another_id_are_hidden(self, texts: dict[str, str]) -> None:
        for again in (captured("b", **TEXTS | texts), corrected(None, wrong=TEXTS["response"], prompt=PROMPT, id="b")):
            story = given(FULL, Erase("a"), again, approved("b"), captured("c"))
            assert tables_holding(story.con, OWNER) == []
            assert erasures.unerased(story.con) == {"a": [3]}
            assert "erased" in story.show("b")["verdict"]["reasons"]

    def test_a_tombstone_that_is_erased_itself_still_erases_its_example(self) -> None:
        story = given(FULL, Erase("a"), captured("b"), Erase("a", comments=True))
        rows = story.con.execute("SELECT seq, actor, reason FROM erasures ORDER BY seq").fetchall()
        assert rows == [(2, None, ""), (4, "ana", "asked to")]
        assert story.show("a")["verdict"]["reasons"] == ["erased", "not_approved"]

    def test_a_correction_without_words_keeps_out_what_it_corrected(self) -> None:
        given(corrected(None), Erase("fix"), captured("a"), approved("a")).then(
            training_set=[], why={"a": ["superseded_by fix"], "fix": ["erased"]}
        )

    def test_unerased_messages_are_known_until_a_tombstone_lists_them(self) -> None:
        story = given(FULL, redacted("a", **TEXTS), corrected("a", wrong=OWNER, id="c"), Erase("a"))
        assert erasures.unerased(story.con) == {"c": [3]}
        story = story.when(captured("a", **TEXTS), redacted("c"), junk())
        assert erasures.unerased(story.con) == {"a": [5, 7], "c": [3, 6]}
        story = story.when(Erase("a"), Erase("c"))
        assert erasures.unerased(story.con) == {}

    def test_the_running_digest_is_that_before_the_erasure(self) -> None:
        story = given(FULL, captured("b"), Erase("a"))
        assert story.left[0].data == b""
        saw, only_knows = fold([story.messages]), fold([story.left])
        assert saw.checkpoint == only_knows.checkpoint

    @pytest.mark.parametrize("defect", get_args(Defect))
    def test_a_tombstone_with_a_defect_is_quarantined(self, defect: Defect) -> None:
        said = (FULL, liked("a"), Lie("a", defect), captured("b"), liked("b"))
        given(*said).then(training_set=["a", "b"], quarantine={3: "wrong_tombstone"})
        given(*said, Erase("a"), Lie("b", defect)).then(training_set=["b"], quarantine={7: "wrong_tombstone"})

    def test_a_message_missing_without_tombstone_is_quarantined_and_changes_digests(self) -> None:
        story = given(FULL, captured("b"))
        gap = Message(1, "", b"")
        told = fold([[gap, story.messages[1]]])
        assert told.con.execute("SELECT seq, category FROM quarantine").fetchall() == [(1, "missing")]
        assert told.checkpoint.log_digest != fold([story.messages]).checkpoint.log_digest
