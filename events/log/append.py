"""Appending to the log: atomic batches, each fact exactly once, and decisions only on the state that was seen."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable

import msgspec
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError

from .. import subjects
from ..codec import encode
from ..errors import Missing, RooflogError, TooLarge, Unreachable
from ..facts import Fact
from ..traceparent import Record, current
from ..traceparent import headers as traced
from .connection import ACK_SECONDS, Connection
from .read import LAG_SECONDS, LAG_TRIES, present

BATCH = 500
"""Facts in one atomic batch. The server's limit is 1,000; the rate is flat from 500 on (29,600/s synced)."""

BATCH_BYTES = 16 * 2**20
"""Bytes in one atomic batch, so that large documents do not pile up in the server while it collects a batch."""

TURN_BYTES = 512 * 2**10
"""Bytes of facts that are encoded in one turn of the event loop: some milliseconds."""

TRIES = 12
"""Two minutes of a server that is away, before a publisher is told."""

HEADER_BYTES = 4096
"""What is left in a message for subject and headers."""

WRONG_LAST_SEQUENCE = 10071
IN_FLIGHT = 10164
"""What a cluster answers while another message on the subject is under way, whether or not that one lands."""

MESSAGE_TOO_LARGE = 10054
BATCH_INCOMPLETE = 10176
"""What the end of a batch is answered when one of its messages was refused, whichever."""

_NEW = {"Nats-Expected-Last-Subject-Sequence": "0"}
"""Whoever appends a message with this header appends the first one of its subject, or none."""


