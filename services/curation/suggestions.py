"""Suggestions: what a language model is asked about an example, without personal data, and what it answers.

The request and the answer are those of OpenAI's chat completions, which most servers of models speak.
"""

from __future__ import annotations

from typing import Any

import msgspec

from events.errors import InputError, RooflogError
from projections.texts import personal_data

from .facts import Example

MOST_CHARS = 100_000
"""Characters of an example and its earlier turns that are sent at most."""

INSTRUCTIONS = (
    "You help to curate training data of an assistant for roofing contractors. You are given a conversation whose last "
    "answer is not good enough. Write the answer that the assistant should have given: correct, specific, no longer "
    "than needed. Words in brackets, such as [NAME], stand for what was taken out; repeat them where you need them. "
    "Reply with the answer alone."
)

_ASKED = "Write a better answer to my last question."


class NoAnswer(RooflogError):
    """What the model sent back holds no answer."""


class _Message(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    message: _Message


class _Completion(msgspec.Struct):
    choices: list[_Choice]


def request_of(example: Example, model: str) -> dict[str, Any]:
    """What a model is asked for a better answer. Raises InputError where the texts are too long, or erased.

    Every finding of personal data is replaced, guesses too: what leaves the company cannot be taken back.
    """
    turns = [*example["earlier"], example]
    texts = [(turn["prompt"], turn["response"]) for turn in turns]
    comments = [comment["text"] for comment in example["comments"]]
    size = sum(map(len, [*(text for pair in texts for text in pair), *comments]))
    if size > MOST_CHARS:
        raise InputError(f"the texts have {size:,} characters; a model is asked about {MOST_CHARS:,} at most")
    if not example["prompt"]:
        raise InputError("the example has no question that a model could answer")
    messages = [{"role": "system", "content": INSTRUCTIONS}]
    for prompt, response in texts:
        messages.append({"role": "user", "content": _without(prompt)})
        messages.append({"role": "assistant", "content": _without(response)})
    asked = [_ASKED, *(f"Somebody said of that answer: {_without(comment)}" for comment in comments)]
    messages.append({"role": "user", "content": "\n".join(asked)})
    return {"model": model, "messages": messages, "temperature": 0}


def answer_of(body: bytes) -> str:
    """The answer in what a model sent back. Raises NoAnswer."""
    try:
        completion = msgspec.json.decode(body, type=_Completion)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise NoAnswer(f"the model did not answer as chat completions do: {error}") from error
    text = (completion.choices[0].message.content or "").strip() if completion.choices else ""
    if not text:
        raise NoAnswer("the model has answered nothing")
    return text


def _without(text: str) -> str:
    """A text in which whatever may be personal is replaced."""
    parts, at = [], 0
    for span in personal_data.find_in(text):
        parts += [text[at : span.start], f"[{span.kind.upper()}]"]
        at = span.end
    return "".join([*parts, text[at:]])
