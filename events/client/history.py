"""A history that an assistant was handed: where the present turn stands, and what came with it; no earlier text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .. import chat
from ..chat import Exchange
from ..conversations import Conversations, Last
from ..limits import LIMITS
from ..same_words import normal


class History:
    """The messages before a query, read when it was answered: its own may be among them, and the answer."""

    def __init__(self, messages: Iterable[Any], query: str, response: str) -> None:
        read = [chat.openai(message) for message in messages]
        asked = [n for n, message in enumerate(read) if message.role == chat.ASKS]
        is_asked = bool(asked) and normal(read[asked[-1]].text) == normal(query)
        *earlier, last = chat.exchanges(read, asked[-1] if is_asked else None)
        if is_asked and normal(last.answer) in ("", normal(response)):
            self.present = last
        else:
            earlier, self.present = [*earlier, last], Exchange()
        self.earlier = chat.spoken(earlier)
        self.system = "\n\n".join(m.text for m in read if m.role in chat.SYSTEM and m.text.strip()) or None
        self._after = [*self.earlier, Exchange([query], [response])]

    def turn(self, conversation: str | None, conversations: Conversations) -> dict[str, Any]:
        """Keyword arguments of `capture` for the present turn.

        It follows the example whose conversation had the words of this history. Where this process has said none, the
        conversation's name alone leads there; without a name, it follows an example that is missing.
        """
        few = slice(LIMITS["tags"].most)
        arguments: dict[str, Any] = {
            "system": self.system,
            "tools": self.present.tools[few],
            "attachments": self.present.attachments[few],
        }
        if self.earlier:
            digest = chat.chained(self.earlier)
            last = conversations.get(_key(digest))
            if last is not None:
                arguments["follows"] = last.example_id
                arguments["system"] = None if last.has(self.system) else self.system
            elif conversation is None:
                arguments["follows"] = chat.turn_id(digest)
            else:
                conversations.forget(conversation)
        return arguments

    def keep(self, example_id: str, conversations: Conversations) -> None:
        """Remember the example of the present turn by the words of the conversation until its answer."""
        conversations.keep(_key(chat.chained(self._after)), Last.of(example_id, self.system))


def _key(digest: str) -> str:
    return f"words {digest}"