class Published(msgspec.Struct, frozen=True):
    """What came of publishing: event ids that are new on the log, already were there, or were refused and why."""

    new: tuple[str, ...] = ()
    existing: tuple[str, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()


class _Ack(msgspec.Struct):
    class Error(msgspec.Struct):
        err_code: int = 0
        description: str = ""

    seq: int = 0
    error: Error | None = None


class _Outcome(msgspec.Struct):
    new: list[str] = []
    existing: list[str] = []
    refused: list[tuple[str, str]] = []
    seqs: dict[str, int] = {}
    """Sequences by subject, of the last new fact of each batch and of those that were there."""


async def publish(connection: Connection, records: Iterable[Record]) -> Published:
    """Append facts that are bytes already, in order, each exactly once for ever."""
    outcome = _Outcome()
    batch: dict[str, Record] = {}
    size = encoded = 0
    for record in records:
        subject, data = record.subject, record.data
        encoded += len(data)
        if encoded > TURN_BYTES:  # encoding them has kept the event loop from everybody else
            encoded = 0
            await asyncio.sleep(0)
        try:
            _check_size(connection, subject, data)
        except TooLarge as error:
            outcome.refused.append((_event_id(subject), str(error)))
            continue
        if len(batch) >= BATCH or size + len(data) > BATCH_BYTES:
            await _publish_batch(connection, batch, outcome)
            batch, size = {}, 0
        if subject in batch:
            outcome.existing.append(_event_id(subject))
            continue
        batch[subject] = record
        size += len(data)
    if batch:
        await _publish_batch(connection, batch, outcome)
    return Published(tuple(outcome.new), tuple(outcome.existing), tuple(outcome.refused))


async def publish_one(connection: Connection, fact: Fact) -> int:
    """Append one fact; its sequence, also where it was there before. Raises TooLarge or Missing."""
    record = _encoded(connection, fact)
    outcome = _Outcome()
    await _publish_batch(connection, {record.subject: record}, outcome)
    for _, reason in outcome.refused:
        raise TooLarge(reason)
    if (seq := outcome.seqs.get(record.subject)) is None:
        raise Missing(record.subject)
    return seq


async def publish_after(
    connection: Connection,
    facts: Iterable[Fact],
    *,
    revision: int,
    subject_filter: str,
    name: str,
    stale: Callable[[bool], Awaitable[RooflogError | None]],
) -> int:
    """Append facts, all or none, if the last message under a filter is that of `revision`; the last fact's sequence.

    Facts that are on the log already count as appended: the answer is that of the first time. `name` is what errors
    call the facts. Whenever they were not appended, `stale` looks at the log and gives the error to raise, or None to
    try again; it is told whether the server has refused the revision so often that no replica that lags explains it.
    Raises that error, RooflogError or Unreachable.
    """
    batch = {record.subject: record for record in (_encoded(connection, fact) for fact in facts)}
    first, last = next(iter(batch)), next(reversed(batch))
    expected = {
        "Nats-Expected-Last-Subject-Sequence": str(revision),
        "Nats-Expected-Last-Subject-Sequence-Subject": subject_filter,
    }
    for attempt in range(TRIES):
        ack = await _answer(connection, batch, {first: expected}, attempt)
        if ack is not None and ack.error is None:
            return ack.seq
        if ack is not None and ack.error is not None and ack.error.err_code not in (WRONG_LAST_SEQUENCE, IN_FLIGHT):
            raise RooflogError(f"the log refused {name}: {ack.error.description}")
        if ack is not None:
            await asyncio.sleep(LAG_SECONDS * attempt)
        if known := (await present(connection, [last])).get(last):
            return known
        is_certain = ack is not None and attempt >= LAG_TRIES
        if error := await stale(is_certain):
            raise error
    raise Unreachable(f"the log did not acknowledge {name}; nothing is known to be recorded")


async def _publish_batch(
    connection: Connection, batch: dict[str, Record], outcome: _Outcome, *, is_open: bool = False
) -> None:
    """Publish until every fact of the batch is on the log or refused for good.

    A lost acknowledgement leaves the batch's fate open; `is_open`: that of an earlier try was lost. So what the log
    holds is looked up, or, by a user who may not read, everything is said again. The expected sequence 0 keeps a batch
    that commits late from doubling a fact.
    """
    for attempt in range(TRIES):
        ack = await _answer(connection, batch, {}, attempt)
        if ack is None:
            is_open = True
        elif ack.error is None:
            outcome.new += map(_event_id, batch)
            outcome.seqs[next(reversed(batch))] = ack.seq
            return
        elif ack.error.err_code in (MESSAGE_TOO_LARGE, BATCH_INCOMPLETE):
            await _publish_halves(connection, batch, ack.error.description, outcome, is_open=is_open)
            return
        elif ack.error.err_code == IN_FLIGHT and len(batch) == 1:
            await asyncio.sleep(LAG_SECONDS * attempt)
            continue
        elif ack.error.err_code not in (WRONG_LAST_SEQUENCE, IN_FLIGHT):
            raise RooflogError(f"the log refused the facts: {ack.error.description} ({ack.error.err_code})")
        elif not connection.may_read and len(batch) > 1:
            await _publish_halves(connection, batch, "", outcome, is_open=is_open)
            return
        if connection.may_read:
            seqs = await present(connection, list(batch))
            outcome.seqs |= seqs
            held = set(seqs)
            if ack is not None and not held:  # a replica lags behind
                await asyncio.sleep(LAG_SECONDS * attempt)
        else:
            held = set(batch) if ack is not None else set()
        (outcome.new if is_open else outcome.existing).extend(_event_id(s) for s in batch if s in held)
        batch = {subject: record for subject, record in batch.items() if subject not in held}
        if not batch:
            return
    raise Unreachable(f"the log did not acknowledge {len(batch)} facts after {TRIES} tries; say them again")


async def _publish_halves(
    connection: Connection, batch: dict[str, Record], reason: str, outcome: _Outcome, *, is_open: bool
) -> None:
    """A message of the batch is refused, whichever it is: publish the others without it."""
    if len(batch) == 1:
        outcome.refused += [(_event_id(subject), f"the log refused it for good: {reason}") for subject in batch]
        return
    records = list(batch.items())
    await _publish_batch(connection, dict(records[: len(records) // 2]), outcome, is_open=is_open)
    await _publish_batch(connection, dict(records[len(records) // 2 :]), outcome, is_open=is_open)


async def _answer(
    connection: Connection, batch: dict[str, Record], expected: dict[str, dict[str, str]], attempt: int
) -> _Ack | None:
    """The server's answer to a batch; None, after a rest that grows with the attempts, where its fate is open."""
    try:
        return await _send(connection, batch, expected)
    except (TimeoutError, NatsError) as error:
        if connection.client.is_closed:
            raise Unreachable("the connection to the log is closed") from error
        await asyncio.sleep(0.2 * attempt)
        return None


async def _send(connection: Connection, batch: dict[str, Record], expected: dict[str, dict[str, str]]) -> _Ack:
    """One atomic batch; each message's subject must be new unless `expected` says otherwise for it."""
    headers = [expected.get(subject, _NEW) | traced(record.traceparent) for subject, record in batch.items()]
    if len(batch) > 1:
        batch_id = subjects.new_event_id()
        for number, header in enumerate(headers, 1):
            header |= {"Nats-Batch-Id": batch_id, "Nats-Batch-Sequence": str(number)}
        headers[-1]["Nats-Batch-Commit"] = "1"
    *first, last = batch.values()
    try:
        if first:
            sent = zip(first, headers, strict=False)
            await connection.send(*((record.subject, record.data, header) for record, header in sent))
        answer = await connection.request(last.subject, last.data, headers=headers[-1], timeout=ACK_SECONDS)
    except NoRespondersError as error:
        raise TimeoutError("JetStream is not there at the moment") from error
    return msgspec.json.decode(answer.data, type=_Ack)


def _encoded(connection: Connection, fact: Fact) -> Record:
    """A fact, said in the trace of this moment. Raises InvalidFact or TooLarge."""
    record = Record(subjects.subject_of(fact), encode(fact), current())
    _check_size(connection, record.subject, record.data)
    return record


def _check_size(connection: Connection, subject: str, data: bytes) -> None:
    room = connection.client.max_payload - HEADER_BYTES
    if len(data) > room:
        raise TooLarge(
            f"{subject} has {len(data):,} bytes, but the server takes {room:,} in one message; shorten its text"
        )


def _event_id(subject: str) -> str:
    return subjects.parse(subject).event_id
