"""Prompts and their completions: `{"prompt", "completion"}` or `{"prompt", "response"}`, texts or lists of messages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from events import chat

from . import responses
from .chats import conversation_facts
from .format import Format, Part, Record

_ANSWERS = ("completion", "response")
_OTHERS = {"messages", "conversations", "instruction", "timestamp"}
"""Keys by which a line is of another format."""


class Completions(Format):
    """A prompt with its completion a line; each is the same example as in OpenAI's chat format."""

    name = "completions"
    description = 'a prompt with its answer, {"prompt", "completion"} or {"prompt", "response"}, texts or messages'

    @staticmethod
    def recognises(data: dict[str, Any]) -> bool:
        """See `Format.recognises`."""
        return (
            "prompt" in data
            and any(name in data for name in _ANSWERS)
            and not _OTHERS & data.keys()
            and not responses.found(data)
        )

    def facts(self, record: Record) -> Iterator[Part]:
        """See `Format.facts`."""
        name = next(name for name in _ANSWERS if name in record.data)
        messages = _messages(record.data, "prompt", chat.ASKS) + _messages(record.data, name, chat.ANSWERS)
        if isinstance(label := record.data.get("label"), bool):  # as TRL marks good and bad completions
            record = Record(record.line, {"feedback": label} | record.data, record.label)
        yield from conversation_facts(record, messages)


def _messages(data: dict[str, Any], name: str, role: str) -> list[Any]:
    value = data[name]
    if isinstance(value, list):
        return value
    if not isinstance(value, str):
        raise ValueError(f"{name} must be a text or a list of messages, but is {value!r}")
    return [{"role": role, "content": value}]
