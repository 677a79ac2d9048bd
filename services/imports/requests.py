"""Requests to models with their responses: OpenAI's chat completions and Responses, Anthropic's messages, Gemini's.

A line has both, one in the other or beside it: `{"request", "response"}`, a stored completion with its `messages`, or a
response with its `input`. Of a batch the two are lines of their own, joined by their `custom_id` (Gemini: `key`) among
all files of an import.

The last answer is new, and the turns before it are those of other lines, or examples of their own where no line says
them. A new answer has the response's own id, unless the log knows the same words of the same conversation already.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Mapping
from typing import IO, Any

import msgspec

from events import chat

from . import contents, items, responses
from .chats import Call, conversation_facts
from .format import Format, Left, Part, Record
from .lines import Line
from .responses import own_id as _own

_PLACES = ((), ("request",), ("request", "body"), ("body",), ("params",), ("request_body",), ("input",))
"""Where a line, or its batch, has a request."""

_ASKS = ("messages", "contents", "input", "prompt")
"""What a request asks with."""

_KEYS = ("custom_id", "key")
_OF_BATCHES = ("body", "params", "request", "response", "result")


class Requests(Format):
    """A request with its response, a line or two; what a request asked may be in another file."""

    name = "requests"
    description = "requests with responses, batches too, as OpenAI, Anthropic and Gemini have them"

    def __init__(self) -> None:
        self._asked = _Bodies()
        self._before: dict[str, str] = {}
        self._roots: dict[str, str] = {}

    @staticmethod
    def recognises(data: dict[str, Any]) -> bool:
        """See `Format.recognises`."""
        if _listed(data):
            return True
        if responses.found(data):
            return "timestamp" not in data or "prompt" not in data
        if "messages" in data or "prompt" in data:
            return False
        return "contents" in data or (_key(data) is not None and any(name in data for name in _OF_BATCHES))

    def survey(self, line: Line) -> None:
        """See `Format.survey`: what the requests of batches ask, and which response each one goes on from."""
        for data in _listed(line.data) or [line.data]:
            key, response = _key(data), responses.found(data)
            if response is None and key is not None and (request := _request(data)) is not None:
                self._asked.add(key, request)
            elif response is not None:
                before, own_id = _own(_first("previous_response_id", response, data)), _own(response.get("id"))
                if before and own_id:
                    self._before[own_id] = before

    def records(self, line: Line) -> list[Record]:
        """See `Format.records`: a page of stored completions has many."""
        listed = _listed(line.data)
        return [Record(line, each, f"element {n}") for n, each in enumerate(listed, 1)] or [Record(line, line.data)]

    def close(self) -> None:
        """See `Format.close`."""
        self._asked.close()

    def facts(self, record: Record) -> Iterator[Part]:
        """See `Format.facts`; a request without its response has no answer, and so has one that failed."""
        response, request = responses.found(record.data), _request(record.data)
        key = _key(record.data)
        if response is None and request is not None and "contents" in request and key is None:
            yield from conversation_facts(record, _messages(request))  # a conversation that was written to tune a model
            return
        if response is None:
            yield Left.NO_ANSWER
            return
        if request is None:
            if key is None:
                raise ValueError("it has a response without the request, so nobody knows what was asked")
            request = self._asked.get(key)
        yield from self._call(record, request, response)

    def _call(self, record: Record, request: Mapping[str, Any], response: Mapping[str, Any]) -> Iterator[Part]:
        own_id, choices = responses.answers(response)
        spoken = [choice for choice in choices if any(map(_has_text, choice))]
        asked = _messages(request)
        answer = spoken[0] if spoken else choices[0] if choices else []
        if not spoken and not any(map(_answers, asked)):
            yield Left.NO_ANSWER
            return
        data = {**_beside(request), **response, **record.data} | {"id": own_id, "model": response.get("model")}
        data["model"] = _first("model", response, request, record.data) or _first("modelVersion", response)
        before = _own(_first("previous_response_id", response, request, record.data))
        held = _first("conversation", response, request)
        name = chat.conversation_name(held.get("id") if isinstance(held, Mapping) else held)
        call = Call(answer_id=_own(own_id), follows=before)
        conversation = name or (self._root(before) if before else None)
        yield from conversation_facts(Record(record.line, data, record.label), [*asked, *answer], call, conversation)
        yield from [Left.OTHER_CHOICE] * len(spoken[1:])

    def _root(self, response_id: str) -> str:
        """The first response of a chain of them, as far as this import knows."""
        chain = {response_id: None}
        root = self._roots.get(response_id)
        while root is None:
            before = self._before.get(response_id)
            if before is None or before in chain:
                root = response_id
            else:
                chain[before], response_id = None, before
                root = self._roots.get(response_id)
        self._roots |= dict.fromkeys(chain, root)
        return root


def _listed(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The responses of a page, as OpenAI lists what it has stored."""
    if data.get("object") != "list" or not isinstance(data.get("data"), list):
        return []
    elements = [each if isinstance(each, dict) else {} for each in data["data"]]
    return elements if any(map(responses.found, elements)) else []


