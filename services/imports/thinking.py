"""Thinking: what a model wrote to itself before its answer, between marks such as `<think>` and `</think>`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from events import chat

_NAMES = "think|thinking|thought|thoughts|reasoning|reflection|scratchpad"
_MARK = re.compile(
    rf"<(/?)(?:[a-z]+:)?(?:{_NAMES})>|\[(/?)(?:THINK|think)\]|<\|(?:begin|(end))_of_thought\|>|◁(/?)think▷",
    re.IGNORECASE,
)
"""A mark that begins thinking, or ends it: then it has a group. Of DeepSeek and its kin, Magistral, Sky and Kimi."""

_FIELDS = ("reasoning_content", "reasoning", "thinking")
"""Where else a message of OpenAI's format has it, and under which key its parts do."""


def parted(text: str) -> tuple[str, str]:
    """An answer without what was thought, and that; linear in its length.

    What is thought before an answer may lack its first mark, and what was cut off its last one.
    """
    answer: list[str] = []
    thoughts: list[str] = []
    depth = place = 0
    for mark in _MARK.finditer(text):
        piece, place = text[place : mark.start()], mark.end()
        if any(mark.groups()) and not depth:
            thoughts += [*answer, piece]
            answer = []
            continue
        (thoughts if depth else answer).append(piece)
        depth += -1 if any(mark.groups()) else 1
    if not place:
        return text, ""
    (thoughts if depth else answer).append(text[place:])
    return "".join(answer).strip(), "\n\n".join(piece.strip() for piece in thoughts if piece.strip())


def beside(message: Mapping[str, Any]) -> str:
    """What was thought as a message of OpenAI's format says it apart from its text."""
    return "\n\n".join(text.strip() for text in _apart(message) if isinstance(text, str) and text.strip())


def _apart(message: Mapping[str, Any]) -> Iterator[Any]:
    yield next((message[name] for name in _FIELDS if message.get(name)), None)
    content = message.get("content")
    for part in content if isinstance(content, list) else ():
        if isinstance(part, Mapping) and part.get("type") in chat.THOUGHTS:
            yield next((part[name] for name in (*_FIELDS, "text", "content") if part.get(name)), None)
