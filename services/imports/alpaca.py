"""Instructions as Alpaca has them: `{"instruction", "input", "output"}`, with earlier turns as its `history`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

import msgspec

from events import chat

from .chats import conversation_facts
from .format import Format, Part, Record


class Alpaca(Format):
    """An instruction a line; each is the same example as in OpenAI's format."""

    name = "alpaca"
    description = (
        'an instruction as Alpaca has it, {"instruction", "input", "output"}, also with "system" and "history"'
    )

    @staticmethod
    def recognises(data: dict[str, Any]) -> bool:
        """See `Format.recognises`."""
        return {"instruction", "output"} <= data.keys() and not {"messages", "conversations"} & data.keys()

    def facts(self, record: Record) -> Iterator[Part]:
        """See `Format.facts`; the input stands below its instruction."""
        data = record.data
        asked = [_text(data, name) for name in ("instruction", "input")]
        question = "\n\n".join(text for text in asked if text.strip())
        turns = [*_history(data), (question, _text(data, "output"))]
        roles = (chat.ASKS, chat.ANSWERS) * len(turns)
        messages = [
            {"role": role, "content": text} for role, text in zip(roles, chain.from_iterable(turns), strict=True)
        ]
        yield from conversation_facts(record, messages)


def _text(data: dict[str, Any], name: str) -> str:
    value = data.get(name)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{name} must be a text, but is {value!r}")
    return value or ""


def _history(data: dict[str, Any]) -> list[tuple[str, str]]:
    history = data.get("history")
    try:
        return msgspec.convert([] if history is None else history, list[tuple[str, str]])
    except msgspec.ValidationError as error:
        raise ValueError(f"history must be a list of questions with their answers: {error}") from None
