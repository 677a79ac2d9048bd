"""Errands: long work that somebody started in the browser, one after the other, each in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec
from msgspec import Struct

from events.deadline import within
from events.errors import RooflogError
from events.subjects import new_event_id

from ..errand_lines import LINE_BYTES, Errand, Step
from ..private_files import write_private
from ..settings import Settings
from .errors import Refusal

logger = logging.getLogger("rooflog.web")

WAITING = 8
"""Errands that wait or are done at a time; one of them is at work."""

KEPT = 50
"""Errands whose results are kept, over a restart too."""

END_SECONDS = 5.0

Phase = Literal["waiting", "working", "done", "failed"]


class Entry(Struct, kw_only=True):
    """An errand as people see it: what it is `about`, `done` of `total`, and what came of it."""

    id: str
    name: str
    about: str
    by: str
    began_at: str
    phase: Phase = "waiting"
    done: int = 0
    total: int = 0
    ended_at: str | None = None
    result: dict[str, Any] | None = None
    error: str | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes of it."""
        return self.phase in ("done", "failed")


class Errands:
    """The errands of this service, the newest last; results are kept in a file of the data directory."""

    def __init__(self, settings: Settings, url: str) -> None:
        self._settings = settings
        self._url = url
        self._file = settings.data_dir / "errands.json"
        self._turn = asyncio.Semaphore(1)
        self._working: set[asyncio.Task[None]] = set()
        self._entries: list[Entry] | None = None

    @property
    def entries(self) -> list[Entry]:
        """Every errand that is kept, the oldest first."""
        if self._entries is None:
            try:
                self._entries = msgspec.json.decode(self._file.read_bytes(), type=list[Entry])
            except (OSError, msgspec.MsgspecError):
                self._entries = []
        return self._entries

    @contextlib.asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """End what is at work when this ends."""
        try:
            yield
        finally:
            for task in list(self._working):
                task.cancel()
            await asyncio.gather(*self._working, return_exceptions=True)

    def start(
        self,
        name: str,
        args: dict[str, Any],
        by: str,
        *,
        about: str = "",
        after: Callable[[], object] = lambda: None,
    ) -> Entry:
        """Put an errand behind the others; `after` it is called. Raises Refusal 429 where too many wait."""
        if sum(not entry.is_over for entry in self.entries) >= WAITING:
            message = f"{WAITING} pieces of work wait already; come again later"
            raise Refusal(429, message, headers={"Retry-After": "30"})
        entry = Entry(id=new_event_id(), name=name, about=about, by=by, began_at=_now())
        self.entries.append(entry)
        task = asyncio.create_task(self._run(entry, Errand(name, args), after))
        self._working.add(task)
        task.add_done_callback(self._working.discard)
        return entry

    def find(self, number: str) -> Entry:
        """One errand. Raises Refusal 404."""
        for entry in self.entries:
            if entry.id == number:
                return entry
        raise Refusal(404, "this work is not known any more", code="unknown_errand")

    async def _run(self, entry: Entry, errand: Errand, after: Callable[[], object]) -> None:
        try:
            async with self._turn:
                entry.phase = "working"
                await self._work(entry, errand)
        except (RooflogError, OSError) as error:
            entry.error = str(error)
        finally:
            is_done = entry.result is not None
            entry.phase, entry.ended_at = "done" if is_done else "failed", _now()
            if not is_done:
                entry.error = entry.error or "it was ended before its end; start it again"
            logger.info("%s %s by %s: %s", entry.name, entry.about, entry.by, entry.error or entry.phase)
            after()
            self._keep()

    async def _work(self, entry: Entry, errand: Errand) -> None:
        environment = os.environ | {"ROOFLOG_DATA_DIR": str(self._settings.data_dir), "ROOFLOG_NATS_URL": self._url}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "services.errand"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=environment,
            limit=LINE_BYTES,
        )
        try:
            if process.stdin is not None:
                process.stdin.write(msgspec.json.encode(errand) + b"\n")
            while process.stdout is not None and (line := await process.stdout.readline()):
                step = msgspec.json.decode(line, type=Step)
                entry.done, entry.total = step.done or entry.done, step.total or entry.total
                entry.result, entry.error = step.result, step.error
        finally:
            await asyncio.shield(_ended(process))

    def _keep(self) -> None:
        over = [entry for entry in self.entries if entry.is_over]
        for entry in over[:-KEPT]:
            self.entries.remove(entry)
        with contextlib.suppress(OSError):  # a full disk takes no result away from those who look now
            write_private(self._file, msgspec.json.encode([entry for entry in self.entries if entry.is_over]))


async def _ended(process: asyncio.subprocess.Process) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        await within(END_SECONDS, process.wait())
    except TimeoutError:
        process.kill()
        await process.wait()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
