"""Traces: calls of models, each with the conversation so far; what formats of traces have in common.

A call is an example where it holds what was asked and answered. Its earlier messages are no copies: the example follows
the call of the same import that gave the last of these answers, found by the words of the conversation so far. A turn
that no call has given becomes an example of its own, once. What a program around a model was asked and answered is
imported where the trace has no call of a model with an answer.
"""

from __future__ import annotations

import hashlib
import re
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from msgspec import Struct, field

from events import calls, chat
from events.chat import Exchange
from events.earlier_turns import last_question
from events.facts import ExampleCaptured, Fact

from .calls_memory import Call, Memory
from .conventions import Texts
from .format import ACTOR, Format, Left, Part, Record
from .lines import Line
from .messages import Answer

SOURCE = "production_query"

_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
"""What an example's id may be: a call of another one is refused, so that nothing may follow it."""

LARGEST = 2**63
"""No count or nanosecond since 1970 is as large."""

Piece = dict[str, Any]
_TURN, _RAW, ASKED = "earlier turn", "call", "asked"
"""The keys of a piece: what makes the fact of an earlier turn; or a call as written, and as read if it asks."""


class Recorded(Struct, kw_only=True):
    """A call of a model as any tool has recorded it; times in nanoseconds since 1970, numbers as they were written."""

    example_id: str
    texts: Texts
    began: int
    ended: Any = None
    trace_id: str | None = None
    conversation: str | None = None
    actor: str = ACTOR
    model: str | None = None
    tokens_in: Any = None
    tokens_out: Any = None
    finish_reason: str | None = None
    failure: str | None = None
    """What is known of a call that failed; None for one that did not."""
    is_late: bool = False
    tags: tuple[str, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)
    details_of: str = "span"
    broken: int = 0


