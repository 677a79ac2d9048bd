"""The stand-in in Modal's place."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from .standin import StandIn, served


@pytest.fixture
def version() -> int:
    """The version of the volume's file system."""
    return 1


@pytest.fixture
async def standin(tmp_path: Path, version: int, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[StandIn]:
    async with served(tmp_path / "modal", version, monkeypatch) as standin:
        yield standin
