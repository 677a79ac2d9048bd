"""The gateway's one connection: facts to the log, questions to the projector, each answered or refused in time."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
from litestar.di import NamedDependency
from nats.errors import Error as NatsError
from prometheus_client.metrics_core import Metric

from events import subjects
from events.codec import decode, encode
from events.conversations import Conversations
from events.deadline import within
from events.errors import InvalidFact, Missing, RooflogError, StaleRevision, UnknownExample, Unreachable
from events.facts import CorrectionRecorded, ExampleCaptured, ExampleNoted, Fact, FeedbackGiven, PolicyAdopted, Review
from events.log.log import Log, Message, Published
from events.words import describe

from .. import marks
from ..exporter import client
from ..figures import of_tables
from ..imports.calls_memory import Memory
from ..settings import Settings
from ..standby import Standby
from ..state.client import State
from ..state.lag import lag
from .changes import Changes
from .desk import Desk
from .errands import Errands
from .errors import Refusal, unavailable
from .health import Health
from .past_sessions import PastSessions
from .suggester import Suggester
from .uploads import Uploads
from .webhooks import Seen, Webhooks
from .workers import Workers

SAY_SECONDS = 5.0
"""How long the log may take to acknowledge: longer than a synced batch ever takes, shorter than callers wait."""

ASK_SECONDS = 8.0
HISTORY = 200
"""Messages about one example in one answer at most."""

HISTORY_AT_ONCE = 20
"""Of them, those that are read at a time."""

HISTORY_BYTES = 2**20
"""Bytes of them after which no more are read."""

WEBHOOKS = "webhooks"
"""Who asks for what webhooks tell."""

TOLD_EXPORTS = 20
"""Exports whose trainings are looked at for webhooks."""

ACTORS = 10_000
"""Actors whose last fact is remembered, so that they find it in the next answer."""

T = TypeVar("T")


class Gateway:
    """What every route works with."""

    def __init__(self, settings: Settings, log: Log, url: str) -> None:
        """`url` is where the log is, for the processes that look back on it."""
        self.settings = settings
        self.log = log
        self.changes = Changes()
        self.pasts = PastSessions(settings, url)
        self.errands = Errands(settings, url)
        self.uploads = Uploads(settings.data_dir)
        self.workers = Workers()
        self.desk = Desk(log)
        self.suggester = Suggester(settings)
        self._state = State(log, None, None)
        self._standby = Standby("web")
        self.health = Health(log, self._state, self.changes, self._standby)
        self.webhooks = Webhooks(settings, self._worth_telling)
        self.failure: BaseException | None = None
        """Why the log cannot be followed, where waiting mends nothing."""
        self._said: dict[str, int] = {}
        self._conversations = Conversations()
        self._calls: dict[str, Memory] = {}

    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """Reach the log, however long that takes, and follow the projector, while this is open."""
        following = asyncio.create_task(self._standby.served(self.log, self.settings, self._follow))
        following.add_done_callback(self._fail)
        try:
            async with self.health.watched(), self.errands.kept(), self.webhooks.sent():
                yield
        finally:
            self.changes.close()
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    async def _follow(self, _: Settings, log: Log, standby: Standby) -> int:
        async with self.changes.heard(log), self.pasts.kept(log):
            await asyncio.Event().wait()
        return 0

    def _fail(self, following: asyncio.Task[int]) -> None:
        if not following.cancelled():
            self.failure = following.exception()

    async def ask(self, actor: str, name: str, *, as_of: int | None = None, **args: Any) -> Any:
        """The answer to a question, from a state that holds every fact this actor has published or seen here.

        With `as_of` it is that of a moment somebody went back to. Raises Refusal 503 where the projector does not
        answer in time, 404 where nobody went back so far.
        """
        if as_of is not None:
            return await self.pasts.find(as_of).ask(name, args)
        self.require_log()
        try:
            return await within(ASK_SECONDS, self._state.ask_after(self._said.get(actor, 0), name, args))
        except (Unreachable, TimeoutError) as error:
            raise unavailable(
                "projector", "the projector does not answer; start it with `rooflog up` or `rooflog projector`"
            ) from error

    async def _worth_telling(self) -> Seen:
        """What webhooks may tell of; nothing of those who do not answer."""

        async def asked(work: Awaitable[Any]) -> dict[str, Any]:
            try:
                return await within(ASK_SECONDS, work) or {}
            except (Refusal, RooflogError, NatsError, TimeoutError):
                return {}

        stats = await asked(self.ask(WEBHOOKS, "stats"))
        exports = await asked(self.ask(WEBHOOKS, "exports", limit=TOLD_EXPORTS))
        exporter = await asked(client.ask(self.log, "status"))
        trainings = [
            {"export_digest": made["export_digest"], **training}
            for made in exports.get("exports", ())
            for training in made["trainings"]
        ]
        return Seen(
            queue=stats.get("review_queue"),
            export_failures=exporter.get("failures"),
            export_error=exporter.get("error"),
            training=max(trainings, key=lambda training: training["at"], default=None),
            broken=marks.last(self.settings.data_dir, "found_broken"),
        )

    async def why_not(self) -> list[str]:
        """Why the gateway is not ready, from what was seen of log and projector last."""
        seen = self.health.held()
        return [seen["reason"]] if seen["status"] == "down" else []

    async def measure(self) -> list[Metric]:
        """The figures of the tables at this moment. Raises Unreachable where log or projector are silent."""
        figures = await self._state.ask_after(0, "measured", {})
        return of_tables(figures, await lag(self.log, figures["checkpoint"]))

    async def ask_long(self, actor: str, name: str, **args: Any) -> Any:
        """The answer to a question that may take a minute. Raises as `ask` does."""
        return await self._patiently(self._state.ask_after(self._said.get(actor, 0), name, args))

    async def run(self, name: str, **args: Any) -> Any:
        """Have the projector make something ready. Raises as `ask` does."""
        return await self._patiently(self._state.run(name, **args))

    async def adopt(self, policy: PolicyAdopted, *, revision: int) -> int:
        """Put a policy on the log; its sequence. Raises StalePolicy."""
        seq: int = await self._in_time(self.log.adopt(policy, revision=revision))
        self._remember(policy.actor, seq)
        return seq

    async def _patiently(self, work: Awaitable[T]) -> T:
        try:
            self.require_log()
            return await work
        except (Unreachable, TimeoutError) as error:
            raise unavailable("projector", "the projector does not answer in time; come again later") from error
        finally:
            if asyncio.iscoroutine(work):
                work.close()

    async def example(self, actor: str, example_id: str, *, as_of: int | None = None) -> dict[str, Any]:
        """One example with its verdict. Raises UnknownExample."""
        example: dict[str, Any] | None = await self.ask(actor, "show", as_of=as_of, example_id=example_id)
        if example is None:
            raise UnknownExample(example_id)
        return example

    async def messages(self, facts: Sequence[Fact]) -> dict[str, Message]:
        """What the log holds on the subjects of these facts, by event id."""
        latest = await self._in_time(self.log.last([subjects.subject_of(fact) for fact in facts])) if facts else {}
        return {message.parts.event_id: message for message in latest.values()}

    def calls_of(self, actor: str) -> Memory:
        """The calls of models that this actor has sent as spans, so that the next turns follow them."""
        return self._calls.setdefault(actor, Memory())

    async def publish(self, actor: str, facts: Sequence[ExampleCaptured]) -> tuple[Published, dict[str, int]]:
        """Put captures on the log; what came of it, and the sequence of each by event id.

        Each follows the last turn of its conversation that this actor has said here, where it names none.
        """
        linked = self._conversations.linked(facts, actor)
        published = await self._in_time(self.log.publish(linked))
        self._remember_turns(actor, linked, published)
        refused = {event_id for event_id, _ in published.refused}
        wanted = [subjects.subject_of(fact) for fact in facts if fact.event_id not in refused]
        messages = await self._in_time(self.log.acknowledged(wanted)) if wanted else {}
        seqs = {message.parts.event_id: message.seq for message in messages.values()}
        self._remember(actor, max(seqs.values(), default=0))
        return published, seqs

    async def capture(self, fact: ExampleCaptured, *, is_keyed: bool) -> int:
        """Put one capture on the log; its sequence. Raises InvalidFact, or Refusal where its key was used before."""
        (await self._in_time(self.log.refusals())).check(fact)
        published, seqs = await self.publish(fact.actor, [fact])
        for _, reason in published.refused:
            encode(fact)  # tells apart what is wrong with it
            raise Refusal(413, reason)
        if (seq := seqs.get(fact.event_id)) is None:
            raise Missing(fact.example_id)
        if is_keyed and published.existing:
            self.require_same(await self._in_time(self.log.at(seq)), fact)
        return seq

    async def say(self, fact: FeedbackGiven | CorrectionRecorded | ExampleNoted, *, is_keyed: bool) -> int:
        """Put feedback, a correction or a note on the log; its sequence.

        Raises as `Log` does, and Refusal as `capture`.
        """
        if is_keyed:
            await self._require_unused(fact)
        match fact:
            case FeedbackGiven():
                saying = self.log.give_feedback(fact)
            case ExampleNoted():
                saying = self.log.note(fact)
            case _:
                saying = self.log.correct(fact)
        seq: int = await self._in_time(saying)
        self._remember(fact.actor, seq)
        return seq

    async def decide(self, *facts: Review, revision: int, is_keyed: bool) -> int:
        """Publish a decision on what was seen; its sequence. Raises Refusal 409 with everything said since."""
        example_id = facts[0].example_id or ""
        if is_keyed:
            await self._require_unused(facts[0])
        try:
            seq = await self._in_time(self.log.decide(*facts, revision=revision))
        except StaleRevision as error:
            raise await self._stale_since(facts[0].actor, example_id, revision) from error
        self._remember(facts[0].actor, seq)
        return seq

    async def require_seen(self, actor: str, example: Mapping[str, Any], revision: int) -> None:
        """Raise Refusal 409 where an example has not the revision that somebody saw: its characters may have moved."""
        if example["revision"] != revision:
            raise await self._stale_since(actor, example["example_id"], revision)

    async def _stale_since(self, actor: str, example_id: str, revision: int) -> Refusal:
        since = [message for message in await self.history(example_id, revision) if _is_about(message, example_id)]
        self._remember(actor, max((message.seq for message in since), default=0))
        return _stale(example_id, revision, since)

    async def history(self, example_id: str, after: int = 0, limit: int = HISTORY) -> list[Message]:
        """A page of the messages about one example behind a sequence, read from the log itself.

        It ends early where its messages are long: one page of them is what this process holds at a time.
        """
        messages: list[Message] = []
        while len(messages) < limit and sum(len(message.data) for message in messages) < HISTORY_BYTES:
            wanted = min(HISTORY_AT_ONCE, limit - len(messages))
            page = await self._in_time(self.log.history(example_id, after=after, limit=wanted))
            messages += page
            if len(page) < wanted:
                break
            after = page[-1].seq
        return messages

    async def stretch(self, after: int, limit: int) -> tuple[int, list[Message]]:
        """The end of the log, and at most `limit` messages behind a sequence."""
        last = await self._in_time(self.log.last_sequence())
        if not limit or after >= last:
            return last, []
        return last, await self._in_time(anext(self.log.read(after, last, limit), []))

    def require_same(self, message: Message | None, fact: Fact) -> None:
        """Raise Refusal 422 where a key that was used before stood for another body.

        The moment is not compared, as a repeat comes later, nor what a correction took from the example.
        """
        if message is None:
            return
        try:
            is_same = _comparable(message.fact()) == _comparable(decode(encode(fact)))
        except InvalidFact:
            is_same = False
        if not is_same:
            raise Refusal(
                422,
                "this Idempotency-Key was used before with another body; a new call needs a new key",
                code="idempotency_key_reused",
                details={"seq": message.seq},
            )

    async def _require_unused(self, fact: Fact) -> None:
        """Raise Refusal 422 where the key has already said something else, perhaps about another example."""
        for message in (await self._in_time(self.log.last([subjects.event(fact)]))).values():
            self.require_same(message, fact)

    def _remember_turns(self, actor: str, facts: Sequence[ExampleCaptured], published: Published) -> None:
        """Let the next turn of a conversation follow what is on the log now; behind a retry the log itself knows."""
        new, existing = set(published.new), set(published.existing)
        for fact in facts:
            if fact.event_id in new:
                self._conversations.remember([fact], actor)
            elif fact.event_id in existing and fact.conversation is not None:
                self._conversations.forget(fact.conversation, actor)

    def _remember(self, actor: str, seq: int) -> None:
        if len(self._said) >= ACTORS:
            self._said.pop(next(iter(self._said)))
        self._said[actor] = max(seq, self._said.pop(actor, 0))

    def require_log(self) -> None:
        """Raise Refusal 503 where the connection is known to be broken."""
        if not self.log.client.is_connected:
            raise unavailable("log", "the log is away; nothing was recorded, come again in a moment")

    async def _in_time(self, work: Awaitable[T]) -> T:
        """The result of talking to the log, or Refusal 503: the gateway keeps nothing for later."""
        try:
            self.require_log()
        except Refusal:
            if asyncio.iscoroutine(work):
                work.close()
            raise
        try:
            return await within(SAY_SECONDS, work)
        except (TimeoutError, Unreachable, NatsError) as error:
            raise unavailable(
                "log",
                "the log does not answer; whether this was recorded is not known: "
                "say it again with the same Idempotency-Key",
            ) from error


Gate = NamedDependency[Gateway]
"""How a route asks for the gateway."""


def event_id(actor: str, call: str, key: str, number: int = 0) -> str:
    """The id of the fact that a caller's idempotency key stands for: the same call and key are the same fact."""
    whole = "\0".join(("rooflog", actor, call, key, str(number)))
    return hashlib.sha256(whole.encode()).hexdigest()[:32]


