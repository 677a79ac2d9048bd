"""A deadline holds whatever becomes of a cancellation, and cancels what is waited for no longer."""

from __future__ import annotations

import asyncio

import pytest

from events import deadline
from events.deadline import within


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadline, "TIDY_SECONDS", 0.01)


async def test_what_ends_in_time_is_returned_or_raised() -> None:
    async def works() -> int:
        return 7

    async def fails() -> int:
        raise LookupError("no")

    assert await within(60, works()) == 7
    assert await within(None, works()) == 7
    with pytest.raises(LookupError, match="no"):
        await within(60, fails())


async def test_a_lost_cancellation_holds_nobody_up() -> None:
    """Given work that swallows cancellations, when its time is over, then nobody waits, and it is cancelled again."""
    swallowed = 0
    is_over = asyncio.Event()

    async def swallows() -> None:
        nonlocal swallowed
        while swallowed < 3:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                swallowed += 1
        is_over.set()

    with pytest.raises(TimeoutError, match="it took longer than 0 seconds"):
        await within(0, swallows())
    assert swallowed < 3
    await is_over.wait()


async def test_whoever_is_cancelled_cancels_the_work() -> None:
    is_cancelled = asyncio.Event()

    async def works() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            is_cancelled.set()

    waiting = asyncio.create_task(within(None, works()))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert is_cancelled.is_set()


async def test_a_cancellation_that_comes_with_the_result_is_not_lost() -> None:
    """Python 3.11's `wait_for` returns the result instead."""
    working: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    waiting = asyncio.create_task(within(60, working))
    await asyncio.sleep(0)
    working.set_result(1)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_an_error_after_the_deadline_is_nobodys() -> None:
    unhandled: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unhandled.append(context))

    async def fails() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise LookupError("too late")

    with pytest.raises(TimeoutError):
        await within(0, fails())
    await asyncio.sleep(0.05)
    assert unhandled == []
