"""The short cut of `make faults`: some of the faults, each once."""

from __future__ import annotations

import pytest

from .play import play
from .registry import Fault, load

SHORT = [fault for fault in load().values() if fault.is_short]


@pytest.mark.slow
@pytest.mark.parametrize("fault", SHORT, ids=lambda fault: fault.name)
def test_an_installation_survives(fault: Fault) -> None:
    outcome = play(fault, 1)
    if outcome.not_run:
        pytest.skip(f"not run: {outcome.not_run}")
    assert outcome.problems == []
    assert outcome.acknowledged > 0
    assert (outcome.lost, outcome.doubled) == (0, 0)
