"""OpenLLMetry's conventions: an attribute for each field of a message, such as `gen_ai.prompt.0.content`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from events import chat

from .. import messages
from ..otlp import Span
from .dotted import nested
from .texts import Texts

_PROMPTS = ("gen_ai.prompt", "llm.prompts")
_COMPLETIONS = ("gen_ai.completion", "llm.completions")
_NAMES = (*_PROMPTS, *_COMPLETIONS)


def read(span: Span) -> Texts | None:
    """See `CONVENTIONS`; some libraries have all messages as one text, under the same name without a number."""
    if not any(name.startswith(_NAMES) for name in span.attributes):
        return None
    asked = [each for name in _PROMPTS for each in _messages(span, name)]
    answers = [each for name in _COMPLETIONS for each in _messages(span, name)]
    given = next((value for name in _PROMPTS if (value := span.attributes.get(name))), None)
    gave = next((value for name in _COMPLETIONS if (value := span.attributes.get(name))), None)
    texts = Texts(
        asked=[messages.message(each, chat.ASKS) for each in asked] or messages.asked_in(given),
        answers=[messages.answer(each) for each in answers] or messages.answered_in(gave),
    )
    return texts if texts.asked or texts.answers else None


def _messages(span: Span, name: str) -> list[Mapping[str, Any]]:
    held = nested(span.attributes, f"{name}.")
    if not isinstance(held, list):
        return []
    return [each | {"content": messages.decoded(each.get("content"))} for each in held if isinstance(each, dict)]
