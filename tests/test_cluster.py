"""A cluster that loses its leader, and then its quorum, loses no fact; `make cluster` plays 50,000 captures."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cluster import play


@pytest.mark.slow
async def test_a_cluster_that_loses_two_servers_loses_no_fact(tmp_path: Path) -> None:
    """Given services that came with one server of three, when two die under load and return, then all is there."""
    outcome = await play(2_000, tmp_path)
    assert (outcome.lost, outcome.doubled, outcome.acknowledged.refused) == (0, 0, [])
    assert (len(outcome.acknowledged.captures), outcome.folded, outcome.verified) == (2_000, 2_000, "verified")
    assert len(set(outcome.harm)) == 2
