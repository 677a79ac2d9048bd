"""Blocks of Anthropic's messages as messages of OpenAI's chat format: calls of tools, their results, and files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from events import calls, chat

_CALL, _RESULT = "tool_use", "tool_result"
"""How the types of blocks end that are calls of tools and what those answered, of servers and MCP too."""


def opened(message: Any) -> Iterator[Any]:
    """The messages that a message of blocks is in OpenAI's format; any other message as it is."""
    content = message.get("content") if isinstance(message, dict) else None
    if not isinstance(content, list) or not any(map(_is_block, content)):
        yield message
        return
    rest = {name: value for name, value in message.items() if name != "content"}
    asked = [part for part in content if _type(part).endswith(_CALL)]
    answered = [part for part in content if _type(part).endswith(_RESULT)]
    spoken = [_part(part) for part in content if not _type(part).endswith((_CALL, _RESULT))]
    results = [_result(part) for part in answered]
    if message.get("role") != chat.ANSWERS:
        yield from results
        if spoken:
            yield rest | {"content": spoken}
    elif results:  # the server has called them while the model answered
        yield {"role": chat.ANSWERS, "content": None, "tool_calls": [_call(part) for part in asked]}
        yield from results
        yield rest | {"content": spoken}
    else:
        yield rest | {"content": spoken or None} | ({"tool_calls": [_call(part) for part in asked]} if asked else {})


def _type(part: Any) -> str:
    kind = part.get("type") if isinstance(part, Mapping) else None
    return kind if isinstance(kind, str) else ""


def _is_block(part: Any) -> bool:
    return _type(part).endswith((_CALL, _RESULT)) or (
        isinstance(part, Mapping) and isinstance(part.get("source"), Mapping)
    )


def _call(part: Mapping[str, Any]) -> dict[str, Any]:
    arguments = calls.as_text(part.get("input", {}))
    return {"id": part.get("id"), "type": "function", "function": {"name": part.get("name"), "arguments": arguments}}


def _result(part: Mapping[str, Any]) -> dict[str, Any]:
    content = part.get("content")
    texts = content if isinstance(content, list) else [content]
    text = "\n".join(
        each if isinstance(each, str) else each["text"] if isinstance(each.get("text"), str) else calls.as_text(each)
        for each in texts
        if isinstance(each, str | Mapping)
    )
    return {"role": "tool", "tool_call_id": part.get("tool_use_id"), "content": text}


def _part(part: Any) -> Any:
    """A block that is spoken: of a file what its source says lies beside its type."""
    source = part.get("source") if isinstance(part, Mapping) else None
    if not isinstance(source, Mapping):
        return part
    rest = {name: value for name, value in part.items() if name in ("type", "name")}
    if isinstance(part.get("title"), str):
        rest["name"] = part["title"]
    if source.get("type") == "text" and isinstance(source.get("data"), str):
        return rest | {"url": f"data:text/plain,{quote(source['data'])}"}
    return rest | {name: source[name] for name in ("data", "url", "file_id") if name in source}
