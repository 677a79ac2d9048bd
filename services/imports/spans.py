"""Traces by OpenTelemetry's GenAI conventions, in OTLP's JSON encoding: `{"resourceSpans": […]}` a line.

That is what the collector's file exporter writes. A span is an example where it holds what was asked and answered:
`gen_ai.input.messages` and `gen_ai.output.messages` (conventions 1.37 and later, with the recording of content switched
on), as text or structured. Other spans are counted and left out. The example's id is the span's.

Its earlier messages are no copies: the example follows the span of the same import that gave the last of these answers,
found by the words of the conversation so far. A turn that no span has given becomes an example of its own, once.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct, json, structs

from events import calls, chat
from events.chat import Exchange
from events.earlier_turns import CONVERSATION, INSTRUCTIONS, instructions_of, last_question, read_genai
from events.facts import ExampleCaptured, Fact

from . import thinking
from .format import ACTOR, Format, Left, Record
from .lines import Line

SOURCE = "production_query"

_WHOLE = re.compile(r"-?\d{1,20}")

_LARGEST = 2**63
"""No count or nanosecond since 1970 is as large."""

_FAILED = 2
"""OTLP's status code of a span that ended in an error."""

_KEPT = (
    "gen_ai.provider.name", "gen_ai.request.model", "gen_ai.response.model", "gen_ai.response.id", "gen_ai.agent.name",
    "error.type",
)  # fmt: skip
"""Attributes that go into the example's details."""

_MODELS = ("gen_ai.response.model", "gen_ai.request.model")

_TURN = "earlier turn"
"""The key of a record that is no span, but an earlier turn of one."""

_SERVICE = "service.name"
"""What a resource calls the service that its spans are of."""


class Spans(Format):
    """Spans of a trace, any number a line; each is imported or refused by itself."""

    name = "spans"
    description = 'spans as OpenTelemetry\'s file exporter writes them, {"resourceSpans": […]}'

    @staticmethod
    def recognises(data: dict[str, Any]) -> bool:
        """See `Format.recognises`."""
        return "resourceSpans" in data

    def __init__(self) -> None:
        self._answers: dict[str, _Answer] = {}
        self._began: dict[str, int] = {}
        self._told: dict[str, bytes | None] = {}

    def survey(self, line: Line) -> None:
        """See `Format.survey`: which conversation each span has answered, and since when each was one."""
        try:
            for _, span in _spans(line.data):
                asked = _readable(span)
                if asked is None:
                    continue
                for digest in asked.digests:
                    self._began[digest] = min(asked.began, self._began.get(digest, asked.began))
                if not asked.is_failed:
                    first = asked.digests[0] if asked.digests else None
                    answer = _Answer(asked.began, asked.example_id, _digest(asked.system), first)
                    self._answers[asked.digest] = min(
                        answer, self._answers.get(asked.digest, answer), key=lambda each: (each.began, each.example_id)
                    )
        except (AttributeError, TypeError, KeyError):
            pass  # `records` refuses the line

    def records(self, line: Line) -> Iterator[Record]:
        """See `Format.records`: the spans, each with the name of its service, behind earlier turns without a span."""
        try:
            for service, span in _spans(line.data):
                label = f"span {span.get('spanId')!r}"
                for n, turn in enumerate(self._earlier(span), 1):
                    yield Record(line, {_TURN: turn}, f"earlier turn {n} of {label}")
                yield Record(line, span | {_SERVICE: service}, label)
        except (AttributeError, TypeError, KeyError) as error:
            raise ValueError(f"not OTLP in its JSON encoding: {error!r}") from error

    def facts(self, record: Record) -> Iterator[Fact | Left]:
        """See `Format.facts`; a span of anything else than a question and its answer has none."""
        if _TURN in record.data:
            yield record.data[_TURN]
            return
        asked = _read(record.data)
        if asked is None:
            yield Left.NO_ANSWER
            return
        numbers = _Numbers(record.data, asked)
        yield self._example(asked, record.data[_SERVICE], record.data, numbers)
        yield from [Left.BROKEN] * numbers.broken
        yield from [Left.OTHER_CHOICE] * asked.choices

    def _earlier(self, span: dict[str, Any]) -> Iterator[ExampleCaptured]:
        """The examples of a span's earlier turns that no span has given, and none has told before."""
        asked = _readable(span)
        if asked is None:
            return
        for n, (digest, exchange) in enumerate(zip(asked.digests, asked.earlier, strict=True)):
            if digest in self._answers or digest in self._told:
                continue
            system = exchange.system if n else asked.system
            self._told[digest] = _digest(system) or self._held(asked.digests[:n])
            yield calls.capture(
                exchange.question,
                exchange.answer,
                actor=ACTOR,
                source=SOURCE,
                conversation=asked.conversation or self._conversation(asked.digests[0]),
                follows=self._id(asked.digests[n - 1]) if n else None,
                system=system,
                tools=exchange.tools,
                attachments=exchange.attachments,
                at=_moment(self._began[digest]),
                example_id=chat.turn_id(digest),
            )

    def _example(self, asked: _Asked, service: str | None, span: dict[str, Any], numbers: _Numbers) -> ExampleCaptured:
        attributes = asked.attributes
        first = asked.digests[0] if asked.digests else None
        root = asked.example_id if first is None else self._conversation(first)
        details = {name: attributes[name] for name in _KEPT if name in attributes}
        details |= {"service": service} if service else {}
        details |= {"thinking": asked.thoughts} if asked.thoughts else {}
        late = "timeout" in str(attributes.get("error.type", "")).lower()
        return calls.capture(
            asked.prompt,
            asked.response,
            actor=ACTOR,
            source=("timeout" if late else "error") if asked.is_failed else SOURCE,
            latency_ms=numbers.latency_ms,
            tokens_in=numbers.tokens_in,
            tokens_out=numbers.tokens_out,
            details={"span": details} if details else None,
            conversation=None if asked.is_failed else asked.conversation or root,
            follows=self._id(asked.digests[-1]) if asked.digests else None,
            system=None if _digest(asked.system) == self._held(asked.digests) else asked.system,
            tools=asked.present.tools,
            attachments=asked.present.attachments,
            finish_reason=asked.finish_reason,
            model=next((value for name in _MODELS if isinstance(value := attributes.get(name), str)), None),
            at=_moment(asked.began),
            example_id=asked.example_id,
            trace_id=span["traceId"].lower(),
        )

    def _id(self, digest: str) -> str:
        """The example that is the last turn of a conversation of this digest."""
        answer = self._answers.get(digest)
        return answer.example_id if answer else chat.turn_id(digest)

    def _conversation(self, digest: str) -> str:
        """The name of a conversation without one, from its first turn: the example of that."""
        answer = self._answers.get(digest)
        return self._conversation(answer.first) if answer and answer.first else self._id(digest)

    def _held(self, digests: list[str]) -> bytes | None:
        """The digest of the system text that holds after some turns."""
        held: bytes | None = None
        for digest in digests:
            answer = self._answers.get(digest)
            held = (answer.system if answer else self._told.get(digest)) or held
        return held


