"""Chat logs as OpenAI's formats have them: one conversation a line, `{"messages": [{"role", "content"}, …]}`.

Every answer of the assistant is one example, asked by the user's words before it; what came earlier in the
conversation is kept in the example's details. The example's id comes from the conversation up to the answer, so that
the same conversation is the same examples in any file, and a longer version of it adds only what is new.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from events import calls
from events.facts import Fact

from .format import ACTOR, Format, Left, Record
from .lines import Line

SOURCE = "chat_interaction"

_ASKS, _TELLS, _ANSWERS = ("user",), ("system", "developer", "tool", "function"), ("assistant",)
_TIMES = ("created", "created_at", "timestamp")


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
        answers = 0
        asked: list[str] = []
        for number, message in enumerate(messages, 1):
            role, text = _read(message, number)
            if role in _ASKS:
                asked = [*asked, text] if number > 1 and _role(messages[number - 2]) in _ASKS else [text]
            if role not in _ANSWERS:
                continue
            if not text.strip():
                yield Left.NO_ANSWER
            elif not asked:
                raise ValueError(f"message {number} answers, but nobody has asked")
            else:
                answers += 1
                yield _example(messages[:number], "\n\n".join(asked), text, at, record.data)
        if not answers:
            raise ValueError("nobody answers in this conversation")


def _example(so_far: list[Any], prompt: str, answer: str, at: datetime, data: dict[str, Any]) -> Fact:
    digest = hashlib.sha256(msgspec.json.encode(so_far, order="sorted")).hexdigest()[:32]
    details: dict[str, Any] = {"conversation": so_far[:-1]} if len(so_far) > 2 else {}
    details |= {name: data[name] for name in ("id", "model", "metadata") if data.get(name) is not None}
    return calls.capture(
        prompt,
        answer,
        actor=ACTOR,
        source=SOURCE,
        details={"chat": details} if details else None,
        at=at,
        example_id=f"chat_{digest}",
    )


def _role(message: Any) -> Any:
    return message.get("role") if isinstance(message, dict) else None


def _read(message: Any, number: int) -> tuple[str, str]:
    """Role and text of a message; its text may be in parts, of which images and the like have none."""
    role = _role(message)
    if role not in (*_ASKS, *_TELLS, *_ANSWERS):
        raise ValueError(f"message {number} has role {role!r}; known are user, assistant, system, developer, tool")
    content = message.get("content")
    if isinstance(content, list):
        content = "\n".join(
            part["text"] for part in content if isinstance(part, dict) and isinstance(part.get("text"), str)
        )
    if content is None and role in _ANSWERS:
        content = ""
    if not isinstance(content, str):
        raise ValueError(f"message {number} must have a text as its content, but has {content!r}")
    return role, content


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
