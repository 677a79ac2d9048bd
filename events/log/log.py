"""The log: facts in, exactly once each and safe against power loss; facts out, in order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Self

import msgspec
from nats.errors import Error as NatsError

from .. import subjects
from ..codec import encode
from ..errors import Forbidden, InvalidFact, RooflogError, StalePolicy, StaleRevision, UnknownExample, Unreachable
from ..facts import CorrectionRecorded, ExampleNoted, Fact, FeedbackGiven, PolicyAdopted, Review
from ..message import Message, Tombstones, tombstones
from ..refusals import Refusals, refusals
from ..traceparent import Record, current
from ..words import describe
from . import append, read, stream
from .access import Access
from .append import BATCH, Published
from .connection import ACK_SECONDS, Connection, name_of

CONNECT_SECONDS = 15.0
"""How long a server may be away, or its cluster without a leader: an election takes up to 10 seconds."""

ENSURE_SECONDS, ENSURE_PAUSE_SECONDS = 5.0, 0.2
"""How long one look at the stream may take, and between two looks while JetStream has no leader."""

__all__ = ["BATCH", "Access", "Log", "Message", "Published"]


class _Info(msgspec.Struct):
    class State(msgspec.Struct):
        first_seq: int
        deleted: list[int] = []

    state: State


class Log(Connection):
    """A connection to the stream of facts; create it with `connect`."""

    _refusals = Refusals()

    @classmethod
    async def connect(
        cls,
        access: Access | str,
        *,
        name: str = "rooflog",
        replicas: int = 1,
        timeout: float = CONNECT_SECONDS,
        create: bool = True,
        may_read: bool = True,
    ) -> Self:
        """A log that was begun; `access` may be the addresses alone. Raises as `begin` does."""
        log = cls(Access.of(access) if isinstance(access, str) else access, may_read=may_read)
        await log.begin(name, replicas=replicas, timeout=timeout, create=create)
        return log

    async def begin(
        self, name: str, *, replicas: int = 1, timeout: float = CONNECT_SECONDS, create: bool = True
    ) -> None:
        """Connect, wait for JetStream to have a leader, and make sure that the stream is there, unless told not to.

        The stream is created where there is none and the user may. A user without `may_read` only says facts: whether
        stream and server are right is then for others to see. Raises Unreachable after `timeout`, OldServer, Forbidden
        or WrongStream. After an error it may be begun again.
        """
        until = time.monotonic() + timeout
        await self.open(name, timeout)
        try:
            if self.may_read:
                self.require_version()
            if create:
                await self._ensure(replicas, until)
        except Forbidden:
            if self.may_read:
                await self.close()
                raise
        except BaseException:
            await self.close()
            raise
        self.problem = None

    async def _ensure(self, replicas: int, until: float) -> None:
        while True:
            left = until - time.monotonic()
            try:
                await stream.ensure(self, replicas, min(ENSURE_SECONDS, max(left, 1.0)))
                return
            except (NatsError, OSError, TimeoutError) as error:
                if left <= 0:
                    raise Unreachable(
                        f"the NATS server at {self.access.shown} has no working JetStream: {name_of(error)}"
                    ) from error
            await asyncio.sleep(ENSURE_PAUSE_SECONDS)

    async def publish(self, facts: Iterable[Fact]) -> Published:
        """Put facts on the log in order, in atomic batches, each exactly once for ever.

        A fact whose subject the log already holds is left out and named in `existing`. One that breaks its own
        constraints, is too large, or says what was erased is named in `refused`: whoever may not read the log is not
        told of erasures. Raises Unreachable when the server stays silent.
        """
        refusals, trace = await self.refusals(), current()
        refused: list[tuple[str, str]] = []

        def encoded() -> Iterator[Record]:
            for fact in facts:
                try:
                    refusals.check(fact)
                    yield Record(subjects.subject_of(fact), encode(fact), trace)
                except InvalidFact as error:
                    refused.append((fact.event_id, str(error)))

        published = await append.publish(self, encoded())
        return msgspec.structs.replace(published, refused=(*refused, *published.refused))

    async def publish_encoded(self, records: Iterable[Record]) -> Published:
        """`publish` for facts that are bytes already: what an outbox holds."""
        refusals = await self.refusals()
        refused: list[tuple[str, str]] = []

        def taken() -> Iterator[Record]:
            for record in records:
                try:
                    refusals.check_encoded(record.subject, record.data)
                    yield record
                except InvalidFact as error:
                    refused.append((subjects.parse(record.subject).event_id, str(error)))

        published = await append.publish(self, taken())
        return msgspec.structs.replace(published, refused=(*refused, *published.refused))

    async def refusals(self) -> Refusals:
        """What may not be said again, for one publication; nothing where this user may not read. Raises Unreachable.

        A server that restarts is waited for as long as for the publication itself.
        """
        for attempt in range(1, append.TRIES + 1):
            try:
                if self.may_read and await read.matching(self, subjects.TOMBSTONES, self._refusals.through, 1):
                    self._refusals = refusals(await self.tombstones())
                break
            except Unreachable:
                if attempt == append.TRIES or self.client.is_closed:
                    raise
                await asyncio.sleep(0.2 * attempt)
        return msgspec.structs.replace(self._refusals, repeating={})

    async def give_feedback(self, feedback: FeedbackGiven) -> int:
        """Publish feedback on an example the log holds; its sequence. Raises UnknownExample, or InvalidFact."""
        (await self.refusals()).check(feedback)
        await self._require(feedback.example_id)
        return await append.publish_one(self, feedback)

    async def note(self, note: ExampleNoted) -> int:
        """Publish a note about an example that the log holds; its sequence. Raises as `give_feedback` does."""
        await self._require(note.example_id)
        return await append.publish_one(self, note)

    async def correct(self, correction: CorrectionRecorded) -> int:
        """Publish a correction; its sequence. Raises UnknownExample where it names an example the log lacks."""
        (await self.refusals()).check(correction)
        if correction.example_id is not None:
            await self._require(correction.example_id)
        return await append.publish_one(self, correction)

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

        async def stale(is_refused: bool) -> RooflogError | None:
            history = await self.history(example_id)
            since = [message for message in history if message.seq > revision]
            if since:
                return StaleRevision(example_id, revision, "; ".join(map(describe, since)))
            if is_refused:
                last = history[-1].seq if history else 0
                return StaleRevision(example_id, revision, f"the log knows no such revision, the last one is {last}")
            return None

        return await append.publish_after(
            self,
            facts,
            revision=revision,
            subject_filter=subjects.about(example_id),
            name=f"the decision on {example_id}",
            stale=stale,
        )

    async def adopt(self, policy: PolicyAdopted, *, revision: int) -> int:
        """Publish a policy if the one of sequence `revision` still holds (0: none was adopted); its sequence.

        Raises StalePolicy, which tells what was adopted since.
        """

        async def stale(_: bool) -> RooflogError | None:
            adopted = (await self.last([subjects.ADOPTIONS])).values()
            last = max(adopted, key=lambda message: message.seq, default=None)
            return StalePolicy(revision, describe(last)) if last is not None and last.seq != revision else None

        return await append.publish_after(
            self, [policy], revision=revision, subject_filter=subjects.ADOPTIONS, name="the policy", stale=stale
        )

    async def revision(self, example_id: str) -> int:
        """The sequence of the last fact about an example; 0 where there is none."""
        request = {"multi_last": [subjects.about(example_id)], "batch": 10_000}
        return max((message.seq for message in await read.direct_get(self, request)), default=0)

    async def knows(self, example_id: str) -> bool:
        """Is there a capture, or a correction, of this id on the log?"""
        wanted = [*subjects.captures_of(example_id), subjects.correction(example_id)]
        return bool(await read.present(self, wanted))

    async def history(self, example_id: str, *, after: int = 0, limit: int = read.MOST) -> list[Message]:
        """Every message about one example in the order of the log, the correction that it is included.

        `after` leaves out those up to a sequence, and `limit` those behind so many.
        """
        parts = await asyncio.gather(
            read.matching(self, subjects.about(example_id), after, limit),
            read.matching(self, subjects.correction(example_id), after, limit),
        )
        by_seq = {message.seq: message for messages in parts for message in messages}
        return [by_seq[seq] for seq in sorted(by_seq)[:limit]]

    async def last(self, subjects_or_filters: Sequence[str]) -> dict[str, Message]:
        """The last message of each subject that the log holds, by subject."""
        return await read.last(self, subjects_or_filters)

    async def acknowledged(self, wanted: Sequence[str]) -> dict[str, Message]:
        """The messages of subjects that the log has acknowledged, by subject."""
        return await read.acknowledged(self, wanted)

    async def last_sequence(self) -> int:
        """The sequence of the last fact on the log; 0 on an empty one."""
        try:
            info = await self.unless_lost(self.jetstream().stream_info(subjects.STREAM), stream.info(self))
        except (NatsError, TimeoutError, OSError) as error:
            raise Unreachable(f"the log does not answer: {name_of(error)}") from error
        return info.state.last_seq

    async def at(self, seq: int) -> Message | None:
        """The message of one sequence; None where it was erased or is not there yet."""
        messages = await read.from_sequence(self, seq, 1)
        return messages[0] if messages and messages[0].seq == seq else None

    async def those(self, seqs: Iterable[int]) -> dict[int, Message]:
        """The messages of some sequences that the log still holds."""
        return await read.those(self, seqs)

    async def before(self, moment: datetime) -> int:
        """The last sequence that the log had received before a moment; 0 where there was none."""
        first = await read.first_since(self, moment)
        return first.seq - 1 if first else await self.last_sequence()

    async def read(self, after: int, until: int | None = None, batch: int = 5_000) -> AsyncGenerator[list[Message]]:
        """Messages after one sequence up to another (default: the log's end now), in order, in lists of `batch`.

        No sequence is left out: for what was erased comes what its tombstone keeps, see `Message`.
        """
        until = await self.last_sequence() if until is None else until
        async with aclosing(read.stretch(self, after, until, batch)) as lists:
            async for messages in lists:
                yield messages

    async def matching(self, subject_filter: str) -> list[Message]:
        """Every message that the log still holds under a filter, in order; for filters that match few."""
        return await read.matching(self, subject_filter)

    async def erased(self) -> dict[int, Message]:
        """The messages that the tombstones which count list, by sequence, whether or not their text is still there."""
        return (await self.tombstones()).listed

    async def tombstones(self) -> Tombstones:
        """The tombstones, and which of them count: whose subjects and digests are those of the messages."""
        facts = await read.tombstones(self)
        seqs = {kept.seq for _, fact in facts.values() for kept in fact.erased}
        return tombstones(facts, await read.those(self, seqs - await self.deleted()) if seqs else {})

    async def deleted(self) -> set[int]:
        """The sequences that the log no longer holds."""
        try:
            answer = await self.request(stream.info(self), b'{"deleted_details": true}', timeout=ACK_SECONDS)
        except (NatsError, TimeoutError) as error:
            raise Unreachable(f"the log does not answer: {name_of(error)}") from error
        state = msgspec.json.decode(answer.data, type=_Info).state
        return {*range(1, state.first_seq), *state.deleted}

    async def erase(self, seq: int) -> bool:
        """Overwrite and delete a message for good, whose tombstone is on the log; False where it is gone already."""
        try:
            deleting = self.jetstream().delete_msg(subjects.STREAM, seq)
            return await self.unless_lost(deleting, f"{self.api}.STREAM.MSG.DELETE.{subjects.STREAM}")
        except (NatsError, TimeoutError, OSError) as error:
            if await self.at(seq) is None:
                return False
            raise Unreachable(f"sequence {seq} could not be erased: {name_of(error)}") from error

    async def _require(self, example_id: str) -> None:
        for attempt in range(1, read.LAG_TRIES + 1):  # another process may have captured it a moment ago
            if await self.knows(example_id):
                return
            await asyncio.sleep(read.LAG_SECONDS * attempt)
        raise UnknownExample(example_id)
