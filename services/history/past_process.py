"""A past state as a process, so that folding holds up no page: `python -m services.history.past_process SEQ`.

It says on standard output how far it is, then answers the questions that come on standard input, one JSON document a
line each way, until that is closed. So it ends with its parent, and leaves nothing behind.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from typing import Any, Literal

import msgspec
from msgspec import Struct

from events.errors import RooflogError
from events.log.log import Log
from events.requests import Answer, refusal

from ..access.connect import access
from ..settings import load
from ..state.client import State, runs
from ..state.protocol import bug
from .as_of import as_of

NICENESS = 10
"""The live services go first."""

REPORT_SECONDS = 0.1
"""Between two reports of progress."""

LINE_BYTES = 64 * 2**20
"""A question or an answer at most."""

Phase = Literal["starting", "replaying", "judging", "ready", "failed"]


class Step(Struct, tag=True):
    """How far it is; `done` and `total` count facts while it replays them, and texts while it judges them."""

    phase: Phase = "starting"
    done: int = 0
    total: int = 0
    error: str | None = None


class Reply(Struct, tag=True):
    """The answer to a question."""

    answer: Answer


class Asked(Struct):
    """A question about the state."""

    name: str
    args: dict[str, Any]


def say(line: Step | Reply) -> None:
    """Write one line on standard output."""
    sys.stdout.buffer.write(msgspec.json.encode(line) + b"\n")
    sys.stdout.buffer.flush()


class _Reporting:
    """Says how far a phase is, not too often."""

    def __init__(self, phase: Phase) -> None:
        self._phase: Phase = phase
        self._reported = float("-inf")

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._reported >= REPORT_SECONDS:
            self._reported = now
            say(Step(self._phase, done, total))


async def look_back(seq: int) -> None:
    """Fold the log up to a sequence, and answer questions about that state until nobody is there to ask."""
    settings = load()
    if settings.nats_url is None:
        raise RooflogError("a past state needs ROOFLOG_NATS_URL")
    questions = await _lines()
    gone = asyncio.ensure_future(questions.readuntil(b"\n"))  # before it is ready nothing comes but the end
    log = await Log.connect(access(settings, settings.nats_url, "gateway"), name="rooflog-past", create=False)
    try:
        working = asyncio.ensure_future(_answer_all(settings, log, seq, questions, gone))
        await asyncio.wait([working, gone], return_when=asyncio.FIRST_COMPLETED)
        if gone.done() and gone.exception():
            working.cancel()
        await working
    except asyncio.CancelledError:
        return
    finally:
        await log.close()


async def _answer_all(settings: Any, log: Log, seq: int, questions: asyncio.StreamReader, first: Any) -> None:
    live = State(log, None, None) if await runs(log) else None
    replaying, judging = _Reporting("replaying"), _Reporting("judging")
    async with as_of(settings, log, seq, replaying, live=live, judging=judging) as state:
        say(Step("ready", seq, seq))
        try:
            line = await first
            while True:
                asked = msgspec.json.decode(line, type=Asked)
                say(Reply(await _answer(state, asked)))
                line = await questions.readuntil(b"\n")
        except asyncio.IncompleteReadError:
            return


async def _answer(state: State, asked: Asked) -> Answer:
    try:
        return Answer(value=await state.ask(asked.name, **asked.args))
    except RooflogError as error:
        return refusal(error)
    except Exception as error:
        return bug(asked.name, error, who="past")


async def _lines() -> asyncio.StreamReader:
    reader = asyncio.StreamReader(limit=LINE_BYTES)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


def main() -> int:
    """Run until standard input is closed; the exit code."""
    os.nice(NICENESS)
    try:
        asyncio.run(look_back(int(sys.argv[1])))
    except RooflogError as error:
        say(Step("failed", error=str(error)))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
