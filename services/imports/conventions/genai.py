"""OpenTelemetry's GenAI conventions since 1.37: messages in parts, on the span or in its event of details."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import json

from events.earlier_turns import INSTRUCTIONS, instructions_of
from events.limits import check_json

from .. import messages
from ..otlp import Span
from .texts import Texts

INPUT, OUTPUT = "gen_ai.input.messages", "gen_ai.output.messages"
DETAILS = "gen_ai.client.inference.operation.details"

_OUTER = ("invoke_agent", "invoke_workflow", "create_agent", "execute_tool")
"""Operations that are no calls of a model."""


def read(span: Span) -> Texts | None:
    """See `CONVENTIONS`."""
    held = span.attributes
    for name, attributes in span.events:
        held = held | attributes if name == DETAILS else held
    if INPUT not in held and OUTPUT not in held:
        return None
    return Texts(
        asked=[messages.message(each, "") for each in _list(held.get(INPUT))],
        answers=[messages.answer(_spoken(each)) for each in _list(held.get(OUTPUT))],
        system=instructions_of(held.get(INSTRUCTIONS)),
        is_outer=held.get("gen_ai.operation.name") in _OUTER,
    )


def _list(value: Any) -> list[Any]:
    if isinstance(value, str):
        check_json(value.encode("utf-8", "surrogatepass"))
        value = json.decode(value)
    return [_spoken(each) for each in value or ()]


def _spoken(message: Any) -> Mapping[str, Any]:
    parts = message.get("parts", []) if isinstance(message, dict) and {"parts", "content"} & message.keys() else None
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        raise ValueError(f"a message must be an object with parts, but is {str(message)[:100]!r}")
    return dict(message)