class _Numbers:
    """The numbers of a span: None where it has none, or a broken one, which is counted."""

    def __init__(self, span: dict[str, Any], asked: _Asked) -> None:
        self.broken = 0
        ended = self._count(span.get("endTimeUnixNano"))
        if ended and ended < asked.began:
            self.broken += 1
        self.latency_ms = (ended - asked.began) / 1e6 if ended and ended >= asked.began else None
        self.tokens_in = self._count(asked.attributes.get("gen_ai.usage.input_tokens"))
        self.tokens_out = self._count(asked.attributes.get("gen_ai.usage.output_tokens"))

    def _count(self, value: Any) -> int | None:
        try:
            count = int(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else -1
        except (ValueError, OverflowError):
            count = -1
        self.broken += value is not None and not 0 <= count < _LARGEST
        return count if 0 <= count < _LARGEST else None


class _Answer(Struct, frozen=True):
    """A span that answered a conversation so far: since when, the digest of its system text, and of its first turn.

    `first` is None where it is the first turn itself.
    """

    began: int
    example_id: str
    system: bytes | None
    first: str | None


class _Asked(Struct, kw_only=True):
    """A span that asks: `digests` are of the conversation until each of the `earlier` turns, `digest` until its own."""

    example_id: str
    attributes: dict[str, Any]
    began: int
    is_failed: bool
    prompt: str
    response: str
    system: str | None
    conversation: str | None
    earlier: list[Exchange]
    present: Exchange
    digests: list[str]
    digest: str
    finish_reason: str | None
    choices: int
    """Answers beside the first."""
    thoughts: str


def _spans(data: dict[str, Any]) -> Iterator[tuple[str | None, dict[str, Any]]]:
    """Every span with the name of the service it is from."""
    for resource in data["resourceSpans"]:
        service = _attributes((resource.get("resource") or {}).get("attributes")).get(_SERVICE)
        for scope in resource.get("scopeSpans") or ():
            for span in scope.get("spans") or ():
                if not isinstance(span, dict):
                    raise TypeError(f"a span is {span!r}")
                yield service if isinstance(service, str) else None, span


def _readable(span: dict[str, Any]) -> _Asked | None:
    """What `_read` reads; None for a span that is refused, which its own record tells."""
    try:
        return _read(span)
    except Exception:
        return None


def _read(span: dict[str, Any]) -> _Asked | None:
    """A span, None where it holds no question with an answer. Raises what Python does where it is broken."""
    attributes = _attributes(span.get("attributes"))
    messages = [_answered(message)[0] for message in read_genai(attributes.get("gen_ai.input.messages"))]
    position = last_question(messages)
    output = [_answered(message) for message in read_genai(attributes.get("gen_ai.output.messages"))]
    answers = [message for message, _ in output]
    spoken = [n for n, message in enumerate(answers) if message.text.strip()]
    answer = spoken[0] if spoken else None
    status = span.get("status") or {}
    is_failed = status.get("code") in (_FAILED, "STATUS_CODE_ERROR")
    if position is None or (answer is None and not is_failed):
        return None
    response = str(status.get("message", "")) if answer is None else answers[answer].text
    conversation = chat.conversation_name(attributes.get(CONVERSATION))
    *earlier, present = chat.exchanges(messages, position)
    earlier = chat.spoken(earlier)
    digests: list[str] = []
    for exchange in earlier:
        digests.append(chat.chained([exchange], digests[-1] if digests else conversation or ""))
    whole = chat.exchanges([*messages, chat.Utterance(role=chat.ANSWERS, text=response)])
    systems = [message.text for message in messages if message.role in chat.SYSTEM and message.text.strip()]
    return _Asked(
        example_id=f"span_{_id(span, 'traceId')}_{_id(span, 'spanId')}",
        attributes=attributes,
        began=_began(span),
        is_failed=is_failed,
        prompt=messages[position].text,
        response=response,
        system="\n\n".join(filter(None, [instructions_of(attributes.get(INSTRUCTIONS)), *systems])) or None,
        conversation=conversation,
        earlier=earlier,
        present=present,
        digests=digests,
        digest=chat.chained(chat.spoken(whole), conversation or ""),
        finish_reason=None if answer is None else _finish_reason(attributes, answer, answers[answer]),
        choices=len(spoken[1:]),
        thoughts="" if answer is None else output[answer][1],
    )


def _began(span: dict[str, Any]) -> int:
    value = span.get("startTimeUnixNano")
    try:
        return int(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise ValueError(f"startTimeUnixNano {value!r} is no time: give nanoseconds since 1970") from None


def _id(span: dict[str, Any], name: str) -> str:
    value = span.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} must be a text, but is {value!r}")
    return value.lower()


def _answered(message: chat.Utterance) -> tuple[chat.Utterance, str]:
    """A message, and what was thought in it where it is an answer."""
    if message.role != chat.ANSWERS:
        return message, ""
    text, thoughts = thinking.parted(message.text)
    return structs.replace(message, text=text), thoughts


def _finish_reason(attributes: dict[str, Any], number: int, answer: chat.Utterance) -> str | None:
    """Why an answer ended: as its message says, or the span."""
    value = attributes["gen_ai.output.messages"]
    messages = json.decode(value) if isinstance(value, str) else value
    reasons = attributes.get("gen_ai.response.finish_reasons")
    reason = messages[number].get("finish_reason") or (reasons[0] if isinstance(reasons, list) and reasons else None)
    return reason if isinstance(reason, str) else "tool_call" if answer.calls else None


def _digest(system: str | None) -> bytes | None:
    return None if system is None else hashlib.sha256(system.encode("utf-8", "surrogatepass")).digest()


def _moment(nanoseconds: int) -> datetime:
    return datetime.fromtimestamp(nanoseconds / 1e9, UTC)


def _attributes(pairs: list[dict[str, Any]] | None) -> dict[str, Any]:
    """Attributes by their keys; one without a value is None."""
    return {pair["key"]: _value(pair.get("value")) for pair in pairs or ()}


def _value(value: dict[str, Any] | None) -> Any:
    """A value of OTLP's JSON encoding; whole numbers are texts there, or what somebody else made of them."""
    if not value:
        return None
    kind: str = next(iter(value), "")
    inner: Any = value.get(kind)
    if kind == "intValue":
        return int(inner) if isinstance(inner, str) and _WHOLE.fullmatch(inner) else inner
    if kind == "arrayValue":
        return [_value(item) for item in inner.get("values") or ()]
    if kind == "kvlistValue":
        return _attributes(inner.get("values"))
    return inner
