"""Replay: the messages of the log, filtered and in order, between two moments or as they are written."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct
from nats.aio.msg import Msg

from events.deadline import within
from events.errors import InvalidFact
from events.facts import FACTS, AnyFact, CorrectionRecorded
from events.log.log import Log, Message
from events.subjects import EVERYTHING
from events.words import describe, sentence

READ = 5_000
LOOK_SECONDS = 1.0
"""How long a follower waits at most before it looks again; what is published wakes it at once."""

KINDS = tuple(f"{fact.noun}.{fact.verb}" for fact in FACTS)


class Wanted(Struct, frozen=True, kw_only=True):
    """Which messages: all conditions that are given hold. Times are those at which the log received them.

    `tags` and `sources` are those that a capture or a correction itself carries.
    """

    example_id: str | None = None
    kinds: tuple[str, ...] = ()
    actor: str | None = None
    tag: str | None = None
    source: str | None = None
    first: int = 1
    last: int | None = None
    since: datetime | None = None
    until: datetime | None = None


async def replay(log: Log, wanted: Wanted, *, follow: bool = False) -> AsyncIterator[list[dict[str, Any]]]:
    """The wanted messages as rows, in the order of the log and in lists; with `follow` it never ends."""
    after = wanted.first - 1
    if wanted.since is not None:
        after = max(after, await log.before(wanted.since))
    until = await log.last_sequence()
    if wanted.last is not None:
        until = min(until, wanted.last)
    if wanted.until is not None:
        until = min(until, await log.before(wanted.until))
    async for messages in _messages(log, wanted.example_id, after, until):
        if rows := _rows(messages, wanted):
            yield rows
    if follow:
        async for messages in _news(log, until):
            if rows := _rows(messages, wanted):
                yield rows


async def _messages(log: Log, example_id: str | None, after: int, until: int) -> AsyncIterator[list[Message]]:
    if example_id is None:
        async for messages in log.read(after, until, READ):
            yield messages
        return
    yield [message for message in await told_of(log, example_id) if after < message.seq <= until]


async def told_of(log: Log, example_id: str) -> list[Message]:
    """Every message about one example, including those of which tombstones are left."""
    messages = {seq: message for seq, message in (await log.erased()).items() if example_id in message.parts.ids}
    messages |= {message.seq: message for message in await log.history(example_id)}
    return [messages[seq] for seq in sorted(messages)]


async def _news(log: Log, after: int) -> AsyncIterator[list[Message]]:
    """Messages from now on; each message on the stream's subjects wakes the reader."""
    arrived = asyncio.Event()

    async def wake(_: Msg) -> None:
        arrived.set()

    async with log.subscribed(EVERYTHING, wake):
        while True:
            arrived.clear()
            async for messages in log.read(after, None, READ):
                after = messages[-1].seq
                yield messages
            with contextlib.suppress(TimeoutError):
                await within(LOOK_SECONDS, arrived.wait())


def _rows(messages: list[Message], wanted: Wanted) -> list[dict[str, Any]]:
    rows = []
    for message in messages:
        try:
            fact = None if message.is_gone or message.is_missing else message.fact()
        except InvalidFact:
            fact = None
        if _passes(message, fact, wanted):
            rows.append(row(message))
    return rows


def _passes(message: Message, fact: AnyFact | None, wanted: Wanted) -> bool:
    if wanted.example_id and wanted.example_id not in message.parts.ids:
        return False
    if wanted.kinds and message.parts.kind not in wanted.kinds:
        return False
    if wanted.actor and (fact is None or fact.actor != wanted.actor):
        return False
    if wanted.tag and wanted.tag not in getattr(fact, "tags", ()):
        return False
    source = "user_correction" if isinstance(fact, CorrectionRecorded) else getattr(fact, "source", None)
    return not wanted.source or source == wanted.source


def row(message: Message) -> dict[str, Any]:
    """One message as data and in words; `fact` is None where it holds no valid one, or none any more."""
    parts = message.parts
    columns: dict[str, Any] = {
        "seq": message.seq,
        "received_at": message.received_at,
        "subject": message.subject,
        "kind": parts.kind,
        "occurred_at": None,
        "actor": None,
        "example_id": parts.about or None,
        "told": "",
        "fact": None,
    }
    try:
        fact = message.fact()
    except InvalidFact:
        return columns | {"told": describe(message)}
    at = f"{fact.occurred_at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"
    return columns | {"occurred_at": at, "actor": fact.actor, "told": sentence(fact), "fact": msgspec.to_builtins(fact)}
