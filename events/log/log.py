"""The log: facts in, exactly once each and safe against power loss; facts out, in order."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any, Self, TypeVar

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError

from .. import subjects
from ..codec import encode
from ..errors import InvalidFact, RooflogError, StalePolicy, StaleRevision, TooLarge, UnknownExample, Unreachable
from ..facts import CorrectionRecorded, ExampleErased, Fact, FeedbackGiven, PolicyAdopted, Review
from ..message import Message, listed, without_gaps
from ..words import describe
from . import stream
from .bulk_read import Bulk, BulkError

__all__ = ["Log", "Message", "Published"]

BATCH = 500
"""Facts in one atomic batch. The server's limit is 1,000; the rate is flat from 500 on (29,600/s synced)."""

BATCH_BYTES = 16 * 2**20
"""Bytes in one atomic batch, so that large documents do not pile up in the server while it collects a batch."""

ACK_SECONDS = 10.0
"""How long a synced batch may take to be acknowledged before its fate is looked up; a killed server never answers."""

TRIES = 12
"""Two minutes of a server that is away, before a publisher is told."""

WRONG_LAST_SEQUENCE = 10071
MESSAGE_TOO_LARGE = 10054
BATCH_INCOMPLETE = 10176
"""What the end of a batch is answered when one of its messages was refused, whichever."""

T = TypeVar("T")

LONG = 5_000
"""Messages from which on a stretch of the log is read in bulk."""

GAP_TRIES = 5
"""Looks for the tombstone of a message that is not there, as a replica may lag a moment behind."""

_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2262, 1, 1, tzinfo=UTC)
"""The times that the server counts in nanoseconds; outside them it finds the first message for any."""

_DIRECT_GET = f"$JS.API.DIRECT.GET.{subjects.STREAM}"


class Access(msgspec.Struct, frozen=True):
    """How a server is reached: what a process needs to have a connection of its own."""

    url: str
    user: str | None = None
    password: str | None = None


