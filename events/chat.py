"""Chats: messages of role and content as assistants and traces hold them, and the questions and answers in them."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from .attachments import attachment, digest_of
from .calls import as_text
from .facts import Attachment, ToolTurn
from .same_words import normal

ASKS, ANSWERS = "user", "assistant"
SYSTEM = ("system", "developer")
TOOLS = ("tool", "function")

_KINDS = {
    "image_url": "image", "input_image": "image", "image_file": "image", "input_audio": "audio", "input_file": "file",
    "document": "file",
}  # fmt: skip
"""What the types of OpenAI's parts are called here, where that is not their own name."""

THOUGHTS = ("thinking", "redacted_thinking", "reasoning")
"""Types of parts that hold what a model thought before its answer."""

_TEXTS = ("text", "input_text", "output_text", "refusal")
_ADDRESSES = ("url", "uri", "file_url", "file_id", "file_data")


class Call(Struct):
    """A call of a tool, and what it answered; `key` is how a result names its call, empty where it cannot."""

    key: str
    name: str
    arguments: str
    result: str | None = None


class Utterance(Struct, frozen=True, kw_only=True):
    """One message; `results` are those of tools, by the keys of their calls."""

    role: str
    text: str = ""
    attachments: tuple[Attachment, ...] = ()
    calls: tuple[tuple[str, str, str], ...] = ()
    results: tuple[tuple[str, str], ...] = ()
    name: str = ""


class Exchange(Struct):
    """A question and its answer, with what came between; either is empty where nobody asked, or answered."""

    questions: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    systems: list[str] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    waiting: dict[str, deque[Call]] = field(default_factory=dict)
    """Calls without a result, by key or else by name."""

    @property
    def question(self) -> str:
        """What was asked, in one text."""
        return "\n\n".join(self.questions)

    @property
    def answer(self) -> str:
        """The last of its answers."""
        return self.answers[-1] if self.answers else ""

    @property
    def system(self) -> str | None:
        """The system text that came with it; None where none did."""
        return "\n\n".join(self.systems) or None

    @property
    def tools(self) -> tuple[ToolTurn, ...]:
        """The calls of tools in it, in order."""
        return tuple(ToolTurn(name=call.name, arguments=call.arguments, result=call.result) for call in self.calls)

    def hear(self, message: Utterance) -> None:
        """Add a message that belongs to it."""
        if message.role == ASKS:
            self.questions.append(message.text)
            self.attachments += message.attachments
        elif message.role in SYSTEM:
            self.systems += [message.text] if message.text.strip() else []
        elif message.role == ANSWERS and message.text.strip():
            self.answers.append(message.text)
        for key, name, arguments in message.calls:
            call = Call(key, name, arguments)
            self.calls.append(call)
            self.waiting.setdefault(key or name, deque()).append(call)
        for key, result in message.results:
            self._answered(key, message.name, result)

    def _answered(self, key: str, name: str, result: str) -> None:
        """Give a result to its call: that of its key, or of its name, or else the oldest that nothing tells apart."""
        oldest = next(iter(self.waiting), "")
        known = [each for each in (key, name) if each in self.waiting]
        if not known and oldest and not (name or (key and self.waiting[oldest][0].key)):
            known = [oldest]
        if not known:
            self.calls.append(Call(key, name or "tool", "", result))
            return
        calls = self.waiting[known[0]]
        calls.popleft().result = result
        if not calls:
            del self.waiting[known[0]]


def exchanges(messages: Sequence[Utterance], present: int | None = None) -> list[Exchange]:
    """The exchanges of a conversation, one at least; the last is where it stands now.

    Questions in a row are asked together, but for the one at the position `present`, which begins an exchange.
    """
    whole = [Exchange()]
    for n, message in enumerate(messages):
        if begins(whole[-1], message, messages[n - 1] if n else None) or (n == present and whole[-1].questions):
            whole.append(Exchange())
        whole[-1].hear(message)
    return whole


def begins(now: Exchange, message: Utterance, before: Utterance | None) -> bool:
    """Whether a message begins another exchange than the one that stands now."""
    if message.role in SYSTEM:
        return bool(now.answer)
    has_begun = bool(now.questions or now.answer)
    return message.role == ASKS and has_begun and (before is None or before.role != ASKS)


def spoken(whole: Iterable[Exchange]) -> list[Exchange]:
    """The exchanges in which somebody asked or answered: not those of a system text alone."""
    return [exchange for exchange in whole if exchange.questions or exchange.answer]


def chained(earlier: Iterable[Exchange], begin: str = "") -> str:
    """The digest of a conversation so far, by its words: the same however they are spaced.

    `begin` is the digest of what came before, or the conversation's own name.
    """
    digest = begin
    for exchange in earlier:
        whole = "\0".join((digest, normal(exchange.question), normal(exchange.answer)))
        digest = hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()
    return digest


