"""Chat logs as OpenAI's formats have them: one conversation a line, `{"messages": [{"role", "content"}, …]}`.

Every answer of the assistant is one example, asked by the user's words before it. It names its conversation and the
example that it follows, so that nothing of the conversation is copied. The example's id comes from what was said up to
the answer, so that the same conversation is the same examples in any file, and a longer version of it adds only what is
new. A conversation without an id of its own is named by its first example.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from events import calls, chat
from events.chat_turns import ChatTurns, Turn
from events.facts import Fact
from events.same_words import normal

from . import ratings, responses, thinking
from .about import About, about, correction, finish_reason, is_excluded, numbers
from .blocks import opened
from .format import ACTOR, Alias, Format, Left, Own, Part, Record, Repeated

SOURCE = "chat_interaction"

_NAMES = ("conversation_id", "thread_id", "session_id", "conversationId", "threadId", "sessionId")
"""Under which names a line or its metadata has the id of its conversation: an `id` may be that of one answer."""


_ANSWERS = ("response", "completion", "answer", "output")
"""Under which names a line has the answer to its messages."""


class Call(Struct, kw_only=True):
    """A call of a model, of which the last answer is new and the turns before are repeated.

    `answer_id` is the source's own id of that answer, and `follows` the example before the first turn, where there is
    one: then the turns before are not repeated.
    """

    answer_id: str | None = None
    follows: str | None = None


class Chats(Format):
    """A conversation a line; a message that cannot be read is a problem of the whole conversation."""

    name = "chats"
    description = 'a conversation as OpenAI\'s formats have it, {"messages": [{"role", "content"}, …]}'

    @staticmethod
    def recognises(data: dict[str, Any]) -> bool:
        """See `Format.recognises`."""
        return "messages" in data and not responses.found(data)

    def facts(self, record: Record) -> Iterator[Part]:
        """See `Format.facts`."""
        messages = record.data["messages"]
        yield from conversation_facts(
            record, [*messages, *_beside(record.data)] if isinstance(messages, list) else messages
        )


def _beside(data: Mapping[str, Any]) -> list[Any]:
    """The answer that stands beside the messages, as a text or a message, where they end with a question."""
    last = data["messages"][-1] if data["messages"] else None
    if not isinstance(last, dict) or last.get("role") == chat.ANSWERS:
        return []
    for name in _ANSWERS:
        value = data.get(name)
        if isinstance(value, str) and value.strip():
            return [{"role": chat.ANSWERS, "content": value}]
        if isinstance(value, dict) and value.get("role") == chat.ANSWERS:
            return [value]
    return []


def conversation_facts(
    record: Record, messages: Any, call: Call | None = None, name: str | None = None
) -> Iterator[Part]:
    """The facts of a conversation in OpenAI's chat format; a turn that only calls tools has no answer.

    What its line says beside the messages is said of its answers. Raises ValueError for what is no conversation.
    """
    if not isinstance(messages, list) or not messages:
        raise ValueError("messages must be a list of messages")
    data = record.data
    turns = ChatTurns(name or conversation(data))
    turns.follows = call.follows if call else None
    heard_turns: list[_Completed] = []
    left, greets = 0, False
    system = _system(data, messages)
    for number, whole in enumerate([*system, *messages], 1):
        for message in opened(whole):
            heard, thoughts = _read(message, number)
            ended = [_Completed(turn, message, thoughts, number) for turn in turns.hear(heard, message)]
            heard_turns += ended
            if heard.role == chat.ANSWERS and not any(each.turn.answer for each in ended):
                left, greets = left + 1, greets or bool(heard.text.strip())
    answers = [each for each in heard_turns if each.turn.answer]
    if not answers:
        raise ValueError("nobody has asked in this conversation" if greets else "nobody answers in this conversation")
    is_new = answers[-1].number == len(messages) + len(system) if call else len(answers) == 1
    last = answers[-1] if is_new else None
    for each in heard_turns:
        is_repeated = call is not None and each is not last
        yield from _facts(each, record, {} if is_repeated else data, is_last=each is last, is_final=each is answers[-1])
        if is_repeated:
            yield Repeated(each.turn.example_id)
        if each is last and call:
            yield Own(each.turn.example_id, call.answer_id or each.turn.example_id)
        if each.turn.known_as != each.turn.example_id:
            yield Alias(each.turn.example_id, each.turn.known_as)
    yield from [Left.NO_ANSWER] * left


def conversation(data: Mapping[str, Any]) -> str | None:
    """The name that a line gives its conversation, also in its metadata."""
    metadata = data.get("metadata")
    where = [data, metadata if isinstance(metadata, Mapping) else {}]
    names = (chat.conversation_name(each.get(name)) for each in where for name in _NAMES)
    return next(filter(None, names), None)


class _Completed(Struct):
    """A turn, with the message that completed it, and what was thought before its answer."""

    turn: Turn
    message: dict[str, Any]
    thoughts: str
    number: int


def _facts(
    completed: _Completed, record: Record, data: dict[str, Any], *, is_last: bool, is_final: bool
) -> Iterator[Part]:
    """The facts of a turn; `data` is what its line says of it, and of the last turn what a call did."""
    turn, message = completed.turn, completed.message if completed.turn.answer else {}
    known = about(message, data)
    at = known.at or about(record.data).at or record.line.source.written
    given = numbers(message, data if is_last else {}) if turn.answer else numbers()
    reason = _ended(message) or finish_reason(message, data if is_last else {})
    details = {name: data[name] for name in ("id", "metadata") if data.get(name) not in (None, {})}
    details |= {"thinking": completed.thoughts} if completed.thoughts and turn.answer else {}
    excluded = is_excluded(message, f"message {completed.number}") or is_excluded(record.data, "the line")
    yield calls.capture(
        turn.question,
        turn.answer,
        actor=known.actor or ACTOR,
        source=SOURCE,
        latency_ms=given.latency_ms,
        tokens_in=given.tokens_in,
        tokens_out=given.tokens_out,
        tags=known.tags,
        project=known.project or "general",
        details={"chat": details} if details else None,
        conversation=turn.conversation,
        follows=turn.follows,
        system=turn.system,
        tools=turn.tools,
        attachments=turn.attachments,
        finish_reason=reason if turn.answer else None,
        include_in_training=not (turn.answer and excluded),
        model=known.model,
        at=at,
        example_id=turn.example_id,
    )
    yield from [Left.BROKEN] * given.broken
    for each in (message, data if is_final else {}):
        yield from opinions(each, turn.example_id, turn.question, turn.answer, known, at)


def _ended(message: Mapping[str, Any]) -> str | None:
    """Why a message ended, where it shows that itself."""
    content = message.get("content")
    parts = content if isinstance(content, list) else ()
    if message.get("refusal") or any(isinstance(part, Mapping) and part.get("type") == "refusal" for part in parts):
        return "refusal"
    return "tool_calls" if message.get("tool_calls") or message.get("function_call") else None


def opinions(
    data: Mapping[str, Any], example_id: str, question: str, answer: str, known: About, at: datetime
) -> Iterator[Fact | Left]:
    """The thumbs and the correction that people gave to an answer, as a message or a line says them."""
    for rating in ratings.of(data):
        if isinstance(rating, ValueError):
            yield Left.BROKEN
        else:
            yield thumb(rating, example_id, known, at)
    corrected = correction(data)
    if corrected is not None and normal(corrected) != normal(answer):
        yield corrected_to(corrected, example_id, question, answer, known, at, ratings.person(data))


def thumb(rating: ratings.Rating, example_id: str, known: About, at: datetime) -> Fact:
    """A thumb as a fact; the same one however often it is imported."""
    actor = rating.actor or known.actor or ACTOR
    return calls.feedback(
        example_id,
        rating.thumb,
        actor=actor,
        comment=rating.comment,
        at=at,
        event_id=_digest("feedback", rating.thumb, actor, rating.comment or "", example_id),
    )


def corrected_to(
    text: str, example_id: str, question: str, answer: str, known: About, at: datetime, person: str | None
) -> Fact:
    """A correction as a fact; the same one however often it is imported."""
    actor = person or known.actor or ACTOR
    return calls.correction(
        question,
        answer,
        text,
        actor=actor,
        example_id=example_id,
        tags=known.tags,
        project=known.project or "general",
        at=at,
        correction_id=f"correction_{_digest('correction', normal(text), example_id)}",
    )


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _system(data: Mapping[str, Any], messages: list[Any]) -> list[dict[str, Any]]:
    """The system text that stands beside the messages, as Anthropic and ShareGPT have it, where they have none."""
    system = data.get("system")
    begins = messages[0].get("role") if isinstance(messages[0], dict) else None
    has_text = isinstance(system, list) or (isinstance(system, str) and bool(system.strip()))
    return [{"role": "system", "content": system}] if has_text and begins not in chat.SYSTEM else []


def _read(message: Any, number: int) -> tuple[chat.Utterance, str]:
    """A message, and what was thought before it; its text may be in parts, of which images and the like have none."""
    role = message.get("role") if isinstance(message, dict) else None
    if role not in (chat.ASKS, chat.ANSWERS, *chat.SYSTEM, *chat.TOOLS):
        raise ValueError(f"message {number} has role {role!r}; known are user, assistant, system, developer, tool")
    content = message.get("content")
    if isinstance(content, dict) and not chat.openai(message).text:
        message = message | {"content": calls.as_text(content)}
    elif not isinstance(content, str | list | dict) and not (content is None and role in (chat.ANSWERS, *chat.TOOLS)):
        raise ValueError(f"message {number} must have a text as its content, but has {content!r}")
    for part in content if isinstance(content, list) else ():
        if not isinstance(part, str | dict):
            raise ValueError(f"message {number} has {part!r} among the parts of its content")
    if role == chat.ANSWERS and not content and isinstance(message.get("refusal"), str):
        message = message | {"content": message["refusal"]}
    heard = chat.openai(message)
    if role != chat.ANSWERS:
        return heard, ""
    text, thoughts = thinking.parted(heard.text)
    whole = "\n\n".join(filter(None, [thinking.beside(message), thoughts]))
    return msgspec.structs.replace(heard, text=text), whole
