"""Contents of Gemini's interface, in camelCase or snake_case, as messages of OpenAI's chat format."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from events import calls, chat

_ROLES = {"user": chat.ASKS, "model": chat.ANSWERS, "assistant": chat.ANSWERS, "function": "tool", "tool": "tool"}


def messages(contents: Any, role: str = chat.ASKS) -> list[Any]:
    """The messages of contents: a text, one content or a list; `role` is theirs where they do not say it."""
    whole: list[Any] = []
    for number, content in enumerate(contents if isinstance(contents, list) else [contents], 1):
        if isinstance(content, str):
            whole.append({"role": role, "content": content})
            continue
        given = content.get("role") if isinstance(content, Mapping) else None
        if not isinstance(content, Mapping) or (given is not None and given not in (*_ROLES, "system")):
            raise ValueError(f"content {number} must have the role user or model, but is {str(content)[:100]}")
        parts = content.get("parts")
        parts = parts if isinstance(parts, list) else [] if parts is None else [parts]
        whole += _messages(_ROLES.get(str(given), role if given is None else str(given)), parts)
    return whole


def system(data: Mapping[str, Any]) -> list[Any]:
    """The system text of a request, as a message."""
    given = _either(data, "systemInstruction")
    if not given:
        return []
    return [message | {"role": "system"} for message in messages(given) if message.get("content")]


def _messages(role: str, parts: list[Any]) -> Iterator[dict[str, Any]]:
    """The messages of one content: results of tools, what is said, and calls, in this order."""
    spoken: list[dict[str, Any]] = []
    made: list[dict[str, Any]] = []
    for part in parts:
        if isinstance(part, str):
            spoken.append({"type": "text", "text": part})
        elif not isinstance(part, Mapping):
            raise ValueError(f"a part must be an object, but is {part!r}")
        elif isinstance(answered := _either(part, "functionResponse"), Mapping):
            result = {"role": "tool", "tool_call_id": answered.get("id"), "name": answered.get("name")}
            yield result | {"content": calls.as_text(answered.get("response", ""))}
        elif isinstance(called := _either(part, "functionCall"), Mapping):
            function = {"name": called.get("name"), "arguments": calls.as_text(called.get("args") or {})}
            made.append({"id": called.get("id"), "type": "function", "function": function})
        else:
            spoken += _spoken(part)
    if spoken or made or not parts:
        only = [part["text"] for part in spoken if part["type"] == "text"]
        content: Any = only[0] if len(spoken) == len(only) == 1 else spoken or None
        yield {"role": role, "content": content} | ({"tool_calls": made} if made else {})


def _spoken(part: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A part as one of OpenAI's; what is neither text nor a file is left out."""
    inline, file = _either(part, "inlineData"), _either(part, "fileData")
    if isinstance(part.get("text"), str):
        kind = "thinking" if part.get("thought") is True else "text"
        yield {"type": kind, kind: part["text"]}
    elif isinstance(inline, Mapping):
        yield {"type": _kind(inline), "name": _either(inline, "displayName"), "data": inline.get("data")}
    elif isinstance(file, Mapping):
        yield {"type": _kind(file), "name": _either(file, "displayName"), "uri": _either(file, "fileUri")}


def _kind(file: Mapping[str, Any]) -> str:
    kind = str(_either(file, "mimeType") or "file").partition("/")[0]
    return kind if kind in ("image", "audio", "video") else "file"


def _either(data: Mapping[str, Any], name: str) -> Any:
    """A value by its name in camelCase, else in snake_case."""
    snake = "".join(f"_{char.lower()}" if char.isupper() else char for char in name)
    return data[name] if data.get(name) is not None else data.get(snake)
