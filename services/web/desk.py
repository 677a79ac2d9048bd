"""The desk: which example each reviewer has open, so that two do not look at the same one.

It is a key-value bucket whose entries end by themselves; nothing of it is on the log, and no decision depends on it.
"""

from __future__ import annotations

import logging

from nats.errors import Error as NatsError
from nats.js.errors import APIError

from events.deadline import within
from events.errors import RooflogError
from events.log import read
from events.log.log import Log
from events.log.stream import DESK

TRIES = 3
"""How often an example is taken while others take and leave it."""

DESK_ANSWER_SECONDS = 1.0
"""How long the server may take to tell of an entry or to keep it: the queue waits for it."""

_EXPECTED = "Nats-Expected-Last-Subject-Sequence"
_STREAM = f"KV_{DESK}"

logger = logging.getLogger("rooflog.web")


class Desk:
    """Who has what open on one log. Where the bucket is away nothing is taken, and reviewers go on."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._is_away = False

    async def take(self, example_id: str, who: str) -> str | None:
        """Take an example, or keep it for longer; who has it then, None where that cannot be known."""
        try:
            for _ in range(TRIES):
                held = (await self._held(example_id)).get(example_id)
                if held is not None and held[0] not in ("", who):
                    return held[0]
                if await self._put(example_id, who, held[1] if held else 0):
                    return who
        except (NatsError, RooflogError, TimeoutError) as error:
            self._away(error)
        return None

    async def leave(self, example_id: str, who: str) -> None:
        """Let others have an example that this reviewer has."""
        try:
            held = (await self._held(example_id)).get(example_id)
            if held is not None and held[0] == who:
                await self._put(example_id, "", held[1])
        except (NatsError, RooflogError, TimeoutError) as error:
            self._away(error)

    async def taken(self) -> dict[str, str]:
        """Who has each example that is open."""
        try:
            return {example_id: who for example_id, (who, _) in (await self._held(">")).items() if who}
        except (NatsError, RooflogError, TimeoutError) as error:
            self._away(error)
            return {}

    async def _held(self, examples: str) -> dict[str, tuple[str, int]]:
        """Who has examples, and the sequence of that entry; nobody where somebody has left one."""
        start = f"$KV.{DESK}."
        held = await within(DESK_ANSWER_SECONDS, read.last(self._log, [start + examples], _STREAM))
        self._is_away = False
        return {
            subject.removeprefix(start): (message.data.decode("utf-8", "replace"), message.seq)
            for subject, message in held.items()
        }

    async def _put(self, example_id: str, who: str, expected: int) -> bool:
        """Write an entry unless somebody has written another one meanwhile."""
        headers = {_EXPECTED: str(expected)}
        try:
            put = self._log.jetstream().publish(f"$KV.{DESK}.{example_id}", who.encode(), headers=headers)
            await within(DESK_ANSWER_SECONDS, put)
        except APIError:  # another one was written, or there is no room
            return False
        return True

    def _away(self, error: BaseException) -> None:
        if not self._is_away:
            logger.warning("which examples are open is not known: %s", error or type(error).__name__)
        self._is_away = True
