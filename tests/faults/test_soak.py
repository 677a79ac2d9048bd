"""The short cut of `make soak`: everything that takes turns comes once, or nearly so."""

from __future__ import annotations

from pathlib import Path

import pytest

from .installation import Installation
from .soak import KINDS, soak, table


@pytest.mark.slow
async def test_what_takes_turns_breaks_nothing(tmp_path: Path) -> None:
    figures = await soak(Installation(tmp_path), minutes=0.4, rate=20)
    assert figures.problems == []
    assert (figures.lost, figures.doubled) == (0, 0)
    assert figures.facts > 0
    assert figures.done["policy"] >= 1
    assert figures.memory.keys() == set(KINDS)
    assert "captures/s wanted" in table(figures)
