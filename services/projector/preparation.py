"""Preparation: texts analysed as a coming policy demands, here or on an engine, while others read and fold."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any, TypeVar

from events.errors import InputError
from projections.policy.policy import from_document
from projections.queries import policy_preview
from projections.texts import analysis
from projections.work.jobs import Run

from .. import heavy
from ..settings import Settings
from ..state.owner import Owner
from ..state.protocol import ANSWER_SECONDS

PREPARE = "prepare"
"""The command that has texts analysed, and says how many are left."""

LOCAL = "local"

WAIT_SECONDS = ANSWER_SECONDS / 4
"""How long whoever asks waits for an engine, before it is told how many texts are left and asks again."""

ROUND = 50_000
"""Texts that are read from the tables at a time: it bounds memory."""

T = TypeVar("T")


class Preparations:
    """The preparations of one owner: on an engine one at a time, which all who ask for the same join."""

    def __init__(self, owner: Owner, folding: asyncio.Lock, settings: Settings) -> None:
        self._owner = owner
        self._folding = folding
        self._settings = settings
        self._asked: tuple[str, dict[str, Any]] | None = None
        self._task: asyncio.Task[None] | None = None
        self._left = 0
        self._stopped = threading.Event()

    async def prepare(self, *, policy: dict[str, Any], on: str | None = None) -> dict[str, int]:
        """Analyse some of the texts that a policy's lexicon and rules have not seen; how many are `left`.

        Raises InputError where the engine or the policy is none, RooflogError where the engine does not do it.
        """
        engine = on or self._settings.engine
        if engine not in heavy.ENGINES:
            raise InputError(f"{engine!r} is no engine: give {heavy.CHOICES}")
        if engine == LOCAL:
            async with self._folding:
                left: dict[str, int] = await asyncio.to_thread(self._owner.run, PREPARE, {"policy": policy})
                return left
        asked = engine, policy
        if self._task is None:
            self._asked, self._left = asked, 1
            self._task = asyncio.create_task(self._prepare(engine, policy))
        task = self._task
        await asyncio.wait([task], timeout=WAIT_SECONDS)
        if not task.done():
            return {"left": self._left}
        is_ours, self._task = self._asked == asked, None
        if is_ours:
            task.result()
        return {"left": self._left if is_ours else 1}

    async def stop(self) -> None:
        """End the one that is under way; what was analysed until then stays."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _prepare(self, engine: str, policy: dict[str, Any]) -> None:
        by, owner, opened = analysis.analyser(from_document(policy)), self._owner, ExitStack()
        self._stopped.clear()
        try:
            run = await self._in_thread(
                lambda: opened.enter_context(heavy.opened(self._settings, engine, self._stopped))
            )
            while True:
                async with self._folding:
                    self._left = await self._in_thread(
                        lambda: owner.change(partial(policy_preview.copy, policy=policy))
                    )
                if not self._left:
                    return
                analyses = await self._in_thread(lambda: self._read(by, run))
                keep = partial(analysis.keep_late, by=by, analyses=analyses)
                async with self._folding:
                    await self._in_thread(partial(owner.change, keep))
        finally:
            await self._in_thread(opened.close)

    def _read(self, by: analysis.Analyser, run: Run | None) -> analysis.Analyses:
        with self._owner.reading() as cursor:
            pages = analysis.unread(cursor, by, ROUND)
        return analysis.read(by, pages, run or map)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        """Work in a thread, to its end; whoever is cancelled waits for no other machine."""
        working = asyncio.ensure_future(asyncio.to_thread(work))
        try:
            return await asyncio.shield(working)
        except asyncio.CancelledError:
            self._stopped.set()
            await asyncio.gather(working, return_exceptions=True)
            raise