def _key(data: Mapping[str, Any]) -> str | None:
    """The id by which a batch joins a request and its response."""
    return next((value for name in _KEYS if isinstance(value := data.get(name), str) and value), None)


def _first(name: str, *where: Mapping[str, Any]) -> Any:
    return next((each[name] for each in where if each.get(name) is not None), None)


def _request(data: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The request of a line: the first object in it that asks; a response may hold it too."""
    where: list[Any] = []
    for place in _PLACES:
        inner: Any = data
        for name in place:
            inner = inner.get(name) if isinstance(inner, Mapping) else None
        where.append(inner)
    where.append(responses.found(data))
    asks = (each for each in where if isinstance(each, Mapping) and any(name in each for name in _ASKS))
    return next((each for each in asks if not _holds_request(each)), None)


def _holds_request(data: Mapping[str, Any]) -> bool:
    """Whether it asks only in an object that is the request itself."""
    return all(name not in data for name in _ASKS if name != "input") and isinstance(data.get("input"), Mapping)


def _messages(request: Mapping[str, Any]) -> list[Any]:
    """What a request asks, as messages of OpenAI's chat format, its system text first."""
    if "messages" in request:
        messages = request["messages"]
        if not isinstance(messages, list):
            raise ValueError("messages must be a list of messages")
        return messages
    if "contents" in request:
        return [*contents.system(request), *contents.messages(request["contents"])]
    if "input" in request:
        rules = request.get("instructions")
        system = [{"role": "system", "content": rules}] if isinstance(rules, str) and rules.strip() else []
        return [*system, *(items.messages(rules) if isinstance(rules, list) else ()), *items.messages(request["input"])]
    return [{"role": chat.ASKS, "content": request["prompt"]}]


def _beside(request: Mapping[str, Any]) -> dict[str, Any]:
    """What a request says beside what it asks."""
    return {name: value for name, value in request.items() if name not in _ASKS}


def _answers(message: Any) -> bool:
    return isinstance(message, Mapping) and message.get("role") == chat.ANSWERS and _has_text(message)


def _has_text(message: Mapping[str, Any]) -> bool:
    return message.get("role") == chat.ANSWERS and bool(
        chat.openai(message).text.strip() or (isinstance(message.get("refusal"), str) and message["refusal"].strip())
    )


class _Bodies:
    """The requests of batches by their keys, on disk: in memory are their places."""

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None
        self._places: dict[str, tuple[int, int, bytes]] = {}
        self._several: set[str] = set()

    def add(self, key: str, request: Mapping[str, Any]) -> None:
        data = msgspec.json.encode(request)
        asked = [request.get(name) for name in _ASKS]
        digest = hashlib.sha256(msgspec.json.encode(asked, order="sorted")).digest()[:16]
        if key in self._places:
            if self._places[key][2] != digest:
                self._several.add(key)
            return
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="rooflog-import-")  # noqa: SIM115 (closed with the import)
        self._places[key] = self._file.seek(0, 2), len(data), digest
        self._file.write(data)

    def get(self, key: str) -> dict[str, Any]:
        """The request of a key. Raises ValueError where there is none, or where it is not clear which one."""
        if key in self._several:
            raise ValueError(f"{key!r} names two requests that differ; import each batch by itself")
        if key not in self._places or self._file is None:
            raise ValueError(f"no request is called {key!r}; import the batch's file of requests together with it")
        place, size, _ = self._places[key]
        self._file.seek(place)
        return msgspec.json.decode(self._file.read(size), type=dict[str, Any])

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
