"""OpenInference's conventions, as Phoenix and Arize have them: `llm.input_messages.0.message.content` and its kin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from events import chat

from .. import messages
from ..otlp import Span
from .dotted import nested
from .texts import Texts

KIND = "openinference.span.kind"

_OUTER = ("CHAIN", "AGENT")
"""Kinds of spans that may hold a question with its answer, beside those of a model, which have none or LLM."""


_NAMES = ("llm.input_messages", "llm.output_messages", "input.value", "output.value")


def read(span: Span) -> Texts | None:
    """See `CONVENTIONS`; a span without messages may have its whole input and output as values."""
    held = span.attributes
    if not any(name.startswith(_NAMES) for name in held):
        return None
    kind = str(held.get(KIND) or "LLM").upper()
    if kind != "LLM" and kind not in _OUTER:
        return None
    texts = Texts(
        asked=[messages.message(each, chat.ASKS) for each in _messages(held, "llm.input_messages")],
        answers=[messages.answer(each) for each in _messages(held, "llm.output_messages")],
        is_outer=kind in _OUTER,
    )
    texts.asked = texts.asked or messages.asked_in(held.get("input.value"))
    texts.answers = texts.answers or messages.answered_in(held.get("output.value"))
    return texts if texts.asked or texts.answers else None


def _messages(attributes: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    held = nested(attributes, f"{name}.") or messages.decoded(attributes.get(name))
    whole = [nested(each) for each in held if isinstance(each, Mapping)] if isinstance(held, list) else []
    return [_message(each.get("message", each)) for each in whole if isinstance(each, Mapping)]


def _message(held: Any) -> Mapping[str, Any]:
    """A message of OpenInference as one of OpenAI's format."""
    held = held if isinstance(held, Mapping) else {}
    contents, calls = held.get("contents"), held.get("tool_calls")
    message = {
        name: held[name] for name in ("role", "content", "tool_call_id", "name", "finish_reason") if name in held
    }
    if isinstance(contents, list):
        message["content"] = [_part(each) for each in contents]
    if isinstance(calls, list):
        message["tool_calls"] = [_inner(each, "tool_call") for each in calls]
    if name := held.get("function_call_name"):
        message["function_call"] = {"name": name, "arguments": held.get("function_call_arguments_json", "")}
    return message


def _inner(held: Any, name: str) -> Any:
    return held.get(name, held) if isinstance(held, Mapping) else held


def _part(held: Any) -> Any:
    content = _inner(held, "message_content")
    if not isinstance(content, Mapping) or content.get("type") in (None, "text"):
        return {"type": "text", "text": content.get("text", "")} if isinstance(content, Mapping) else content
    kind = str(content["type"])
    inner = _inner(content.get(kind), kind)
    return {"type": kind, kind: inner if isinstance(inner, str | Mapping) else {}}
