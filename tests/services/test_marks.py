"""Marks: what was last done well, and when."""

from __future__ import annotations

from pathlib import Path

from services import marks


def test_the_last_mark_is_kept(tmp_path: Path) -> None:
    marks.set_mark(tmp_path, "verified", 3, "aa")
    marks.set_mark(tmp_path, "verified", 7, "bb")
    last = marks.last(tmp_path, "verified")
    assert last
    assert (last.seq, last.log_digest) == (7, "bb")
    assert last.age_seconds >= 0
    assert marks.last(tmp_path, "backed_up") is None


def test_a_mark_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    marks.path(tmp_path, "verified").write_text("{")
    assert marks.last(tmp_path, "verified") is None