class Traces(Format):
    """A format of traces, any number of calls a line; each is imported or refused by itself."""

    def __init__(self, memory: Memory | None = None, actor: str | None = None) -> None:
        """`actor` is who says everything; without one, who used the model, where a call tells that."""
        self._memory = memory or Memory()
        self._actor = actor

    @abstractmethod
    def calls(self, data: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
        """The calls of a line that nobody has looked into, each with its name for messages."""

    @abstractmethod
    def recorded(self, raw: Any) -> Recorded | Left:
        """What a call says, or why it says nothing. Raises ValueError where it cannot be read."""

    def survey(self, line: Line) -> None:
        """See `Format.survey`."""
        self.learn(line.data)

    def records(self, line: Line) -> Iterator[Record]:
        """See `Format.records`."""
        return (Record(line, part, label) for label, part in self.parts(line.data))

    def facts(self, record: Record) -> Iterator[Part]:
        """See `Format.facts`."""
        return self.facts_of(record.data)

    def learn(self, data: Mapping[str, Any]) -> None:
        """Remember which conversation each call has answered, and since when each was one."""
        for _, raw in self.calls(data):
            if (asked := self._readable(raw)) is not None:
                self._memory.keep(asked.digests, asked.call)

    def parts(self, data: Mapping[str, Any]) -> Iterator[tuple[str, Piece]]:
        """The calls that stand or fall alone, each behind earlier turns without one."""
        for label, raw in self.calls(data):
            asked = self._readable(raw)
            for n, turn in enumerate(self._earlier(asked), 1):
                yield f"earlier turn {n} of {label}", {_TURN: turn}
            yield label, {_RAW: raw, ASKED: asked}

    def facts_of(self, part: Piece) -> Iterator[Fact | Left]:
        """The facts of a part; a call without a question and its answer has none."""
        if _TURN in part:
            yield part[_TURN]()
            return
        asked: Asked | None = part[ASKED]
        if asked is None:
            recorded = self.recorded(part[_RAW])
            yield recorded if isinstance(recorded, Left) else Left.NO_ANSWER
        elif self.is_within(asked.recorded):
            yield Left.SAME_FACT
        else:
            numbers = _Numbers(asked.recorded)
            yield self._example(asked, numbers)
            yield from [Left.BROKEN] * (numbers.broken + asked.recorded.broken)
            yield from [Left.OTHER_CHOICE] * asked.choices

    def is_within(self, recorded: Recorded) -> bool:
        """Whether the texts are those of a call of a model in the same trace."""
        return recorded.texts.is_outer and self._memory.has_call(recorded.trace_id)

    def _readable(self, raw: Any) -> Asked | None:
        """What `facts` reads; None for a call that is left out or refused, which its own record tells."""
        try:
            recorded = self.recorded(raw)
            return None if isinstance(recorded, Left) else _asked(recorded)
        except Exception:
            return None

    def _earlier(self, asked: Asked | None) -> Iterator[Callable[[], ExampleCaptured]]:
        """What makes the examples of a call's earlier turns that no call has given, and none has told before."""
        if asked is None or self.is_within(asked.recorded):
            return
        held: bytes | None = None  # the system text after the turns before
        for n, (digest, exchange) in enumerate(zip(asked.digests, asked.earlier, strict=True)):
            if self._memory.knows(digest):
                held = self._memory.held([digest]) or held
                continue
            system = exchange.system if n else asked.system
            held = system_digest(system) or held
            self._memory.tell(digest, held)
            yield partial(self._turn, asked, n, system)

    def _turn(self, asked: Asked, n: int, system: str | None) -> ExampleCaptured:
        digest, exchange = asked.digests[n], asked.earlier[n]
        return calls.capture(
            exchange.question,
            exchange.answer,
            actor=self._actor or asked.recorded.actor,
            source=SOURCE,
            conversation=asked.recorded.conversation or self._memory.conversation(asked.digests[0]),
            follows=self._memory.example_id(asked.digests[n - 1]) if n else None,
            system=system,
            tools=exchange.tools,
            attachments=exchange.attachments,
            at=moment_of(self._memory.began(digest, asked.recorded.began)),
            example_id=chat.turn_id(digest),
        )

    def _example(self, asked: Asked, numbers: _Numbers) -> ExampleCaptured:
        recorded, memory = asked.recorded, self._memory
        root = memory.conversation(asked.digests[0]) if asked.digests else recorded.example_id
        details = recorded.details | ({"thinking": asked.thoughts} if asked.thoughts else {})
        details |= {"user": recorded.actor} if self._actor and recorded.actor != ACTOR else {}
        is_failed = recorded.failure is not None
        return calls.capture(
            asked.prompt,
            asked.response,
            actor=self._actor or recorded.actor,
            source=("timeout" if recorded.is_late else "error") if is_failed else SOURCE,
            latency_ms=numbers.latency_ms,
            tokens_in=numbers.tokens_in,
            tokens_out=numbers.tokens_out,
            tags=recorded.tags,
            details={recorded.details_of: details} if details else None,
            conversation=None if is_failed else recorded.conversation or root,
            follows=memory.example_id(asked.digests[-1]) if asked.digests else None,
            system=None if system_digest(asked.system) == memory.held(asked.digests) else asked.system,
            tools=asked.present.tools,
            attachments=asked.present.attachments,
            finish_reason=asked.finish_reason,
            model=recorded.model,
            at=moment_of(recorded.began),
            example_id=recorded.example_id,
            trace_id=recorded.trace_id,
        )


class Asked(Struct, kw_only=True):
    """A call that asks: `digests` are of the conversation until each of the `earlier` turns."""

    recorded: Recorded
    call: Call | None
    prompt: str
    response: str
    system: str | None
    earlier: list[Exchange]
    present: Exchange
    digests: list[str]
    finish_reason: str | None
    choices: int
    """Answers beside the first."""
    thoughts: str


def _asked(recorded: Recorded) -> Asked | None:
    """A call with its conversation, None where it holds no question with an answer."""
    asked = recorded.texts.asked
    position = last_question(asked)
    spoken = [each for each in recorded.texts.answers if each.message.text.strip()]
    first = spoken[0] if spoken else None
    if position is None or (first is None and recorded.failure is None):
        return None
    response = str(recorded.failure) if first is None else first.message.text
    *earlier, present = chat.exchanges(asked, position)
    earlier = chat.spoken(earlier)
    digests: list[str] = []
    for exchange in earlier:
        digests.append(chat.chained([exchange], digests[-1] if digests else recorded.conversation or ""))
    systems = [heard.text for heard in asked if heard.role in chat.SYSTEM and heard.text.strip()]
    system = "\n\n".join(filter(None, [recorded.texts.system, *systems])) or None
    call = None
    if recorded.failure is None and _ID.fullmatch(recorded.example_id):
        whole = chat.exchanges([*asked, chat.Utterance(role=chat.ANSWERS, text=response)])
        call = Call(
            began=recorded.began,
            example_id=recorded.example_id,
            digest=chat.chained(chat.spoken(whole), recorded.conversation or ""),
            system=system_digest(system),
            first=digests[0] if digests else None,
            trace_id=None if recorded.texts.is_outer else recorded.trace_id,
        )
    return Asked(
        recorded=recorded,
        call=call,
        prompt=asked[position].text,
        response=response,
        system=system,
        earlier=earlier,
        present=present,
        digests=digests,
        finish_reason=_finish_reason(recorded, first),
        choices=len(spoken[1:]),
        thoughts=first.thoughts if first else "",
    )


def _finish_reason(recorded: Recorded, answer: Answer | None) -> str | None:
    if answer is None:
        return None
    return answer.finish_reason or recorded.finish_reason or ("tool_call" if answer.message.calls else None)


class _Numbers:
    """The numbers of a call: None where it has none, or a broken one, which is counted."""

    def __init__(self, recorded: Recorded) -> None:
        self.broken = 0
        ended = self._count(recorded.ended)
        if ended and ended < recorded.began:
            self.broken += 1
        self.latency_ms = (ended - recorded.began) / 1e6 if ended and ended >= recorded.began else None
        self.tokens_in = self._count(recorded.tokens_in)
        self.tokens_out = self._count(recorded.tokens_out)

    def _count(self, value: Any) -> int | None:
        try:
            count = int(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else -1
        except (ValueError, OverflowError):
            count = -1
        self.broken += value is not None and not 0 <= count < LARGEST
        return count if 0 <= count < LARGEST else None


def named(value: Any) -> str | None:
    """An id of another system as a name, or None; see `chat.conversation_name`."""
    return chat.conversation_name(value)


def system_digest(system: str | None) -> bytes | None:
    """The digest of a system text."""
    return None if system is None else hashlib.sha256(system.encode("utf-8", "surrogatepass")).digest()


def moment_of(nanoseconds: int) -> datetime:
    """A moment in nanoseconds since 1970."""
    return datetime.fromtimestamp(nanoseconds / 1e9, UTC)
