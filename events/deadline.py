"""Deadlines that hold: work is waited for so long and no longer, whatever becomes of its cancellation.

`asyncio.wait_for` and `asyncio.timeout` end when the work ends, which they cancel. A library may swallow that: nats-py
does, and so does Python 3.11's `wait_for` where its work is done at the same moment. Then they wait for good.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

TIDY_SECONDS = 1.0
"""What work that is cancelled may take to tidy up before nobody waits for it, and before it is cancelled again."""

T = TypeVar("T")


async def within(seconds: float | None, work: Awaitable[T]) -> T:
    """The result of some work. Raises TimeoutError where that takes longer; then the work is cancelled."""
    working = asyncio.ensure_future(work)
    if not await ends(working, seconds):
        raise TimeoutError(f"it took longer than {seconds:g} seconds")
    return working.result()


async def ends(working: asyncio.Future[Any], seconds: float | None) -> bool:
    """Wait for work and tell whether it ends in time; where it does not, or nobody waits any more, it is cancelled."""
    is_over = False
    try:
        await asyncio.wait({working}, timeout=seconds)
        is_over = working.done()
    finally:
        if not is_over:
            _cancel(working)
            await asyncio.wait({working}, timeout=TIDY_SECONDS)
    return is_over


def _cancel(working: asyncio.Future[Any]) -> None:
    """Cancel some work until it has ended."""
    if not working.done():
        working.cancel()
        working.get_loop().call_later(TIDY_SECONDS, _cancel, working)
    elif not working.cancelled():
        working.exception()  # nobody else looks at it
