"""No start of a command hangs, whatever its server does; `make starts` plays a thousand."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.starts import play


@pytest.mark.slow
async def test_every_start_ends_whatever_the_server_does(tmp_path: Path) -> None:
    outcomes = {outcome.kind: outcome for outcome in await play(10, tmp_path)}
    assert [outcome for outcome in outcomes.values() if not outcome.is_well] == []
    assert {kind: dict(outcome.codes) for kind, outcome in outcomes.items()} == {
        "away": {1: 2},
        "silent": {1: 2},
        "half-open": {1: 2},
        "slow ping": {1: 2},
        "slow": {0: 2},
    }
