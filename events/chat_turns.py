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
    """A question with its answer, which is empty where nobody answered; the fields are those of a capture."""

    example_id: str
    question: str
    answer: str
    conversation: str
    follows: str | None
    system: str | None
    tools: tuple[ToolTurn, ...]
    attachments: tuple[Attachment, ...]


class ChatTurns:
    """The turns of a conversation, heard message by message in OpenAI's format.

    The id of an answer is the digest of all messages until it, as it was in 0.1.0: the same conversation has the same
    turns in any file. A conversation without a name is named by its first turn.
    """

    def __init__(self, conversation: str | None = None) -> None:
        self.now = chat.Exchange()
        self.conversation = conversation
        self.follows: str | None = None
        self._last: str | None = None
        self._before: chat.Utterance | None = None
        self._words = conversation or ""
        self._digest, self._is_first = hashlib.sha256(b"["), True

    def hear(self, heard: chat.Utterance, message: Mapping[str, Any]) -> list[Turn]:
        """The turns that a message completes: that of its answer, or the one before a question that nobody answered."""
        turns = []
        if chat.begins(self.now, heard, self._before):
            self._words = chat.chained([self.now], self._words)
            if not self.now.answer:
                turns.append(self._turn(chat.turn_id(self._words), ""))
            self.follows, self.now = self._last, chat.Exchange()
        self._digest.update((b"" if self._is_first else b",") + msgspec.json.encode(message, order="sorted"))
        self._is_first, self._before = False, heard
        if heard.role == chat.ANSWERS and heard.text.strip():
            turns.append(self._turn(f"chat_{self._id()[:32]}", heard.text))
        self.now.hear(heard)
        return turns

    def _id(self) -> str:
        """The digest of all messages until now, as a list in JSON."""
        digest = self._digest.copy()
        digest.update(b"]")
        return digest.hexdigest()

    def _turn(self, example_id: str, answer: str) -> Turn:
        """What is asked now with an answer; tools that the answer itself calls are those of the next one."""
        self._last, self.conversation = example_id, self.conversation or example_id
        return Turn(
            example_id=example_id,
            question=self.now.question,
            answer=answer,
            conversation=self.conversation,
            follows=self.follows,
            system=self.now.system,
            tools=self.now.tools,
            attachments=tuple(self.now.attachments),
        )
