"""Chat logs as OpenAI's formats have them: one conversation a line, `{"messages": [{"role", "content"}, …]}`.

Every answer of the assistant is one example, asked by the user's words before it. It names its conversation and the
example that it follows, so that nothing of the conversation is copied. The example's id comes from the conversation up
to the answer, so that the same conversation is the same examples in any file, and a longer version of it adds only what
is new. A conversation without an id of its own is named by its first example.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from events import calls, chat
from events.facts import ExampleCaptured, Fact

from .format import ACTOR, Format, Left, Record
from .lines import Line

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
        conversation, answers = _Conversation(record.data, at), 0
        for number, message in enumerate(messages, 1):
            heard = _read(message, number)
            if heard.role == chat.ANSWERS and heard.text.strip() and not conversation.now.questions:
                raise ValueError(f"message {number} answers, but nobody has asked")
            facts = conversation.hear(heard, message)
            if heard.role == chat.ANSWERS:
                answers += bool(facts)
                yield from facts
                if not facts:
                    yield Left.NO_ANSWER
        if not answers:
            raise ValueError("nobody answers in this conversation")


class _Conversation:
    """A conversation as far as it was heard: what is asked now, and which example it follows."""

    def __init__(self, data: dict[str, Any], at: datetime) -> None:
        self.now = chat.Exchange()
        self._before: chat.Utterance | None = None
        self._data, self._at = data, at
        self._name = next(filter(None, (chat.conversation_name(data.get(name)) for name in _NAMES)), None)
        self._follows: str | None = None
        self._last: str | None = None
        self._unanswered: list[Fact] = []
        self._words = self._name or ""
        self._digest, self._is_first = hashlib.sha256(b"["), True

    def hear(self, heard: chat.Utterance, message: dict[str, Any]) -> list[Fact]:
        """The facts of an answer: the example of it, and before it those of earlier questions without one."""
        if chat.begins(self.now, heard, self._before):
            self._words = chat.chained([self.now], self._words)
            if not self.now.answer:
                self._unanswered.append(self._captured(chat.turn_id(self._words), "", {}))
            self._follows, self.now = self._last, chat.Exchange()
        self._digest.update((b"" if self._is_first else b",") + msgspec.json.encode(message, order="sorted"))
        self._is_first, self._before = False, heard
        facts: list[Fact] = []
        if heard.role == chat.ANSWERS and heard.text.strip():
            facts = [*self._unanswered, self._captured(f"chat_{self._id()[:32]}", heard.text, message)]
            self._unanswered = []
        self.now.hear(heard)
        return facts

    def _id(self) -> str:
        """The digest of all messages until now, as a list in JSON."""
        digest = self._digest.copy()
        digest.update(b"]")
        return digest.hexdigest()

    def _captured(self, example_id: str, answer: str, message: dict[str, Any]) -> ExampleCaptured:
        """An example of what is asked now; tools that the answer itself calls are those of the next answer."""
        self._last, self._name = example_id, self._name or example_id
        details = {name: self._data[name] for name in ("id", "metadata") if self._data.get(name) is not None}
        finish_reason, model = message.get("finish_reason"), message.get("model") or self._data.get("model")
        return calls.capture(
            self.now.question,
            answer,
            actor=ACTOR,
            source=SOURCE,
            details={"chat": details} if details else None,
            conversation=self._name,
            follows=self._follows,
            system=self.now.system,
            tools=self.now.tools,
            attachments=self.now.attachments,
            finish_reason=finish_reason
            if isinstance(finish_reason, str)
            else ("tool_calls" if message.get("tool_calls") else None),
            model=model if isinstance(model, str) else None,
            at=self._at,
            example_id=example_id,
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
    """When the line says it was: Unix seconds or ISO 8601; else when its file was last written."""
    for name in _TIMES:
        value = line.data.get(name)
        if value is None:
            continue
        try:
            if isinstance(value, int | float) and not isinstance(value, bool):
                return datetime.fromtimestamp(value, UTC)
            moment = datetime.fromisoformat(value)
        except (TypeError, ValueError, OverflowError, OSError):
            raise ValueError(f"{name} {value!r} is no time: give Unix seconds or 2025-01-15T14:30:00Z") from None
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return datetime.fromtimestamp(line.file.stat().st_mtime, UTC)
