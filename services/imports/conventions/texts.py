"""Texts: what a span holds of a conversation, whatever the convention."""

from __future__ import annotations

from msgspec import Struct, field

from events import chat

from ..messages import Answer


class Texts(Struct, kw_only=True):
    """The messages that a model was given, and its answers, each an alternative to the others.

    `is_outer` tells that the span is not of a model but of a program around it, whose texts are those of its calls.
    """

    asked: list[chat.Utterance] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    system: str | None = None
    is_outer: bool = False
