"""A server in Modal's place, in a thread of its own: drivers wait for it as a projector's thread does."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from .standin import MapStandIn


@pytest.fixture
def standin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MapStandIn]:
    ready, over = threading.Event(), asyncio.Event()
    served: list[MapStandIn] = []
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        standin = MapStandIn(tmp_path / "modal")
        async with standin.running():
            served.append(standin)
            loops.append(asyncio.get_running_loop())
            ready.set()
            await over.wait()
        standin.pool.shutdown(cancel_futures=True)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    ready.wait()
    [standin], [loop] = served, loops
    for name, value in standin.environment.items():
        monkeypatch.setenv(name, value)
    try:
        yield standin
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
    assert standin.unexpected == []
