"""Responses of models' interfaces: where a line has one, whose it is, and what it answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from events import chat

from . import contents, items

_PLACES = ((), ("response",), ("response", "body"), ("response_body",), ("output",), ("result", "message"),
           ("result",), ("completion",))  # fmt: skip
"""Where a line, or its batch, has a response."""


class Answers(NamedTuple):
    """What a response answers: messages of OpenAI's chat format for each of its choices; `id` is the source's own."""

    id: str | None
    choices: list[list[dict[str, Any]]]


_ID = re.compile(r"[A-Za-z0-9_-]{20,128}")
"""An id that is nobody else's: small servers number their answers, and begin again."""


def own_id(value: Any) -> str | None:
    """The value where it is an id that its source gave to an answer."""
    return value if isinstance(value, str) and _ID.fullmatch(value) else None


def found(data: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The response that a line has, of any interface."""
    for place in _PLACES:
        inner: Any = data
        for name in place:
            inner = inner.get(name) if isinstance(inner, Mapping) else None
        if isinstance(inner, Mapping) and _reader(inner):
            return inner
    return None


def answers(response: Mapping[str, Any]) -> Answers:
    """What a response that was found answers. Raises ValueError where it cannot be read."""
    read = _reader(response)
    given = response.get("id", response.get("responseId", response.get("response_id")))
    return Answers(given if isinstance(given, str) else None, list(read(response)) if read else [])


_Reader = Callable[[Mapping[str, Any]], Iterator[list[dict[str, Any]]]]


def _reader(response: Mapping[str, Any]) -> _Reader | None:
    """How to read a response, by what it looks like."""
    if isinstance(response.get("choices"), list):
        return _choices
    if response.get("object") == "response" and "output" in response:
        return _output
    if response.get("type") == "message" and response.get("role") == chat.ANSWERS and "content" in response:
        return _blocks
    if isinstance(response.get("candidates"), list):
        return _candidates
    return None


def _choices(response: Mapping[str, Any]) -> Iterator[list[dict[str, Any]]]:
    """Of OpenAI's chat completions, and of the older ones whose choices are texts."""
    for choice in response["choices"]:
        if not isinstance(choice, Mapping):
            raise ValueError(f"a choice must be an object, but is {choice!r}")
        message = choice.get("message", {"content": choice.get("text")})
        if not isinstance(message, Mapping):
            raise ValueError(f"the message of a choice must be an object, but is {message!r}")
        yield [{"role": chat.ANSWERS} | dict(message) | _ended(choice.get("finish_reason"))]


def _output(response: Mapping[str, Any]) -> Iterator[list[dict[str, Any]]]:
    """Of OpenAI's Responses interface."""
    why = response.get("incomplete_details")
    messages = items.messages(response["output"])
    last = messages[-1:]
    yield [
        *messages[:-1],
        *(message | _ended(why.get("reason") if isinstance(why, Mapping) else None) for message in last),
    ]


def _blocks(response: Mapping[str, Any]) -> Iterator[list[dict[str, Any]]]:
    """Of Anthropic's Messages interface."""
    message = {"role": chat.ANSWERS, "content": response["content"]}
    yield [message | _ended(response.get("stop_reason"))]


def _candidates(response: Mapping[str, Any]) -> Iterator[list[dict[str, Any]]]:
    """Of Gemini's."""
    for candidate in response["candidates"]:
        if not isinstance(candidate, Mapping):
            raise ValueError(f"a candidate must be an object, but is {candidate!r}")
        messages = contents.messages(candidate.get("content") or [], chat.ANSWERS)
        yield [message | _ended(candidate.get("finishReason", candidate.get("finish_reason"))) for message in messages]


def _ended(reason: Any) -> dict[str, str]:
    return {"finish_reason": reason} if isinstance(reason, str) else {}
