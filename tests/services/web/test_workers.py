"""Workers: some work at a time in threads, a bounded queue, and the event loop goes on."""

from __future__ import annotations

import asyncio
import threading

import pytest

from services.web.errors import Refusal
from services.web.workers import AT_ONCE, QUEUE, QUEUE_OF_ONE, Workers


async def test_the_loop_goes_on_and_the_queue_is_bounded() -> None:
    workers, go_on, running = Workers(), threading.Event(), []

    def work(name: str) -> str:
        running.append(name)
        go_on.wait()
        return name

    tasks = []
    for n in range(QUEUE):
        tasks.append(asyncio.create_task(workers.run(f"actor {n // QUEUE_OF_ONE}", work, str(n))))
        await asyncio.sleep(0)
    with pytest.raises(Refusal) as own:
        await workers.run("actor 0", work, "too much of one")
    with pytest.raises(Refusal) as everybody:
        await workers.run("another", work, "too much of all")
    assert (own.value.status, everybody.value.status) == (429, 503)
    assert everybody.value.headers["Retry-After"]
    assert len(running) <= AT_ONCE
    go_on.set()
    assert await asyncio.gather(*tasks) == [str(n) for n in range(QUEUE)]
    assert await workers.run("another", work, "again") == "again"


async def test_what_fails_leaves_the_queue() -> None:
    workers = Workers()
    for _ in range(2 * QUEUE):
        with pytest.raises(ZeroDivisionError):
            await workers.run("actor", lambda: 1 // 0)
