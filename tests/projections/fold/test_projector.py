"""The projector: exactly once from whatever is delivered, in memory or in a file that is closed and opened again."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from events.facts import Fact
from projections.fold.content_digest import content_digest
from projections.fold.projector import Projector
from projections.queries import examples
from projections.store import database
from projections.store.database import DatabaseError

from ..given import approved, captured, corrected, disliked, erased, given, liked, redacted, rejected

STORY = given(captured("a"), liked("a"), captured("b"), corrected("b"), rejected("a"))


class TestWaiting:
    """Facts about an example that has not arrived wait for it."""

    @pytest.mark.parametrize(
        "said", [liked("a"), disliked("a"), approved("a"), rejected("a"), redacted("a"), erased("a")],
        ids=lambda fact: type(fact).__name__,
    )  # fmt: skip
    def test_they_are_counted_until_it_arrives(self, said: Fact) -> None:
        story = given(captured("b"), said)
        story.then(waiting=1)
        story.when(captured("a")).then(waiting=0)

    def test_feedback_and_decisions_apply_when_it_arrives(self) -> None:
        given(liked("a"), captured("a")).then(training_set=["a"], approval={"a": "feedback"})
        given(approved("a"), captured("a")).then(training_set=["a"], approval={"a": "reviewer"})
        given(liked("a"), rejected("a"), captured("a")).then(training_set=[], why={"a": ["rejected"]})
        given(disliked("a"), captured("a")).then(queue=[("a", "negative_feedback")])

    def test_a_redaction_applies_when_it_arrives(self) -> None:
        clean = "Extend the TPO base flashing 8 inches above the roof; ask [email]."
        given(redacted("a", response=clean), captured("a", response=clean.replace("[email]", "bo@example.com"))).then(
            texts={"a": (captured("a").prompt, clean)}, why={"a": ["not_approved"]}
        )

    def test_a_correction_of_it_applies_when_it_arrives(self) -> None:
        given(corrected("a", wrong="another"), approved("a"), captured("a")).then(
            training_set=["fix-a"], why={"a": ["superseded_by fix-a"]}
        )


def test_checkpoint_is_the_last_message_and_the_running_digest() -> None:
    told, other = STORY.con, given(captured("a"), liked("a"), captured("b"), corrected("b"), disliked("a")).con
    status = examples.status(told)
    assert status["checkpoint"] == 5
    assert status["log_digest"] != examples.status(other)["log_digest"]


def test_an_overlapping_delivery_adds_only_what_is_new() -> None:
    projector = Projector(None)
    assert projector.apply(STORY.messages[:3]) == 3
    assert projector.apply(STORY.messages[1:5]) == 2
    assert projector.apply([]) == 0
    assert (projector.checkpoint_seq, content_digest(projector.con)) == (5, content_digest(STORY.con))


def test_every_text_of_a_batch_is_analysed_whatever_the_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    said = [captured(f"e{n}", prompt=f"How far apart do screws of TPO plate {n} stand?") for n in range(25)]
    whole = given(*said)
    monkeypatch.setattr("projections.texts.analysis.PAGE", 500)
    parts = given(*said)
    assert database.first(parts.con, "SELECT count(*), min(score) > 0 FROM analysis") == (25, True)
    assert content_digest(parts.con) == content_digest(whole.con)


def test_a_file_that_was_closed_goes_on_where_it_stood(tmp_path: Path) -> None:
    path = tmp_path / "new" / "rooflog.duckdb"
    for end in (2, 5):
        projector = Projector(path)
        assert projector.checkpoint_seq == (0 if end == 2 else 2)
        projector.apply(STORY.messages[:end])
        projector.close()
    projector = Projector(path)
    assert content_digest(projector.con) == content_digest(STORY.con)
    projector.close()


def test_replaced_rows_stay_in_the_file_until_it_is_tidied(tmp_path: Path) -> None:
    projector = Projector(tmp_path / "rooflog.duckdb")
    projector.apply(STORY.messages)
    con = projector.con
    con.execute("CREATE TABLE many AS SELECT range AS n FROM range(300_000)")
    con.execute("CHECKPOINT")

    def replace(others: int) -> None:
        con.execute(f"CREATE OR REPLACE TEMP TABLE taken AS FROM many WHERE n % {others} > 0")
        con.execute(f"DELETE FROM many WHERE n % {others} > 0")
        con.execute("INSERT INTO many FROM taken")

    def stored() -> int:
        rows = con.execute("SELECT sum(count) FROM pragma_storage_info('many') WHERE segment_type <> 'VALIDITY'")
        return int(rows.fetchall()[0][0])

    replace(4)
    projector.tidy()
    assert stored() == 300_000
    with con.cursor() as reader:
        reader.execute("BEGIN TRANSACTION")
        assert reader.execute("SELECT count(*) FROM many").fetchall() == [(300_000,)]
        projector.tidy()
        assert reader.execute("SELECT count(*) FROM many").fetchall() == [(300_000,)]
    replace(5)
    con.execute("CHECKPOINT")
    assert stored() == 540_000
    assert content_digest(con) == content_digest(STORY.con)
    replace(7)
    projector.close()
    projector = Projector(tmp_path / "rooflog.duckdb")
    con = projector.con
    assert stored() == 300_000
    projector.close()


def test_tidying_that_fails_leaves_no_vacuum_and_can_be_closed(tmp_path: Path) -> None:
    projector = Projector(tmp_path / "rooflog.duckdb")
    con = projector.con
    with con.cursor() as writer:
        writer.execute("BEGIN TRANSACTION")
        writer.execute("CREATE TABLE unfinished (n BIGINT)")
        with pytest.raises(duckdb.TransactionException):
            projector.tidy()
    assert con.execute("SELECT current_setting('max_vacuum_tasks')").fetchall() == [(0,)]
    con.execute("BEGIN TRANSACTION")
    with pytest.raises(duckdb.CatalogException):
        con.execute("SELECT * FROM unfinished")
    projector.close()
    Projector(tmp_path / "rooflog.duckdb").close()


def test_a_file_of_another_version_is_refused_with_advice(tmp_path: Path) -> None:
    projector = Projector(tmp_path / "rooflog.duckdb")
    projector.con.execute("UPDATE checkpoint SET versions = 'schema=0'")
    projector.close()
    with pytest.raises(DatabaseError, match="rooflog rebuild"):
        Projector(tmp_path / "rooflog.duckdb")


def test_a_file_that_is_no_database_is_refused_with_advice(tmp_path: Path) -> None:
    (tmp_path / "rooflog.duckdb").write_bytes(b"not a database " * 1000)
    with pytest.raises(DatabaseError, match="rooflog rebuild"):
        Projector(tmp_path / "rooflog.duckdb")


def test_a_batch_that_fails_halfway_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither in the tables nor in memory, where another prompt's buckets are kept."""
    story = STORY.when(captured("c", "Why does an EPDM membrane shrink?"))
    projector = Projector(None)
    projector.apply(story.messages[:2])
    before = content_digest(projector.con)
    with monkeypatch.context() as broken:
        broken.setattr("projections.verdicts.stored.write", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            projector.apply(story.messages[2:])
    assert (content_digest(projector.con), projector.checkpoint_seq) == (before, 2)
    projector.apply(story.messages[2:])
    assert content_digest(projector.con) == content_digest(story.con)
    links, told = (con.execute("FROM near_texts ORDER BY seq").fetchall() for con in (projector.con, story.con))
    assert links == told


def test_the_largest_numbers_of_json_do_not_stop_the_projector() -> None:
    given(captured("a", details={"n": 10**400, "x": -(2**63) - 1})).then(quarantine={})


def test_a_text_with_a_nul_is_folded_like_any_other() -> None:
    prompt = "What \0 is a TPO roof?"
    given(captured("a", prompt), liked("a"), captured("b", "What \0 is an EPDM roof?"), liked("b")).then(
        training_set=["a", "b"], texts={"a": (prompt, captured("a").response)}
    )
