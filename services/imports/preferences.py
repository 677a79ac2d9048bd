"""Preferences: a question with a better and a worse answer, as OpenAI, Together and TRL tune models on.

`{"input": {"messages"}, "preferred_output", "non_preferred_output"}`, or `{"prompt", "chosen", "rejected"}`. The worse
answer is an example that is never trained on, and the better one its correction. Nobody knows who preferred it, so that
correction approves nothing and waits for a reviewer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import structs

from events import chat
from events.facts import CorrectionRecorded
from events.same_words import normal

from . import thinking
from .chats import Call, conversation_facts
from .format import Format, Left, Part, Record

_PAIRS = (("preferred_output", "non_preferred_output"), ("chosen", "rejected"))


class Preferences(Format):
    """A question with two answers a line."""

    name = "preferences"
    description = (
        'two answers of which one is better, {"prompt", "chosen", "rejected"} or {"input", "preferred_output", …}'
    )

    @staticmethod
    def recognises(data: dict[str, Any]) -> bool:
        """See `Format.recognises`."""
        return any(better in data and worse in data for better, worse in _PAIRS) and "messages" not in data

    def facts(self, record: Record) -> Iterator[Part]:
        """See `Format.facts`; without a better or a worse answer in words there is none."""
        data = record.data
        better, worse = next((data[b], data[w]) for b, w in _PAIRS if b in data and w in data)
        asked = _asked(data)
        *between, wrong = _answer(worse, asked)
        right = _answer(better, asked)[-1]
        preferred, _ = thinking.parted(chat.openai(right).text)
        rejected, _ = thinking.parted(chat.openai(wrong).text)
        if not preferred.strip() or not rejected.strip():
            yield Left.NO_ANSWER
            return
        if normal(preferred) == normal(rejected):
            raise ValueError("both answers say the same, so none is the better one")
        wrong = wrong | {"weight": 0, "correction": preferred}
        for part in conversation_facts(record, [*asked, *between, wrong], Call()):
            yield structs.replace(part, untrusted=True) if isinstance(part, CorrectionRecorded) else part


def _asked(data: Mapping[str, Any]) -> list[Any]:
    """What was asked; of TRL's implicit prompts it is in both answers."""
    given = data.get("input", data.get("prompt"))
    if isinstance(given, Mapping):
        given = given.get("messages")
    if isinstance(given, str):
        return [{"role": chat.ASKS, "content": given}]
    if given is None:
        return []
    if not isinstance(given, list):
        raise ValueError(f"the question must be a text or a list of messages, but is {given!r}")
    return given


def _answer(value: Any, asked: list[Any]) -> list[dict[str, Any]]:
    """The messages of an answer, the last of which is what the assistant says; without the question."""
    messages = [{"role": chat.ANSWERS, "content": value}] if isinstance(value, str) else value
    messages = [messages] if isinstance(messages, Mapping) else messages
    if not isinstance(messages, list) or not messages or not all(isinstance(each, Mapping) for each in messages):
        raise ValueError(f"an answer must be a text or a list of messages, but is {value!r}")
    if messages[-1].get("role") != chat.ANSWERS:
        raise ValueError("the last message of an answer must be the assistant's")
    begins = len(asked) if messages[: len(asked)] == asked else 0
    return [dict(message) for message in messages[begins:]]
