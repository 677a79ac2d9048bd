"""Chat logs as OpenAI's formats have them: one conversation a line, `{"messages": [{"role", "content"}, …]}`.

Every answer of the assistant is one example, asked by the user's words before it. It names its conversation and the
example that it follows, so that nothing of the conversation is copied. The example's id comes from the conversation up
to the answer, so that the same conversation is the same examples in any file, and a longer version of it adds only what
is new. A conversation without an id of its own is named by its first example.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from events import calls, chat
from events.chat_turns import ChatTurns, Turn
from events.facts import ExampleCaptured, Fact

from .format import ACTOR, Format, Left, Record
from .lines import Line
from .moments import moment

SOURCE = "chat_interaction"

_TIMES = ("created", "created_at", "timestamp")
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

    def facts(self, record: Record) -> Iterator[Fact | Left]:
        """See `Format.facts`; a turn that only calls tools has no answer."""
        at = _moment(record.line)
        messages = record.data["messages"]
        if not isinstance(messages, list) or not messages:
            raise ValueError("messages must be a list of messages")
        name = next(filter(None, (chat.conversation_name(record.data.get(name)) for name in _NAMES)), None)
        turns, answers = ChatTurns(name), 0
        for number, message in enumerate(messages, 1):
            heard = _read(message, number)
            if heard.role == chat.ANSWERS and heard.text.strip() and not turns.now.questions:
                raise ValueError(f"message {number} answers, but nobody has asked")
            for turn in turns.hear(heard, message):
                answers += bool(turn.answer)
                yield _example(turn, message, record.data, at)
            if heard.role == chat.ANSWERS and not heard.text.strip():
                yield Left.NO_ANSWER
        if not answers:
            raise ValueError("nobody answers in this conversation")


def _example(turn: Turn, message: dict[str, Any], data: dict[str, Any], at: datetime) -> ExampleCaptured:
    """The example of a turn, which a message completed."""
    details = {name: data[name] for name in ("id", "metadata") if data.get(name) is not None}
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
        model=model if isinstance(model, str) else None,
        at=at,
        example_id=turn.example_id,
    )


def _read(message: Any, number: int) -> chat.Utterance:
    """A message; its text may be in parts, of which images and the like have none."""
    role = message.get("role") if isinstance(message, dict) else None
    if role not in (chat.ASKS, chat.ANSWERS, *chat.SYSTEM, *chat.TOOLS):
        raise ValueError(f"message {number} has role {role!r}; known are user, assistant, system, developer, tool")
    content = message.get("content")
    if not isinstance(content, str | list) and not (content is None and role == chat.ANSWERS):
        raise ValueError(f"message {number} must have a text as its content, but has {content!r}")
    return chat.openai(message)


def _moment(line: Line) -> datetime:
    """When the line says it was, else when its file was last written."""
    for name in _TIMES:
        if (value := line.data.get(name)) is not None:
            return moment(value, name)
    return line.source.written
