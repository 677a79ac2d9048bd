"""Who reads sees one moment of columns and tables, whatever is folded meanwhile."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from projections.fold.projector import Projector, prepare
from projections.queries import review_queue

from ..given import captured, disliked, erased, given, liked, reading, redacted, split
from ..remembered import assert_remembered

STORY = given(
    *(captured(f"e{n}", f"How is roof curb number {n} flashed with TPO?") for n in range(40)),
    *(liked(f"e{n}") for n in range(0, 40, 3)),
    *(disliked(f"e{n}") for n in range(1, 40, 3)),
    redacted("e2", "Where does the TPO walkway pad of this roof end?"),
    erased("e5"),
    *(captured(f"late{n}", f"How is roof vent number {n} flashed with TPO?") for n in range(20)),
)
COUNTED = "SELECT count(*), count(*) FILTER (reasons = 0), count(*) FILTER (queue IS NOT NULL) FROM verdicts"


def test_a_reader_sees_one_moment_while_facts_are_folded(tmp_path: Path) -> None:
    projector = Projector(tmp_path / "rooflog.duckdb")
    failures: list[str] = []
    looks: list[int] = []
    is_over = threading.Event()

    def read() -> None:
        while not is_over.is_set():
            reader = reading(projector)
            tallies = reader.columns.counts.by("reason")
            counted = tuple(sum(column) for column in zip(*(tally[1:] for tally in tallies), strict=True)) or (0, 0, 0)
            stored = reader.con.execute(COUNTED).fetchall()[0]
            looks.append(stored[0])
            if counted != stored:
                failures.append(f"columns say {counted}, tables {stored}")
            reader.con.close()

    readers = [threading.Thread(target=read) for _ in range(3)]
    for thread in readers:
        thread.start()
    try:
        for batch in split(STORY.messages, 2):
            projector.apply(batch)
    finally:
        is_over.set()
        for thread in readers:
            thread.join()
    projector.close()
    assert failures == []
    assert len(set(looks)) > 3, "readers saw hardly anything of what was folded"


def test_columns_are_read_before_the_tables() -> None:
    reader = given(captured("a")).reader
    assert reader.columns.published == 1
    assert reader.con.execute("SELECT count(*) FROM judged").fetchall() == [(1,)]
    with pytest.raises(RuntimeError, match="columns are read before the first statement"):
        _ = reader.columns


def test_what_is_not_committed_is_not_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    story = given(captured("a"), captured("b", "How wide is an EPDM roof seam?"), liked("a"))
    projector = Projector(None)
    projector.apply(story.messages[:1])
    with monkeypatch.context() as broken:
        broken.setattr("projections.verdicts.stored.write", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            projector.apply(story.messages[1:])
    assert [item["example_id"] for item in review_queue.found(reading(projector))["items"]] == ["a"]
    projector.apply(story.messages[1:])
    assert [item["example_id"] for item in review_queue.found(reading(projector))["items"]] == ["b", "a"]


def test_texts_judged_at_the_end_are_known_afterwards() -> None:
    """Else the same text would be analysed, and kept, twice."""
    text = "How wide is an EPDM roof seam?"
    story = given(captured("a"), captured("b", text), captured("c", text), liked("c"))
    projector = Projector(None)
    projector.apply(story.messages[:1])
    projector.fold(prepare(story.messages[1:2]))
    projector.judge()
    projector.apply(story.messages[2:])
    assert_remembered(projector)
    twice = "SELECT analysis_key FROM analysis GROUP BY ALL HAVING count(*) > 1"
    assert projector.con.execute(twice).fetchall() == []


def test_a_commit_not_published_is_read_from_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    story = given(captured("a"), captured("b", "How wide is an EPDM roof seam?"))
    projector = Projector(None)
    projector.apply(story.messages[:1])
    with monkeypatch.context() as broken:
        broken.setattr("projections.verdicts.counters.Counts.move", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            projector.apply(story.messages[1:])
    assert [item["example_id"] for item in review_queue.found(reading(projector))["items"]] == ["b", "a"]
    assert projector.apply(story.messages) == 0