def turn_id(digest: str) -> str:
    """The id of the example that is the last exchange of a conversation of this digest, where it has no other."""
    return f"turn_{digest[:32]}"


def conversation_name(value: object) -> str | None:
    """A conversation's id in another system as a name; a long one as its digest."""
    if not isinstance(value, str | int) or isinstance(value, bool) or not str(value).strip():
        return None
    name = str(value)
    return name if len(name) <= 200 else hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()


def openai(message: Any) -> Utterance:
    """A message of OpenAI's chat format, its content a text or in parts; what cannot be read is left out."""
    if not isinstance(message, Mapping):
        return Utterance(role="")
    role, content = str(message.get("role")), message.get("content")
    parts = content if isinstance(content, list | tuple) else [content]
    texts = [text for text in map(_openai_text, parts) if text is not None]
    text = "\n".join(texts)
    calls: list[Any] = list(message.get("tool_calls") or ())
    if isinstance(message.get("function_call"), Mapping):
        calls.append({"function": message["function_call"]})
    return Utterance(
        role=role,
        text=text,
        attachments=tuple(
            _openai_attachment(part)
            for part in parts
            if isinstance(part, Mapping) and content is not part and _openai_text(part) is None and not _is_text(part)
        ),
        calls=tuple(_openai_call(call) for call in calls if isinstance(call, Mapping)),
        results=((str(message.get("tool_call_id") or ""), text),) if role in TOOLS else (),
        name=str(message.get("name") or ""),
    )


def _openai_text(part: Any) -> str | None:
    """The text of a part, which may be an object that holds it as its value; None where it has none."""
    if isinstance(part, str):
        return part
    text = part.get("text", part.get("refusal")) if isinstance(part, Mapping) else None
    text = text.get("value") if isinstance(text, Mapping) else text
    return text if isinstance(text, str) else None


def _is_text(part: Mapping[str, Any]) -> bool:
    return part.get("type") in (*_TEXTS, *THOUGHTS)


def _openai_call(call: Mapping[str, Any]) -> tuple[str, str, str]:
    function = call.get("function") or call.get("custom") or call
    function = function if isinstance(function, Mapping) else {}
    arguments = function.get("arguments", function.get("input", ""))
    return str(call.get("id") or ""), str(function.get("name") or "tool"), as_text(arguments)


def _openai_attachment(part: Mapping[str, Any]) -> Attachment:
    kind = str(part.get("type") or "file")
    inner = part.get(kind, part)
    held: Mapping[str, Any] = {"url": inner} if isinstance(inner, str) else inner if isinstance(inner, Mapping) else {}
    held = {**part, **held} if held is not part else part
    kind = _KINDS.get(kind, kind)
    name = held.get("filename") or held.get("name")
    nested = held.get("image_url")
    address = next((held[key] for key in _ADDRESSES if isinstance(held.get(key), str)), None)
    address = address or (nested if isinstance(nested, str) else None)
    digest = digest_of(held["data"]) if isinstance(held.get("data"), str) else None
    return attachment(kind, name=name if isinstance(name, str) else None, address=address, digest=digest)


def genai(message: Mapping[str, Any]) -> Utterance:
    """A message of OpenTelemetry's GenAI conventions. Raises what Python does where it is none."""
    role = str(message.get("role"))
    parts = [part for part in message["parts"] if part.get("type") is not None]
    results = [part for part in parts if part["type"] == "tool_call_response"]
    known = ("text", "tool_call", "tool_call_response", *THOUGHTS)
    return Utterance(
        role=role,
        text="\n".join(
            as_text(part["content"]) for part in parts if part["type"] == "text" and part["content"] is not None
        ),
        attachments=tuple(_genai_attachment(part) for part in parts if part["type"] not in known),
        calls=tuple(
            (str(part.get("id") or ""), str(part.get("name") or "tool"), as_text(part.get("arguments", "")))
            for part in parts
            if part["type"] == "tool_call"
        ),
        results=tuple(
            (str(part.get("id") or ""), as_text(part.get("response", part.get("result", "")))) for part in results
        ),
    )


def _genai_attachment(part: Mapping[str, Any]) -> Attachment:
    kind, name = str(part.get("modality") or part["type"]), part.get("name")
    content, address = part.get("content"), next((part[k] for k in ("uri", "file_id") if k in part), None)
    return attachment(
        kind,
        name=name if isinstance(name, str) else None,
        address=address if isinstance(address, str) else None,
        digest=digest_of(content) if isinstance(content, str) else None,
    )
