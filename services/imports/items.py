"""Items of OpenAI's Responses interface as messages of its chat format."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from events import calls, chat

_CALL, _RESULT = "_call", "_call_output"
"""How the types of items end that are calls of tools, and what those answered."""

_OF_ITEMS = ("type", "id", "status", "output", "results", "outputs")
"""Keys of a call by a server's own tool that are no arguments."""


def messages(items: Any) -> list[Any]:
    """The messages that items are; a text is what the user says, and an item that is none of these is left out."""
    if isinstance(items, str):
        return [{"role": chat.ASKS, "content": items}]
    if not isinstance(items, list):
        raise ValueError(f"input and output must be lists of items, but one is {items!r}")
    whole: list[Any] = []
    thoughts: list[str] = []
    for item in items:
        kind = item.get("type") if isinstance(item, Mapping) else None
        if not isinstance(item, Mapping):
            raise ValueError(f"an item must be an object, but is {item!r}")
        if kind == "reasoning":
            thoughts += _thoughts(item)
        elif "role" in item:
            beside = {"reasoning": "\n\n".join(thoughts)} if thoughts and item["role"] == chat.ANSWERS else {}
            thoughts = [] if beside else thoughts
            whole.append({"role": item["role"], "content": item.get("content")} | beside)
        elif isinstance(kind, str) and kind.endswith(_RESULT):
            output = calls.as_text(item.get("output", ""))
            whole.append({"role": "tool", "tool_call_id": item.get("call_id"), "content": output})
        elif isinstance(kind, str) and kind.endswith(_CALL):
            _called(whole, item, kind)
    return whole


def _thoughts(item: Mapping[str, Any]) -> list[str]:
    parts = [part for name in ("summary", "content") if isinstance(item.get(name), list) for part in item[name]]
    return [part["text"] for part in parts if isinstance(part, Mapping) and isinstance(part.get("text"), str)]


def _called(whole: list[Any], item: Mapping[str, Any], kind: str) -> None:
    """Add a call to the message that makes it, and what it answered where the item says so."""
    own = {name: value for name, value in item.items() if name not in _OF_ITEMS}
    arguments = item.get("arguments", item.get("input", own))
    function = {"name": item.get("name") or kind.removesuffix(_CALL), "arguments": calls.as_text(arguments)}
    key = item.get("call_id") or item.get("id")
    call = {"id": key, "type": "function", "function": function}
    if not whole or whole[-1]["role"] != chat.ANSWERS:
        whole.append({"role": chat.ANSWERS, "content": None})
    whole[-1] = whole[-1] | {"tool_calls": [*whole[-1].get("tool_calls", ()), call]}
    if item.get("output") is not None:
        whole.append({"role": "tool", "tool_call_id": key, "content": calls.as_text(item["output"])})
