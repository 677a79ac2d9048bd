"""Conversations as ShareGPT has them: `{"conversations": [{"from": "human", "value"}, {"from": "gpt", "value"}]}`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from events import calls, chat

from .chats import conversation_facts
from .format import Format, Part, Record

_ROLES = {
    "human": chat.ASKS, "user": chat.ASKS,
    "gpt": chat.ANSWERS, "chatgpt": chat.ANSWERS, "assistant": chat.ANSWERS, "model": chat.ANSWERS, "bot": chat.ANSWERS,
    "system": "system", "tool": "tool", "observation": "tool", "function_response": "tool",
}  # fmt: skip
_CALLS = "function_call"


class ShareGPT(Format):
    """A conversation a line; each is the same examples as in OpenAI's format."""

    name = "sharegpt"
    description = 'a conversation as ShareGPT has it, {"conversations": [{"from": "human" or "gpt", "value"}, …]}'

    @staticmethod
    def recognises(data: dict[str, Any]) -> bool:
        """See `Format.recognises`."""
        return "conversations" in data and "messages" not in data

    def facts(self, record: Record) -> Iterator[Part]:
        """See `Format.facts`."""
        yield from conversation_facts(record, messages(record.data["conversations"]))


def messages(conversation: Any) -> list[dict[str, Any]]:
    """The messages of a conversation in OpenAI's format. Raises ValueError for what is none."""
    if not isinstance(conversation, list):
        raise ValueError("conversations must be a list of messages")
    return [_message(message, number) for number, message in enumerate(conversation, 1)]


def _message(message: Any, number: int) -> dict[str, Any]:
    """A message in OpenAI's format, which some such conversations have already."""
    if not isinstance(message, dict):
        raise ValueError(f"message {number} must be an object, but is {message!r}")
    sender, value = message.get("from", message.get("role")), message.get("value", message.get("content"))
    rest = {name: inner for name, inner in message.items() if name not in ("from", "value", "role", "content")}
    if sender == _CALLS and isinstance(value, str):
        call = _call(value)
        return {"role": chat.ANSWERS, "content": None, "tool_calls": [{"type": "function", "function": call}]} | rest
    role = _ROLES.get(sender.lower()) if isinstance(sender, str) else None
    if role is None:
        raise ValueError(f"message {number} is from {sender!r}; known are {', '.join([*_ROLES, _CALLS])}")
    return {"role": role, "content": value} | rest


def _call(value: str) -> dict[str, str]:
    try:
        call = msgspec.json.decode(value, type=dict[str, Any])
    except msgspec.MsgspecError:
        return {"name": "tool", "arguments": value}
    return {"name": str(call.get("name") or "tool"), "arguments": calls.as_text(call.get("arguments", ""))}
