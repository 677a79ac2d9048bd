"""The GenAI conventions until 1.36: an event of the span for each message, such as `gen_ai.user.message`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from events import chat

from .. import messages
from ..otlp import Span
from .texts import Texts

_ROLES = {
    "gen_ai.system.message": "system", "gen_ai.developer.message": "developer", "gen_ai.user.message": chat.ASKS,
    "gen_ai.assistant.message": chat.ANSWERS, "gen_ai.tool.message": "tool",
}  # fmt: skip
_CHOICE = "gen_ai.choice"
_PROMPT, _COMPLETION = "gen_ai.content.prompt", "gen_ai.content.completion"
"""Events of the very first conventions: all messages as one text, under an attribute."""

_BODY = "gen_ai.event.content"
"""Where libraries put the body of an event, as spans' events have none."""


def read(span: Span) -> Texts | None:
    """See `CONVENTIONS`."""
    texts = Texts()
    for name, held in _events(span):
        body = messages.decoded(held.get(_BODY, held))
        if name in _ROLES:
            texts.asked.append(messages.message(_message(body), _ROLES[name]))
        elif name == _CHOICE:
            texts.answers.append(messages.answer(_choice(body)))
        elif name == _PROMPT:
            texts.asked += messages.asked_in(held.get("gen_ai.prompt", body))
        elif name == _COMPLETION:
            texts.answers += messages.answered_in(held.get("gen_ai.completion", body))
    texts.is_outer = span.attributes.get("gen_ai.operation.name") in ("invoke_agent", "execute_tool")
    return texts if texts.asked or texts.answers else None


def _events(span: Span) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The events of a span, and those that Logfire puts into one attribute."""
    yield from span.events
    listed = messages.decoded(span.attributes.get("events"))
    for event in listed if isinstance(listed, list) else ():
        if isinstance(event, Mapping):
            yield str(event.get("event.name")), event


def _message(body: Any) -> Mapping[str, Any]:
    """The message that a body is; that of a tool names the call by its own id."""
    if not isinstance(body, Mapping):
        return {"content": body}
    message = dict(body)
    message["content"] = messages.decoded(body.get("content"))
    if "id" in body:
        message.setdefault("tool_call_id", body["id"])
    return message


def _choice(body: Any) -> Mapping[str, Any]:
    held = body if isinstance(body, Mapping) else {"message": body}
    inner = messages.decoded(held.get("message", held))
    message = dict(_message(inner)) | {"role": chat.ANSWERS}
    return {"tool_calls": held.get("tool_calls"), "finish_reason": held.get("finish_reason")} | message
