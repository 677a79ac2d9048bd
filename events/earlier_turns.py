"""Earlier turns: what captures that version 0.1.0 imported from chats and traces copied of their conversations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from . import chat, same_words
from .chat_turns import ChatTurns
from .errors import InvalidFact
from .facts import Attachment, ExampleCaptured, ToolTurn
from .limits import check_json


class EarlierTurns(Struct, frozen=True, kw_only=True):
    """What a capture's details said of its conversation.

    `turns` are role and text of what was said before its question, and of what else was answered to it, in order.
    `copied` are the keys of these questions with each of their answers, or none.
    The other fields are those of the capture itself, as an import of today says them; `details` are without the copy.
    Of a span nothing says what it `follows`: `before` is the digest of the words until its question, and `after` until
    its answer, so that the span whose `after` is another's `before` is the turn before it.
    """

    turns: tuple[tuple[str, str], ...]
    copied: tuple[str, ...]
    system: str | None
    tools: tuple[ToolTurn, ...]
    attachments: tuple[Attachment, ...]
    conversation: str | None
    follows: str | None
    before: str | None
    after: str
    details: dict[str, Any]


def earlier_turns(fact: ExampleCaptured) -> EarlierTurns | None:
    """What a capture copied of its conversation; None where it copied nothing."""
    try:
        return _of_chat(fact) or _of_span(fact)
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError):
        return None  # details that no import of ours wrote


def understood(fact: ExampleCaptured) -> ExampleCaptured:
    """A capture that copied its conversation as an import of today says it: by reference, and without the copy.

    What a span followed is the example that an import makes of its earlier turn.
    """
    if not any("conversation" in _inner(fact, kind) or INSTRUCTIONS in _inner(fact, kind) for kind in ("chat", "span")):
        return fact
    turns = earlier_turns(fact)
    if turns is None:
        return fact
    follows = turns.follows or (turns.before and chat.turn_id(turns.before))
    return msgspec.structs.replace(
        fact,
        conversation=fact.conversation or turns.conversation,
        follows=fact.follows or follows,
        system=turns.system if fact.system is None else fact.system,
        tools=fact.tools or turns.tools,
        attachments=fact.attachments or turns.attachments,
        details=turns.details,
    )


def _of_chat(fact: ExampleCaptured) -> EarlierTurns | None:
    copied = _inner(fact, "chat").get("conversation")
    if not isinstance(copied, list):
        return None
    messages = [chat.openai(message) for message in copied]
    roles = [message.role for message in messages]
    starts = [n for n, role in enumerate(roles) if role == chat.ASKS and roles[n - 1 : n] != [chat.ASKS]]
    carried = _read(fact, "chat", messages, starts[-1] if starts else None)
    walk = ChatTurns(as_spelt=True)
    for heard, message in zip(messages, copied, strict=True):
        walk.hear(heard, message)
    return msgspec.structs.replace(carried, follows=walk.follows, conversation=walk.conversation or fact.example_id)


def _of_span(fact: ExampleCaptured) -> EarlierTurns | None:
    span = _inner(fact, "span")
    messages, instructions = read_genai(span.get("conversation")), instructions_of(span.get(INSTRUCTIONS))
    if not messages and not instructions and CONVERSATION not in span:
        return None
    return _read(fact, "span", messages, last_question(messages), instructions)


INSTRUCTIONS, CONVERSATION = "gen_ai.system_instructions", "gen_ai.conversation.id"
"""Attributes of a span that 0.1.0 kept in the details."""


def read_genai(value: Any) -> list[chat.Utterance]:
    """Messages as spans carry them, as JSON or structured. Raises what Python does where they are none."""
    value = msgspec.json.decode(value) if isinstance(value, str) else value
    return [chat.genai(message) for message in value or ()]


def instructions_of(value: Any) -> str | None:
    """The system text of a span: its parts, as JSON or structured, or a plain text."""
    if isinstance(value, str):
        try:
            check_json(value.encode("utf-8", "surrogatepass"))
            value = msgspec.json.decode(value)
        except (InvalidFact, msgspec.DecodeError, UnicodeDecodeError):
            return value or None
    if isinstance(value, list):
        contents = [part.get("content", "") if isinstance(part, Mapping) else part for part in value]
        return "\n\n".join(str(content) for content in contents if content) or None
    return None if value is None else str(value)


def last_question(messages: list[chat.Utterance]) -> int | None:
    """The position of the last question that has words."""
    asked = [n for n, message in enumerate(messages) if message.role == chat.ASKS and message.text.strip()]
    return asked[-1] if asked else None


def _read(
    fact: ExampleCaptured, kind: str, messages: list[chat.Utterance], present: int | None, system: str | None = None
) -> EarlierTurns:
    *before, now = chat.exchanges(messages, present)
    earlier = chat.spoken(before)
    answered = [*messages, chat.Utterance(role=chat.ANSWERS, text=fact.response)]
    conversation = chat.conversation_name(_inner(fact, kind).get(CONVERSATION))
    own = set(range(len(messages) if present is None else present, len(messages)))
    turns = tuple(
        (message.role, message.text)
        for n, message in enumerate(messages)
        if message.text.strip() and message.role not in chat.SYSTEM and (n not in own or message.role == chat.ANSWERS)
    )
    systems = [message.text for message in messages if message.role in chat.SYSTEM and message.text.strip()]
    taken = ("conversation", INSTRUCTIONS, CONVERSATION)
    rest = {name: value for name, value in _inner(fact, kind).items() if name not in taken}
    details = {name: value for name, value in fact.details.items() if name != kind}
    return EarlierTurns(
        turns=turns,
        copied=(
            *(same_words.key(one.question, answer) for one in earlier for answer in one.answers or [""]),
            *(same_words.key(now.question, answer) for answer in now.answers),
        ),
        system="\n\n".join(filter(None, [system, *systems])) or None,
        tools=now.tools,
        attachments=tuple(now.attachments),
        conversation=conversation,
        follows=None,
        before=chat.chained(earlier, conversation or "") if earlier else None,
        after=chat.chained(chat.spoken(chat.exchanges(answered)), conversation or ""),
        details=details | ({kind: rest} if rest else {}),
    )


def _inner(fact: ExampleCaptured, kind: str) -> Mapping[str, Any]:
    inner = fact.details.get(kind)
    return inner if isinstance(inner, Mapping) else {}
