"""The progress bar shows on a terminal, once something takes long, and nowhere else."""

from __future__ import annotations

import io
import sys

import pytest

from services.cli import progress


class Terminal(io.StringIO):
    """Standard error of somebody who looks on."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("stream", "shows"), [(Terminal(), True), (io.StringIO(), False)])
def test_what_takes_long_shows_how_far_it_is(stream: io.StringIO, shows: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(progress, "PROGRESS_AFTER_SECONDS", 0.0)
    with progress.bar("folding") as report:
        report(10, 40)
        report(40, 40)
    assert ("folding" in stream.getvalue() and "40/40" in stream.getvalue()) == shows


def test_what_is_quick_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", stream := Terminal())
    monkeypatch.setattr(progress, "PROGRESS_AFTER_SECONDS", 1e9)
    with progress.bar("folding") as report:
        report(1, 1)
    assert "folding" not in stream.getvalue()