def as_data(message: Message) -> dict[str, Any]:
    """One message of a history as data: where it lies, in words, and the fact itself where it is valid."""
    entry: dict[str, Any] = {"seq": message.seq, "received_at": message.received_at, "told": describe(message)}
    try:
        return entry | {"fact": msgspec.to_builtins(message.fact())}
    except InvalidFact:
        return entry | {"fact": None}


def _comparable(fact: Fact) -> Fact:
    """A fact without what differs between two tries of one call."""
    same: dict[str, Any] = {"occurred_at": datetime.min.replace(tzinfo=UTC)}
    if hasattr(fact, "untrusted"):  # the token may have been trusted since
        same |= {"untrusted": False}
    if isinstance(fact, ExampleCaptured) and fact.conversation:  # what is filled in depends on what was said since
        same |= {"follows": None, "system": None}
    if isinstance(fact, CorrectionRecorded) and fact.example_id:
        same |= {"original_prompt": "", "original_response": "", "tags": (), "project_context": ""}
    return msgspec.structs.replace(fact, **same)


def _is_about(message: Message, example_id: str) -> bool:
    """A correction's own fact is about what it corrects: it is part of the history, but moves no revision."""
    return message.parts.about == example_id


def _stale(example_id: str, revision: int, since: Sequence[Message]) -> Refusal:
    changed = "; ".join(map(describe, since)) or "the log knows no such revision"
    return Refusal(
        409,
        f"{example_id} has changed since revision {revision}: {changed}; look again and decide anew",
        code="stale_revision",
        details={"example_id": example_id, "seen": revision, "since": [as_data(message) for message in since]},
    )
