"""PastSession sessions: states of earlier moments that users look at, each in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from typing import Any

import msgspec
from msgspec import Struct
from nats.aio.msg import Msg

from events.deadline import within
from events.log.log import Log
from events.requests import value_of
from events.subjects import TOMBSTONES

from ..history.past_process import LINE_BYTES, Asked, Reply, Step
from ..scratch import forget_abandoned
from ..settings import Settings
from .errors import Refusal, unavailable

AT_ONCE = 2
"""Sessions at a time: each takes the memory and disk of a database of its own."""

IDLE_SECONDS = 10 * 60.0
"""A session without a question for so long is ended."""

LONGEST_SECONDS = 60 * 60.0
ANSWER_SECONDS = 30.0
END_SECONDS = 5.0


class Moment(Struct, frozen=True):
    """A past state and how far it is: `done` of `total` facts replayed or texts judged; `seconds` since it began."""

    seq: int
    phase: str
    done: int
    total: int
    error: str | None
    by: str
    seconds: float


class PastSession:
    """One past state: its process, and the queue of its answers."""

    def __init__(self, seq: int, by: str) -> None:
        self.seq = seq
        self.by = by
        self.step = Step()
        self.began = self.used = time.monotonic()
        self._answers: asyncio.Queue[Reply | None] = asyncio.Queue()
        self._turn = asyncio.Lock()
        self._questions: asyncio.StreamWriter | None = None

    @property
    def moment(self) -> Moment:
        """How far it is."""
        seconds = round(time.monotonic() - self.began, 1)
        return Moment(self.seq, self.step.phase, self.step.done, self.step.total, self.step.error, self.by, seconds)

    @property
    def is_over(self) -> bool:
        """Whether it has failed, or is not to be kept any longer."""
        now = time.monotonic()
        is_old = now - self.used > IDLE_SECONDS or now - self.began > LONGEST_SECONDS
        return self.step.phase == "failed" or (self.step.phase == "ready" and is_old)

    async def run(self, settings: Settings, url: str) -> None:
        """Start the process and read its messages to its end; end it when cancelled."""
        environment = os.environ | {"ROOFLOG_DATA_DIR": str(settings.data_dir), "ROOFLOG_NATS_URL": url}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "services.history.past_process", str(self.seq)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=environment,
            limit=LINE_BYTES,
        )
        self._questions = process.stdin
        try:
            await self._hear(process)
        finally:
            await asyncio.shield(self._end(process))
            await asyncio.to_thread(forget_abandoned, settings.data_dir)  # a killed process leaves its folder behind

    async def _hear(self, process: asyncio.subprocess.Process) -> None:
        while process.stdout is not None and (line := await process.stdout.readline()):
            message: Step | Reply = msgspec.json.decode(line, type=Step | Reply)
            if isinstance(message, Reply):
                self._answers.put_nowait(message)
            else:
                self.step = message

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        if self._questions is not None:
            self._questions.close()
        try:
            await within(END_SECONDS, process.wait())
        except TimeoutError:
            process.kill()
            await process.wait()
        if self.step.phase != "failed":
            self.step = Step("failed", error="it has ended; go back to this moment again")
        self._answers.put_nowait(None)

    async def ask(self, name: str, args: dict[str, Any]) -> Any:
        """The answer to a question. Raises RooflogError with what is wrong with it, Refusal where nobody answers."""
        self.used = time.monotonic()
        async with self._turn:
            if self.step.phase != "ready" or self._questions is None:
                raise not_there(self.seq)
            self._questions.write(msgspec.json.encode(Asked(name, args)) + b"\n")
            try:
                await within(ANSWER_SECONDS, self._questions.drain())
                reply = await within(ANSWER_SECONDS, self._answers.get())
            except (TimeoutError, OSError):
                self.step = Step(
                    "failed", error="it does not answer"
                )  # else its late answer would go to the next question
                self._questions.close()
                reply = None
        if reply is None:
            raise unavailable("past", f"the state as of {self.seq:,} does not answer; go back to it again")
        return value_of(reply.answer)


class PastSessions:
    """The past sessions of this service; an erasure ends all of them, since each may hold the text."""

    def __init__(self, settings: Settings, url: str) -> None:
        self._settings = settings
        self._url = url
        self._open: dict[int, tuple[PastSession, asyncio.Task[None]]] = {}

    @contextlib.asynccontextmanager
    async def kept(self, log: Log) -> Any:
        """Keep sessions while this is open, and end those that nobody uses."""
        await asyncio.to_thread(forget_abandoned, self._settings.data_dir)
        async with log.subscribed(TOMBSTONES, self._erased):
            tidying = asyncio.create_task(self._tidy())
            try:
                yield
            finally:
                tidying.cancel()
                await asyncio.gather(tidying, return_exceptions=True)
                await self._end_all()

    def all(self) -> list[Moment]:
        """The states that are there or on their way, the earliest moment first."""
        return [past.moment for _, (past, _) in sorted(self._open.items())]

    def find(self, seq: int) -> PastSession:
        """One state. Raises Refusal 404 where it is not on its way."""
        if seq not in self._open:
            raise not_there(seq)
        return self._open[seq][0]

    async def start(self, seq: int, by: str) -> PastSession:
        """Go back to a sequence, or join who is on the way there. Raises Refusal 429 where too many are open."""
        if seq in self._open and not self._open[seq][0].is_over:
            return self._open[seq][0]
        await self._make_room(seq)
        past = PastSession(seq, by)
        self._open[seq] = (past, asyncio.create_task(past.run(self._settings, self._url)))
        return past

    async def end(self, seq: int) -> bool:
        """Leave a moment, or give up on the way to it; was it there?"""
        if seq not in self._open:
            return False
        _, running = self._open.pop(seq)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return True

    async def _make_room(self, seq: int) -> None:
        """End sessions that are over. Raises Refusal 429 where too many are still in use."""
        for open_seq in [open_seq for open_seq, (past, _) in self._open.items() if past.is_over or open_seq == seq]:
            await self.end(open_seq)
        if len(self._open) >= AT_ONCE:
            held = "; ".join(f"{past.seq:,} by {past.by}" for past, _ in self._open.values())
            raise Refusal(
                429,
                f"{AT_ONCE} moments are being looked at ({held}); leave one of them, or come again later",
                code="too_many_moments",
                headers={"Retry-After": "60"},
            )

    async def _tidy(self) -> None:
        while True:
            await asyncio.sleep(IDLE_SECONDS / 20)
            for seq in [seq for seq, (past, _) in self._open.items() if past.is_over]:
                await self.end(seq)

    async def _erased(self, _: Msg) -> None:
        await self._end_all()

    async def _end_all(self) -> None:
        await asyncio.gather(*(self.end(seq) for seq in list(self._open)))


def not_there(seq: int) -> Refusal:
    """Nobody has gone back to this moment, or its state is not ready."""
    return Refusal(404, f"the state as of {seq:,} is not there; go back to it first", code="no_past_state")