class Published(msgspec.Struct, frozen=True):
    """What came of publishing: event ids that are new on the log, already were there, or were refused and why."""

    new: tuple[str, ...] = ()
    existing: tuple[str, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()


class _Info(msgspec.Struct):
    class State(msgspec.Struct):
        first_seq: int
        deleted: list[int] = []

    state: State


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


class Log:
    """A connection to the stream of facts; create it with `connect`."""

    def __init__(self, client: Client, access: Access) -> None:
        self.client = client
        self.access = access
        self._heard_last: Exception | None = None
        self.problem: str | None = None
        """What nats-py last reported on the side: a lost connection, a permission that is missing."""
        self._unanswered: set[asyncio.Future[Any]] = set()

    @classmethod
    async def connect(
        cls,
        url: str,
        *,
        name: str = "rooflog",
        user: str | None = None,
        password: str | None = None,
        replicas: int = 1,
        timeout: float = 5.0,
        create: bool = True,
    ) -> Self:
        """Connect and make sure that the stream is there, unless told not to. Raises Unreachable or WrongStream."""
        client = Client()
        log = cls(client, Access(url, user, password))
        try:
            async with asyncio.timeout(timeout):
                await client.connect(
                    url,
                    name=name,
                    user=user,
                    password=password,
                    allow_reconnect=True,
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=0.2,  # type: ignore[arg-type]
                    error_cb=log._heard,
                    disconnected_cb=log._disconnected,
                )
        except TimeoutError as error:
            if isinstance(log._heard_last, NatsError):
                raise Unreachable(f"the NATS server at {url} refused: {log.problem}") from error
            raise Unreachable(
                f"no NATS server answers at {url}; start one with `rooflog up` or set ROOFLOG_NATS_URL"
            ) from error
        except (NatsError, OSError, ValueError) as error:
            raise Unreachable(f"the NATS server at {url} refused: {_name(error)}") from error
        if not create:
            return log
        try:
            await stream.ensure(client.jetstream(timeout=timeout), replicas)
        except (NatsError, OSError, TimeoutError) as error:
            await log.close()
            raise Unreachable(f"the NATS server at {url} has no working JetStream: {_name(error)}") from error
        except BaseException:
            await log.close()
            raise
        log.problem = None
        return log

    async def close(self) -> None:
        """End the connection; nothing is pending, as every call waits for its acknowledgement."""
        await self.client.close()

    async def publish(self, facts: Iterable[Fact]) -> Published:
        """Put facts on the log in order, in atomic batches, each exactly once for ever.

        A fact whose subject the log already holds is left out and named in `existing`; one that breaks its own
        constraints or is too large is named in `refused`. Raises Unreachable when the server stays silent.
        """
        invalid: list[tuple[str, str]] = []

        def encoded() -> Iterator[tuple[str, bytes]]:
            for fact in facts:
                try:
                    yield subjects.subject_of(fact), encode(fact)
                except InvalidFact as error:
                    invalid.append((fact.event_id, str(error)))

        published = await self.publish_encoded(encoded())
        return msgspec.structs.replace(published, refused=(*invalid, *published.refused))

    async def publish_encoded(self, records: Iterable[tuple[str, bytes]]) -> Published:
        """`publish` for facts that are bytes already, each with its subject: what an outbox holds."""
        outcome = _Outcome()
        batch: dict[str, bytes] = {}
        size = 0
        for subject, data in records:
            try:
                self._check_size(subject, data)
            except TooLarge as error:
                outcome.refused.append((_event_id(subject), str(error)))
                continue
            if len(batch) >= BATCH or size + len(data) > BATCH_BYTES:
                await self._publish_batch(batch, outcome)
                batch, size = {}, 0
            if subject in batch:
                outcome.existing.append(_event_id(subject))
                continue
            batch[subject] = data
            size += len(data)
        if batch:
            await self._publish_batch(batch, outcome)
        return Published(tuple(outcome.new), tuple(outcome.existing), tuple(outcome.refused))

    async def give_feedback(self, feedback: FeedbackGiven) -> int:
        """Publish feedback on an example the log holds; its sequence. Raises UnknownExample."""
        await self._require(feedback.example_id)
        return await self._publish_one(feedback)

    async def correct(self, correction: CorrectionRecorded) -> int:
        """Publish a correction; its sequence. Raises UnknownExample where it names an example the log lacks."""
        if correction.example_id is not None:
            await self._require(correction.example_id)
        return await self._publish_one(correction)

    async def decide(self, *facts: Review, revision: int) -> int:
        """Publish a reviewer's decision, all of it or nothing, if the example is still as the reviewer saw it.

        The first fact names the example; `revision` is the sequence of the last fact about it that they saw.
        Returns the sequence of the last fact. Raises UnknownExample or StaleRevision, which tells what came between.
        Saying the same decision again (same event ids) is not stale: it answers as the first time did.
        """
        example_id = facts[0].example_id
        if example_id is None:
            raise InvalidFact("invalid", "a decision is about an example: it needs an example_id")
        await self._require(example_id)
        first, rest = subjects.subject_of(facts[0]), facts[1:]
        batch = {first: self._encoded(facts[0])} | {subjects.subject_of(f): self._encoded(f) for f in rest}
        expected = {
            "Nats-Expected-Last-Subject-Sequence": str(revision),
            "Nats-Expected-Last-Subject-Sequence-Subject": subjects.about(example_id),
        }
        for _ in range(TRIES):
            try:
                ack = await self._send(batch, {first: expected})
            except TimeoutError:
                ack = None
            if ack is not None and ack.error is None:
                return ack.seq
            if ack is not None and ack.error is not None and ack.error.err_code != WRONG_LAST_SEQUENCE:
                raise RooflogError(f"the log refused the decision: {ack.error.description}")
            history = await self.history(example_id)
            for message in history:
                if message.subject == first:
                    return message.seq
            since = [message for message in history if message.seq > revision]
            if since:
                raise StaleRevision(example_id, revision, "; ".join(describe(message) for message in since))
            if ack is not None:
                last = history[-1].seq if history else 0
                raise StaleRevision(example_id, revision, f"the log knows no such revision, the last one is {last}")
        raise Unreachable(f"the log did not acknowledge the decision on {example_id}; nothing is known to be recorded")

    async def adopt(self, policy: PolicyAdopted, *, revision: int) -> int:
        """Publish a policy if the one of sequence `revision` still holds (0: none was adopted); its sequence.

        Raises StalePolicy, which tells what was adopted since.
        """
        subject = subjects.subject_of(policy)
        batch = {subject: self._encoded(policy)}
        expected = {
            "Nats-Expected-Last-Subject-Sequence": str(revision),
            "Nats-Expected-Last-Subject-Sequence-Subject": subjects.ADOPTIONS,
        }
        for _ in range(TRIES):
            try:
                ack = await self._send(batch, {subject: expected})
            except TimeoutError:
                ack = None
            if ack is not None and ack.error is None:
                return ack.seq
            if ack is not None and ack.error is not None and ack.error.err_code != WRONG_LAST_SEQUENCE:
                raise RooflogError(f"the log refused the policy: {ack.error.description}")
            if said := await self._present([subject]):
                return said[subject]
            last = max((await self.last([subjects.ADOPTIONS])).values(), key=lambda message: message.seq, default=None)
            if last is not None and last.seq != revision:
                raise StalePolicy(revision, describe(last))
        raise Unreachable("the log did not acknowledge the policy; nothing is known to be recorded")

    async def revision(self, example_id: str) -> int:
        """The sequence of the last fact about an example; 0 where there is none."""
        messages = await self._direct_get({"multi_last": [subjects.about(example_id)], "batch": 10_000})
        return max((message.seq for message in messages), default=0)

    async def knows(self, example_id: str) -> bool:
        """Is there a capture, or a correction, of this id on the log?"""
        return bool(await self._present([subjects.capture_of(example_id), subjects.correction(example_id)]))

    async def history(self, example_id: str) -> list[Message]:
        """Every message about one example in the order of the log, the correction that it is included."""
        said = await asyncio.gather(
            self.matching(subjects.about(example_id)), self.matching(subjects.correction(example_id))
        )
        found = {message.seq: message for messages in said for message in messages}
        return [found[seq] for seq in sorted(found)]

    async def last(self, subjects_or_filters: Sequence[str]) -> dict[str, Message]:
        """The last message of each subject that the log holds, by subject."""
        found: dict[str, Message] = {}
        for start in range(0, len(subjects_or_filters), BATCH):
            wanted = list(subjects_or_filters[start : start + BATCH])
            request = {"multi_last": wanted, "batch": len(wanted) + 1_000}
            found |= {message.subject: message for message in await self._direct_get(request)}
        return found

    async def last_sequence(self) -> int:
        """The sequence of the last fact on the log; 0 on an empty one."""
        try:
            info = await self.client.jetstream().stream_info(subjects.STREAM)
        except (NatsError, OSError) as error:
            raise Unreachable(f"the log does not answer: {_name(error)}") from error
        return info.state.last_seq

    async def at(self, seq: int) -> Message | None:
        """The message of one sequence; None where it was erased or is not there yet."""
        found = await self._direct_get({"seq": seq, "next_by_subj": subjects.EVERYTHING, "batch": 1})
        return found[0] if found and found[0].seq == seq else None

    async def before(self, moment: datetime) -> int:
        """The last sequence that the log had received before a moment; 0 where there was none."""
        moment = min(max(moment, _EARLIEST), _LATEST).astimezone(UTC)
        request = {"start_time": moment.isoformat(), "next_by_subj": subjects.EVERYTHING, "batch": 1}
        found = await self._direct_get(request)
        return found[0].seq - 1 if found else await self.last_sequence()

    async def read(self, after: int, until: int | None = None, batch: int = 5_000) -> AsyncGenerator[list[Message]]:
        """Messages after one sequence up to another (default: the log's end now), in order, in lists of `batch`.

        No sequence is left out: for what was erased comes what its tombstone keeps, see `Message`.
        """
        until = await self.last_sequence() if until is None else until
        async with aclosing(self._there(after, until, batch)) as lists:
            async for there in lists:
                end = there[-1].seq if there else min(until, after + batch)
                messages = there
                if end - after != len(messages):
                    messages = await self._without_gaps(there, after, end)
                after = end
                yield messages

    async def _there(self, after: int, until: int, batch: int) -> AsyncGenerator[list[Message]]:
        """The messages of a stretch that the log still holds, in lists; an empty one: the next `batch` is gone.

        A long stretch is read in bulk. Where that cannot be, or breaks off, the rest is read as a short one.
        """
        if until - after >= LONG:
            with suppress(BulkError):
                bulk = await asyncio.to_thread(Bulk, self.client, after)
                try:
                    while after < until:
                        found = await asyncio.to_thread(bulk.read, min(batch, until - after))
                        messages = found if found and found[-1].seq <= until else [m for m in found if m.seq <= until]
                        if not messages:
                            break
                        after = messages[-1].seq
                        yield messages
                finally:
                    bulk.close()
        while after < until:
            request = {"seq": after + 1, "next_by_subj": subjects.EVERYTHING, "batch": batch}
            messages = [message for message in await self._direct_get(request) if message.seq <= until]
            after = messages[-1].seq if messages else min(until, after + batch)
            yield messages

    async def erased(self) -> dict[int, Message]:
        """The messages that tombstones list, by sequence, whether or not their text is still there."""
        tombstones = []
        for message in await self.matching(subjects.TOMBSTONES):
            with suppress(InvalidFact):
                if isinstance(fact := message.fact(), ExampleErased):
                    tombstones.append((message.seq, fact))
        return listed(tombstones)

    async def matching(self, subject_filter: str) -> list[Message]:
        """Every message that the log still holds under a filter, in order; for filters that match few."""
        return await self._direct_get({"seq": 1, "next_by_subj": subject_filter, "batch": 100_000})

    async def deleted(self) -> set[int]:
        """The sequences that the log no longer holds."""
        api = f"$JS.API.STREAM.INFO.{subjects.STREAM}"
        try:
            answer = await self.client.request(api, b'{"deleted_details": true}', timeout=ACK_SECONDS)
        except (NatsError, TimeoutError) as error:
            raise Unreachable(f"the log does not answer: {_name(error)}") from error
        state = msgspec.json.decode(answer.data, type=_Info).state
        return {*range(1, state.first_seq), *state.deleted}

    async def erase(self, seq: int) -> bool:
        """Overwrite and delete a message for good, whose tombstone is on the log; False where it is gone already."""
        try:
            return await self.client.jetstream().delete_msg(subjects.STREAM, seq)
        except (NatsError, TimeoutError, OSError) as error:
            if await self.at(seq) is None:
                return False
            raise Unreachable(f"sequence {seq} could not be erased: {_name(error)}") from error

    async def _without_gaps(self, there: Sequence[Message], after: int, end: int) -> list[Message]:
        """The messages of a stretch, one a sequence; what neither it nor a tombstone has is looked for again."""
        messages = without_gaps(there, after, end, await self._erased_between(there, after, end))
        missing = [message.seq for message in messages if message.is_missing]
        if missing:
            request = {"seq": missing[0], "next_by_subj": subjects.EVERYTHING, "batch": missing[-1] - missing[0] + 1}
            found = {message.seq: message for message in await self._direct_get(request)}
            messages = [found.get(m.seq, m) if m.is_missing else m for m in messages]
        return messages

    async def _erased_between(self, messages: Sequence[Message], after: int, end: int) -> dict[int, Message]:
        """Tombstones for what a read did not find: each was said before its message went, so it must be there."""
        gaps = set(range(after + 1, end + 1)) - {message.seq for message in messages}
        for attempt in range(GAP_TRIES):
            erased = await self.erased()
            if gaps <= erased.keys():
                break
            await asyncio.sleep(0.05 * attempt)
        return erased

    def _encoded(self, fact: Fact) -> bytes:
        data = encode(fact)
        self._check_size(subjects.subject_of(fact), data)
        return data

    def _check_size(self, subject: str, data: bytes) -> None:
        if len(data) > self.client.max_payload - 4096:
            raise TooLarge(
                f"{subject} has {len(data):,} bytes, but the server takes "
                f"{self.client.max_payload - 4096:,} in one message; shorten its text"
            )

    async def _require(self, example_id: str) -> None:
        if not await self.knows(example_id):
            raise UnknownExample(example_id)

    async def _publish_one(self, fact: Fact) -> int:
        subject = subjects.subject_of(fact)
        outcome = _Outcome()
        await self._publish_batch({subject: self._encoded(fact)}, outcome)
        for _, reason in outcome.refused:
            raise TooLarge(reason)
        present = await self._present([subject])
        return present[subject]

    async def _publish_batch(self, batch: dict[str, bytes], outcome: _Outcome) -> None:
        """Publish until every fact of the batch is on the log or refused for good.

        An acknowledgement that got lost leaves the batch's fate open, so what is there is looked up and the rest is
        said again: the expected sequence 0 keeps a batch that commits late from doubling anything.
        """
        sent = False
        for attempt in range(TRIES):
            try:
                ack = await self._send(batch)
            except (TimeoutError, NatsError) as error:
                if isinstance(error, NatsError) and self.client.is_closed:
                    raise Unreachable("the connection to the log is closed") from error
                sent, ack = True, None
                await asyncio.sleep(0.2 * attempt)
            if ack is not None and ack.error is None:
                outcome.new += map(_event_id, batch)
                return
            if (
                ack is not None
                and ack.error is not None
                and ack.error.err_code in (MESSAGE_TOO_LARGE, BATCH_INCOMPLETE)
            ):
                await self._publish_halves(batch, ack.error.description, outcome)
                return
            if ack is not None and ack.error is not None and ack.error.err_code != WRONG_LAST_SEQUENCE:
                raise RooflogError(f"the log refused the facts: {ack.error.description} ({ack.error.err_code})")
            present = await self._present(list(batch))
            (outcome.new if sent else outcome.existing).extend(_event_id(s) for s in batch if s in present)
            batch = {subject: data for subject, data in batch.items() if subject not in present}
            if not batch:
                return
        raise Unreachable(f"the log did not acknowledge {len(batch)} facts after {TRIES} tries; say them again")

    async def _publish_halves(self, batch: dict[str, bytes], reason: str, outcome: _Outcome) -> None:
        """One message of the batch is more than the stream takes: find it, and publish the others."""
        if len(batch) == 1:
            outcome.refused += [(_event_id(subject), f"the log refused it for good: {reason}") for subject in batch]
            return
        records = list(batch.items())
        await self._publish_batch(dict(records[: len(records) // 2]), outcome)
        await self._publish_batch(dict(records[len(records) // 2 :]), outcome)

    async def _send(self, batch: dict[str, bytes], expected: dict[str, dict[str, str]] | None = None) -> _Ack:
        """One atomic batch; each message's subject must be new unless `expected` says otherwise for it."""
        fresh = {"Nats-Expected-Last-Subject-Sequence": "0"}
        headers = [dict((expected or {}).get(subject, fresh)) for subject in batch]
        if len(batch) > 1:
            batch_id = subjects.new_event_id()
            for number, header in enumerate(headers, 1):
                header |= {"Nats-Batch-Id": batch_id, "Nats-Batch-Sequence": str(number)}
            headers[-1]["Nats-Batch-Commit"] = "1"
        *first, (last_subject, last_data) = batch.items()
        for (subject, data), header in zip(first, headers, strict=False):
            await self.client.publish(subject, data, headers=header)
        try:
            answer = await self._unless_lost(
                self.client.request(last_subject, last_data, headers=headers[-1], timeout=ACK_SECONDS)
            )
        except NoRespondersError as error:
            raise TimeoutError("JetStream is not there at the moment") from error
        return msgspec.json.decode(answer.data, type=_Ack)

    async def _present(self, wanted: Sequence[str]) -> dict[str, int]:
        return {subject: message.seq for subject, message in (await self.last(wanted)).items()}

    async def _direct_get(self, request: dict[str, object]) -> list[Message]:
        """Batched direct get (ADR-31): stateless reads that leave no consumer behind. Raises Unreachable.

        The server ends an answer early when it grows large and says how much is left: then the rest is asked for.
        """
        wanted = int(str(request["batch"]))
        found: list[Message] = []
        ended: asyncio.Queue[dict[str, str]] = asyncio.Queue()

        async def collect(message: Msg) -> None:
            headers = message.headers or {}
            if "Status" in headers:
                ended.put_nowait(headers)
            else:
                found.append(_message(message, headers))

        try:
            async with _inbox(self.client, collect) as inbox:
                while len(found) < wanted:
                    had = len(found)
                    await self.client.publish(_DIRECT_GET, json.dumps(request).encode(), reply=inbox)
                    headers = await self._unless_lost(_ended(ended, found))
                    if headers["Status"] not in ("204", "404"):
                        raise RooflogError(
                            f"the log could not be read: {headers['Status']} {headers.get('Description', '')}"
                        )
                    if len(found) == had or int(headers.get("Nats-Num-Pending", 0)) == 0:
                        break
                    request = request | {"seq": found[-1].seq + 1, "batch": wanted - len(found)}
        except (NatsError, TimeoutError) as error:
            raise Unreachable(f"the log does not answer: {_name(error)}") from error
        return found

    async def _unless_lost(self, answer: Coroutine[Any, Any, T]) -> T:
        """An answer, or TimeoutError at once when the connection breaks: the server that knew the question is gone."""
        waiting = asyncio.ensure_future(answer)
        self._unanswered.add(waiting)
        try:
            await asyncio.wait({waiting})
            if waiting.cancelled():
                raise TimeoutError("the connection broke before the answer")
            return waiting.result()
        finally:
            self._unanswered.discard(waiting)
            waiting.cancel()

    async def _disconnected(self) -> None:
        for waiting in self._unanswered:
            waiting.cancel()

    async def _heard(self, error: Exception) -> None:
        """Connection errors reach callers as exceptions of the calls they make; nats-py would print them as well."""
        self._heard_last, self.problem = error, _name(error)


def _message(message: Msg, headers: dict[str, str]) -> Message:
    received = _nanoseconds(headers.get("Nats-Time-Stamp", ""))
    return Message(int(headers["Nats-Sequence"]), headers["Nats-Subject"], message.data, received)


def _nanoseconds(moment: str) -> int:
    """A moment in RFC 3339 and UTC as nanoseconds since 1970; 0 for none."""
    whole, _, fraction = moment.rstrip("Z").partition(".")
    return int(datetime.fromisoformat(f"{whole}Z").timestamp()) * 1_000_000_000 + int(f"{fraction:0<9}") if whole else 0


def _name(error: BaseException) -> str:
    return str(error) or type(error).__name__


def _event_id(subject: str) -> str:
    return subjects.parse(subject).event_id


async def _ended(ended: asyncio.Queue[dict[str, str]], found: list[Message]) -> dict[str, str]:
    """The end of an answer; raises TimeoutError when nothing at all arrives for `ACK_SECONDS`."""
    while True:
        had = len(found)
        try:
            return await asyncio.wait_for(ended.get(), ACK_SECONDS)
        except TimeoutError:
            if len(found) == had:
                raise


@asynccontextmanager
async def _inbox(client: Client, collect: Callable[[Msg], Awaitable[None]]) -> AsyncIterator[str]:
    inbox = client.new_inbox()
    subscription = await client.subscribe(inbox, cb=collect, pending_msgs_limit=-1, pending_bytes_limit=-1)
    try:
        yield inbox
    finally:
        if not client.is_closed:
            await subscription.unsubscribe()
