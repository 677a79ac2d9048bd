"""Messages as traces record them: what a model was given and gave, in the shapes of any framework.

Known are messages of OpenAI's and LangChain's formats, those of OpenTelemetry's GenAI conventions, plain texts, and
objects that hold any of these under the names that frameworks give to questions and answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct, structs

from events import chat
from events.limits import check_json

from . import thinking

_ROLES = {
    "human": chat.ASKS, "user": chat.ASKS, "ai": chat.ANSWERS, "assistant": chat.ANSWERS, "model": chat.ANSWERS,
    "system": "system", "developer": "developer", "tool": "tool", "function": "function",
    "HumanMessage": chat.ASKS, "AIMessage": chat.ANSWERS, "SystemMessage": "system", "ToolMessage": "tool",
    "FunctionMessage": "function", "HumanMessageChunk": chat.ASKS, "AIMessageChunk": chat.ANSWERS,
}  # fmt: skip
"""What other formats call who speaks; the last are the classes of LangChain."""

_GIVEN = (
    "messages", "input", "inputs", "question", "query", "prompt", "prompts", "text", "content", "message",
    "user_input", "human_input",
)  # fmt: skip
"""Under which names frameworks keep what was asked, the likeliest first."""

_GAVE = (
    "choices", "generations", "message", "output", "outputs", "answer", "response", "result", "completion", "text",
    "content", "messages", "final_output", "output_text",
)  # fmt: skip
"""Under which names they keep what was answered."""

_DEEPEST = 8
"""Objects in objects that are looked through: frameworks wrap an answer four times at most."""


class Answer(Struct, frozen=True, kw_only=True):
    """An answer of a model, what it thought before, and why it ended where the answer itself tells."""

    message: chat.Utterance
    thoughts: str = ""
    finish_reason: str | None = None


def asked_in(value: Any) -> list[chat.Utterance]:
    """The messages that a model was given; what cannot be read is left out."""
    return [_without_thoughts(_utterance(message, chat.ASKS)) for message in _messages(decoded(value), _GIVEN)]


def answered_in(value: Any) -> list[Answer]:
    """The answers that a model gave, each an alternative to the others."""
    value = decoded(value)
    held = list(_messages(value, _GAVE))
    if isinstance(value, Mapping) and "messages" in value and "choices" not in value:
        held = held[-1:]  # an agent's state: the conversation with its answer
    return [answer(message) for message in held]


def answer(message: Any) -> Answer:
    """An answer as a message of any of the formats; thinking is taken out of its text."""
    heard = _utterance(message, chat.ANSWERS)
    text, thoughts = thinking.parted(heard.text)
    inner = message if isinstance(message, Mapping) else {}
    beside = thinking.beside(inner if "parts" not in inner else {"content": inner["parts"]})
    reason = inner.get("finish_reason") or _metadata(inner).get("finish_reason")
    return Answer(
        message=structs.replace(heard, text=text),
        thoughts="\n\n".join(filter(None, [beside, thoughts])),
        finish_reason=reason if isinstance(reason, str) else None,
    )


def message(value: Mapping[str, Any], role: str) -> chat.Utterance:
    """A message that was given to a model; `role` is who speaks where it does not tell."""
    return _without_thoughts(_utterance(value, role))


def decoded(value: Any) -> Any:
    """A value of which the text may be JSON: an object or a list."""
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        try:
            check_json(value.encode("utf-8", "surrogatepass"))
            return msgspec.json.decode(value)
        except Exception:
            return value  # a text that only looks like JSON
    return value


def _messages(value: Any, names: tuple[str, ...], deep: int = _DEEPEST) -> Iterator[Any]:
    """The messages in a value, and the texts that stand for one."""
    if isinstance(value, str):
        yield from [value] if value.strip() else []
    elif isinstance(value, list):
        for inner in value:
            yield from _messages(inner, names, deep - 1) if deep else ()
    elif isinstance(value, Mapping) and _is_message(value):
        yield value
    elif isinstance(value, Mapping) and deep:
        for name in names:
            if inner := decoded(value.get(name)):
                held = list(_messages(inner, names, deep - 1))
                reason = value.get("finish_reason")
                yield from ({**each, "finish_reason": reason} if reason and _is_open(each) else each for each in held)
                if held:
                    return
        if len(value) == 1 and isinstance(only := next(iter(value.values())), str) and only.strip():
            yield only


def _is_open(each: Any) -> bool:
    return isinstance(each, Mapping) and "finish_reason" not in each


def _is_message(value: Mapping[str, Any]) -> bool:
    if "role" in value:
        return isinstance(value["role"], str) and bool({"content", "parts", "tool_calls"} & value.keys())
    return (str(value.get("type")) in _ROLES and bool({"content", "data"} & value.keys())) or _class_of(value) in _ROLES


def _class_of(value: Mapping[str, Any]) -> str:
    """The class of an object that LangChain has serialised."""
    path = value.get("id") if value.get("type") == "constructor" else None
    return path[-1] if isinstance(path, list) and path and isinstance(path[-1], str) else ""


def _metadata(message: Mapping[str, Any]) -> Mapping[str, Any]:
    inner = message.get("kwargs") if _class_of(message) else message.get("data")
    held = (inner if isinstance(inner, Mapping) else message).get("response_metadata")
    return held if isinstance(held, Mapping) else {}


def _utterance(value: Any, role: str) -> chat.Utterance:
    if not isinstance(value, Mapping):
        return chat.Utterance(role=role, text=value if isinstance(value, str) else "")
    if "parts" in value:
        return chat.genai({"role": role, **value})
    name = value.get("role") or _class_of(value) or value.get("type")
    inner = value.get("kwargs") if _class_of(value) else value.get("data")
    held: dict[str, Any] = dict(inner) if isinstance(inner, Mapping) else dict(value)
    extra = held.get("additional_kwargs")
    if isinstance(extra, Mapping) and not held.get("tool_calls"):
        held |= {key: extra[key] for key in ("tool_calls", "function_call") if extra.get(key)}
    calls = held.get("tool_calls")
    held["tool_calls"] = [_call(call) for call in calls] if isinstance(calls, list) else []
    content = held.get("content")
    if isinstance(content, Mapping):
        held["content"] = [content]
    return chat.openai(held | {"role": _ROLES.get(str(name), str(name) if value.get("role") else role)})


def _call(call: Any) -> Any:
    """A call of a tool as OpenAI has it: LangChain has its arguments in `args`."""
    if isinstance(call, Mapping) and "args" in call:
        return {"id": call.get("id"), "function": {"name": call.get("name"), "arguments": call["args"]}}
    return call


def _without_thoughts(heard: chat.Utterance) -> chat.Utterance:
    if heard.role != chat.ANSWERS:
        return heard
    return structs.replace(heard, text=thinking.parted(heard.text)[0])
