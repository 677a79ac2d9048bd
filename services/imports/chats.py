"""Chat logs as OpenAI's formats have them: one conversation a line, `{"messages": [{"role", "content"}, …]}`.

Every answer of the assistant is one example, asked by the user's words before it. It names its conversation and the
example that it follows, so that nothing of the conversation is copied. The example's id comes from what was said up to
the answer, so that the same conversation is the same examples in any file, and a longer version of it adds only what is
new. A conversation without an id of its own is named by its first example.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec

from events import calls, chat
from events.chat_turns import ChatTurns, Turn
from events.facts import ExampleCaptured, Fact

from . import thinking
from .format import ACTOR, Alias, Format, Left, Record
from .lines import Line
from .moments import moment

SOURCE = "chat_interaction"

_TIMES = ("created", "created_at", "timestamp")
_WEIGHTS = ("weight", "train", "training")
"""Under which names a message says whether it is trained on."""

_NAMES = ("conversation_id", "thread_id", "session_id")
"""Under which names a line has the id of its conversation: an `id` may be that of one answer."""


class Chats(Format):
    """A conversation a line; a message that cannot be read is a problem of the whole conversation."""

    name = "chats"
    description = 'a conversation as OpenAI\'s formats have it, {"messages": [{"role", "content"}, …]}'

    @staticmethod
    def recognises(data: dict[str, Any]) -> bool:
        """See `Format.recognises`."""
        return "messages" in data

    def facts(self, record: Record) -> Iterator[Fact | Left | Alias]:
        """See `Format.facts`; a turn that only calls tools has no answer, and a greeting no question."""
        at = _moment(record.line)
        messages = record.data["messages"]
        if not isinstance(messages, list) or not messages:
            raise ValueError("messages must be a list of messages")
        name = next(filter(None, (chat.conversation_name(record.data.get(name)) for name in _NAMES)), None)
        turns, answers, greets = ChatTurns(name), 0, 0
        for number, message in enumerate(messages, 1):
            heard, thoughts = _read(message, number)
            answered = False
            for turn in turns.hear(heard, message):
                answered = bool(turn.answer)
                yield _example(
                    turn, message, thoughts if answered else "", record.data, at, _is_excluded(message, number)
                )
                if turn.known_as != turn.example_id:
                    yield Alias(turn.example_id, turn.known_as)
            answers += answered
            greets += heard.role == chat.ANSWERS and bool(heard.text.strip()) and not answered
            if heard.role == chat.ANSWERS and not answered:
                yield Left.NO_ANSWER
        if not answers:
            raise ValueError(
                "nobody has asked in this conversation" if greets else "nobody answers in this conversation"
            )


def _is_excluded(message: dict[str, Any], number: int) -> bool:
    """Whether a message says that it is not to be trained on."""
    for name in _WEIGHTS:
        weight = message.get(name)
        if weight is not None and not isinstance(weight, int | float):
            raise ValueError(f"message {number} has {name} {weight!r}; give 0 or 1")
        if weight is not None and not weight:
            return True
    return False


def _example(
    turn: Turn, message: dict[str, Any], thoughts: str, data: dict[str, Any], at: datetime, is_excluded: bool
) -> ExampleCaptured:
    """The example of a turn, which a message completed."""
    details = {name: data[name] for name in ("id", "metadata") if data.get(name) is not None}
    details |= {"thinking": thoughts} if thoughts else {}
    reason, model = message.get("finish_reason"), message.get("model") or data.get("model")
    if not isinstance(reason, str):
        reason = "tool_calls" if message.get("tool_calls") else None
    return calls.capture(
        turn.question,
        turn.answer,
        actor=ACTOR,
        source=SOURCE,
        details={"chat": details} if details else None,
        conversation=turn.conversation,
        follows=turn.follows,
        system=turn.system,
        tools=turn.tools,
        attachments=turn.attachments,
        finish_reason=reason if turn.answer else None,
        include_in_training=not (turn.answer and is_excluded),
        model=model if isinstance(model, str) else None,
        at=at,
        example_id=turn.example_id,
    )


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
    heard = chat.openai(message)
    if role != chat.ANSWERS:
        return heard, ""
    text, thoughts = thinking.parted(heard.text)
    whole = "\n\n".join(filter(None, [thinking.beside(message), thoughts]))
    return msgspec.structs.replace(heard, text=text), whole


def _moment(line: Line) -> datetime:
    """When the line says it was, else when its file was last written."""
    for name in _TIMES:
        if (value := line.data.get(name)) is not None:
            return moment(value, name)
    return line.source.written
