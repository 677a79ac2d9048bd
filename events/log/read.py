"""Reading the log: messages by filter and sequence, and whole stretches without a gap."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing, suppress
from datetime import UTC, datetime
from itertools import groupby

from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError

from .. import subjects
from ..deadline import within
from ..errors import InvalidFact, RooflogError, Unreachable
from ..facts import ExampleErased
from ..message import Message, listed, restated_on, restored, without_gaps
from .bulk_read import Bulk, BulkError
from .connection import ACK_SECONDS, Connection, name_of

LONG = 1_000
"""Messages from which on a stretch of the log is read in bulk."""

MOST = 100_000
"""Messages under one filter at most."""

FILTERS = 500
"""Subjects or filters in one request for the last messages under them."""

GAP_TRIES = 5
"""Looks for the tombstone of a message that is not there, as a replica may lag a moment behind."""

NOBODY = "503"
"""The status of a question that no server takes, as while a cluster has no leader."""

LAG_TRIES, LAG_SECONDS = 4, 0.05
"""Looks for what is on the log, as any replica may answer, and the pause after each, which grows with their number."""

_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2262, 1, 1, tzinfo=UTC)
"""The times that the server counts in nanoseconds; outside them it finds the first message for any."""


async def matching(connection: Connection, subject_filter: str, after: int = 0, limit: int = MOST) -> list[Message]:
    """The messages behind a sequence that the log still holds under a filter, in order, `limit` of them at most."""
    return await direct_get(connection, {"seq": after + 1, "next_by_subj": subject_filter, "batch": limit})


async def last(
    connection: Connection, subjects_or_filters: Sequence[str], stream: str = subjects.STREAM
) -> dict[str, Message]:
    """The last message of each subject that the log, or another stream, holds, by subject."""
    messages: dict[str, Message] = {}
    for start in range(0, len(subjects_or_filters), FILTERS):
        wanted = list(subjects_or_filters[start : start + FILTERS])
        request = {"multi_last": wanted, "batch": len(wanted) + 1_000}
        messages |= {message.subject: message for message in await direct_get(connection, request, stream)}
    return messages


async def present(connection: Connection, wanted: Sequence[str]) -> dict[str, int]:
    """The sequences of those subjects, of some, that the log holds a message of."""
    return {subject: message.seq for subject, message in (await last(connection, wanted)).items()}


async def acknowledged(connection: Connection, wanted: Sequence[str]) -> dict[str, Message]:
    """`last` for subjects that the log should hold: where some are not there yet, it looks again for a moment."""
    messages = await last(connection, wanted)
    for attempt in range(1, LAG_TRIES):
        if messages.keys() >= set(wanted):
            break
        await asyncio.sleep(LAG_SECONDS * attempt)
        messages = await last(connection, wanted)
    return messages


async def from_sequence(connection: Connection, seq: int, count: int) -> list[Message]:
    """The messages from a sequence on that the log still holds, `count` of them at most."""
    return await direct_get(connection, {"seq": seq, "next_by_subj": subjects.EVERYTHING, "batch": count})


async def first_since(connection: Connection, moment: datetime) -> Message | None:
    """The first message that the log received at a moment or later; None where there is none."""
    moment = min(max(moment, _EARLIEST), _LATEST).astimezone(UTC)
    request = {"start_time": moment.isoformat(), "next_by_subj": subjects.EVERYTHING, "batch": 1}
    messages = await direct_get(connection, request)
    return messages[0] if messages else None


async def tombstones(connection: Connection) -> dict[int, tuple[Message, ExampleErased]]:
    """The tombstones that the log holds, right or wrong, by sequence."""
    facts = {}
    for message in await matching(connection, subjects.TOMBSTONES):
        with suppress(InvalidFact):
            if isinstance(fact := message.fact(), ExampleErased):
                facts[message.seq] = (message, fact)
    return facts


async def those(connection: Connection, seqs: Iterable[int]) -> dict[int, Message]:
    """The messages of some sequences that the log still holds."""
    messages: dict[int, Message] = {}
    for _, run in groupby(enumerate(sorted(set(seqs))), lambda numbered: numbered[1] - numbered[0]):
        wanted = [seq for _, seq in run]
        held = await from_sequence(connection, wanted[0], len(wanted))
        messages |= {message.seq: message for message in held if message.seq <= wanted[-1]}
    return messages


async def stretch(connection: Connection, after: int, until: int, batch: int) -> AsyncGenerator[list[Message]]:
    """The messages after one sequence up to another in lists of `batch`, one message for every sequence."""
    async with aclosing(_held(connection, after, until, batch)) as lists:
        async for held in lists:
            end = held[-1].seq if held else min(until, after + batch)
            messages = held
            if end - after != len(messages):
                messages = await _without_gaps(connection, held, after, end)
            after = end
            yield messages


async def _held(connection: Connection, after: int, until: int, batch: int) -> AsyncGenerator[list[Message]]:
    """The messages of a stretch that the log still holds, in lists; an empty one: the next `batch` is gone.

    A long stretch is read in bulk. Where that cannot be, or breaks off, the rest is read as a short one.
    """
    if until - after >= LONG:
        with suppress(BulkError):
            bulk = await asyncio.to_thread(Bulk, connection, after)
            try:
                while after < until:
                    received = await asyncio.to_thread(bulk.read, min(batch, until - after))
                    is_within = received and received[-1].seq <= until
                    messages = received if is_within else [m for m in received if m.seq <= until]
                    if not messages:
                        break
                    after = messages[-1].seq
                    yield messages
            finally:
                bulk.close()
    while after < until:
        messages = [m for m in await from_sequence(connection, after + 1, batch) if m.seq <= until]
        after = messages[-1].seq if messages else min(until, after + batch)
        yield messages


async def _without_gaps(connection: Connection, held: Sequence[Message], after: int, end: int) -> list[Message]:
    """The messages of a stretch, one a sequence; what neither it nor a tombstone has is looked for again."""
    messages = without_gaps(held, after, end, await _erased_between(connection, held, after, end))
    missing = [message.seq for message in messages if message.is_missing]
    if missing:
        again = await from_sequence(connection, missing[0], missing[-1] - missing[0] + 1)
        by_seq = {message.seq: message for message in again}
        messages = [by_seq.get(m.seq, m) if m.is_missing else m for m in messages]
    return messages


async def _erased_between(connection: Connection, held: Sequence[Message], after: int, end: int) -> dict[int, Message]:
    """Tombstones for what a read did not find: each was said before its message went, so it must be there."""
    gaps = set(range(after + 1, end + 1)) - {message.seq for message in held}
    for attempt in range(GAP_TRIES):
        erased = listed((seq, fact) for seq, (_, fact) in (await tombstones(connection)).items())
        if gaps <= erased.keys():
            break
        await asyncio.sleep(0.05 * attempt)
    restated = {seq: erased[seq] for seq in gaps & erased.keys() if erased[seq].erased.restated}  # type: ignore[union-attr]
    by_subject = await last(connection, [restated_on(message.subject) for message in restated.values()])
    return erased | {seq: restored(m, by_subject.get(restated_on(m.subject))) for seq, m in restated.items()}


async def direct_get(
    connection: Connection, request: dict[str, object], stream: str = subjects.STREAM
) -> list[Message]:
    """Batched direct get (ADR-31): stateless reads that leave no consumer behind. Raises Unreachable.

    The server ends an answer early when it grows large and says how much is left: then the rest is asked for.
    """
    wanted = int(str(request["batch"]))
    subject = f"{connection.api}.DIRECT.GET.{stream}"
    messages: list[Message] = []
    ended: asyncio.Queue[dict[str, str]] = asyncio.Queue()

    async def collect(message: Msg) -> None:
        headers = message.headers or {}
        if "Status" in headers:
            ended.put_nowait(headers)
        else:
            messages.append(_message(message, headers))

    try:
        inbox = connection.client.new_inbox()
        async with connection.subscribed(inbox, collect):
            while len(messages) < wanted:
                had = len(messages)
                await connection.send((subject, json.dumps(request).encode(), None), reply=inbox)
                headers = await connection.unless_lost(_ended(ended, messages), subject, timeout=None)
                if headers["Status"] == NOBODY:
                    raise NoRespondersError
                if headers["Status"] not in ("204", "404"):
                    raise RooflogError(
                        f"the log could not be read: {headers['Status']} {headers.get('Description', '')}"
                    )
                if len(messages) == had or int(headers.get("Nats-Num-Pending", 0)) == 0:
                    break
                request = request | {"seq": messages[-1].seq + 1, "batch": wanted - len(messages)}
    except (NatsError, TimeoutError) as error:
        raise Unreachable(f"the log does not answer: {name_of(error)}") from error
    return messages


async def _ended(ended: asyncio.Queue[dict[str, str]], messages: list[Message]) -> dict[str, str]:
    """The end of an answer; raises TimeoutError when nothing at all arrives for `ACK_SECONDS`."""
    while True:
        had = len(messages)
        try:
            return await within(ACK_SECONDS, ended.get())
        except TimeoutError:
            if len(messages) == had:
                raise


def _message(message: Msg, headers: dict[str, str]) -> Message:
    received = _nanoseconds(headers.get("Nats-Time-Stamp", ""))
    return Message(int(headers["Nats-Sequence"]), headers["Nats-Subject"], message.data, received)


def _nanoseconds(moment: str) -> int:
    """A moment in RFC 3339 and UTC as nanoseconds since 1970; 0 for none."""
    whole, _, fraction = moment.rstrip("Z").partition(".")
    return int(datetime.fromisoformat(f"{whole}Z").timestamp()) * 1_000_000_000 + int(f"{fraction:0<9}") if whole else 0
