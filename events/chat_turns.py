"""The turns of a chat: which example each answer is, and which one it follows, by the messages alone."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from . import chat
from .facts import Attachment, ToolTurn


class Turn(Struct, frozen=True, kw_only=True):
    """A question with its answer, which is empty where nobody answered; the fields are those of a capture.

    `known_as` is the id that 0.1.0 gave it, often its own.
    """

    example_id: str
    known_as: str
    question: str
    answer: str
    conversation: str
    follows: str | None
    system: str | None
    tools: tuple[ToolTurn, ...]
    attachments: tuple[Attachment, ...]


class ChatTurns:
    """The turns of a conversation, heard message by message in OpenAI's format.

    The id of an answer is the digest of what all messages until it say, in a conversation of this name: the same
    conversation has the same turns in any file, however its JSON is spelt. With `as_spelt` it is the digest of that
    JSON, as in 0.1.0, which is the same where nothing is spelt that nobody said. A conversation without a name is
    named by its first turn.
    """

    def __init__(self, conversation: str | None = None, *, as_spelt: bool = False) -> None:
        self.now = chat.Exchange()
        self.conversation = conversation
        self.follows: str | None = None
        self._last: str | None = None
        self._before: chat.Utterance | None = None
        self._words = conversation or ""
        self._spelt = hashlib.sha256(b"[")
        self._digest = (
            self._spelt.copy() if as_spelt or not conversation else hashlib.sha256(_name(conversation) + b"[")
        )
        self._as_spelt, self._is_first = as_spelt, True

    def hear(self, heard: chat.Utterance, message: Mapping[str, Any]) -> list[Turn]:
        """The turns that a message completes: that of its answer, or the one before a question that nobody answered."""
        turns = []
        if chat.begins(self.now, heard, self._before):
            self._words = chat.chained([self.now], self._words)
            if not self.now.answer:
                unanswered = chat.turn_id(self._words)
                turns.append(self._turn(unanswered, unanswered, ""))
            kept = [] if self._last else self.now.systems  # a greeting is no turn, and leaves its system text
            self.follows, self.now = self._last, chat.Exchange(systems=kept)
        separator = b"" if self._is_first else b","
        self._spelt.update(separator + msgspec.json.encode(message, order="sorted"))
        spoken = message if self._as_spelt else _spoken(heard, message)
        self._digest.update(separator + msgspec.json.encode(spoken, order="sorted"))
        self._is_first, self._before = False, heard
        if heard.role == chat.ANSWERS and heard.text.strip() and self.now.questions:
            turns.append(self._turn(_id(self._digest), _id(self._spelt), heard.text))
        self.now.hear(heard)
        return turns

    def _turn(self, example_id: str, known_as: str, answer: str) -> Turn:
        """What is asked now with an answer; tools that the answer itself calls are those of the next one."""
        self._last, self.conversation = example_id, self.conversation or example_id
        return Turn(
            example_id=example_id,
            known_as=known_as,
            question=self.now.question,
            answer=answer,
            conversation=self.conversation,
            follows=self.follows,
            system=self.now.system,
            tools=self.now.tools,
            attachments=tuple(self.now.attachments),
        )


def _id(until: hashlib._Hash) -> str:
    """The id of an answer by the digest of all messages until it, as a list in JSON."""
    digest = until.copy()
    digest.update(b"]")
    return f"chat_{digest.hexdigest()[:32]}"


def _name(conversation: str) -> bytes:
    return conversation.encode("utf-8", "surrogatepass") + b"\0"


_SPEAKS = ("name", "tool_calls", "function_call", "tool_call_id")
"""What a message says beside its role and content."""


def _spoken(heard: chat.Utterance, message: Mapping[str, Any]) -> dict[str, Any]:
    """What a message says, in the one way to spell it."""
    content = _full(message.get("content")) if heard.attachments else heard.text
    if not heard.text.strip() and not heard.attachments and (heard.calls or heard.role in chat.TOOLS):
        content = None
    more = {name: value for name in _SPEAKS if (value := _full(message.get(name)))}
    return {"role": heard.role, "content": content} | more


def _full(value: Any) -> Any:
    """A JSON value without the keys that hold nothing."""
    if isinstance(value, Mapping):
        return {key: _full(inner) for key, inner in value.items() if inner is not None}
    return [_full(inner) for inner in value] if isinstance(value, list | tuple) else value
