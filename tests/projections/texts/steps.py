"""Steps: everything that rooflog does with one text, each a function of the text alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from events import codec, same_words
from projections.policy.policy import default
from projections.tables.question import question
from projections.texts import (
    analysis,
    contradictions,
    near_duplicates,
    normal_form,
    personal_data,
    rewording,
    word_facts,
)
from services.integrity.erasure import quotes
from tests.projections.given import captured


def _analysis(text: str) -> object:
    return analysis.of([analysis.Texts(text, "")], analysis.analyser(default()))


def _links(text: str) -> object:
    normal = normal_form.normalise(text)
    half = " ".join([*normal.split(" ")[::2], "abcdefgh", "acegikmo"])
    whole = normal_form.normalise(text + " tpo")
    alike = [near_duplicates.similarity(normal, other) for other in (half, whole)]
    return near_duplicates.buckets([normal]), alike, [rewording.reworded(normal, other) for other in (half, whole)]


def _facts(text: str) -> object:
    return word_facts.facts(normal_form.normalise(text))


def _codec(text: str) -> object:
    data = codec.encode(captured("a", text, text, details={"said": [text]}))
    return codec.decode(data)


STEPS: dict[str, Callable[[str], Any]] = {
    "normal form and facts": _facts,
    "signature and likeness": _links,
    "question": question,
    "personal data and redaction": lambda text: personal_data.redact(text, personal_data.find_in(text)),
    "analysis": _analysis,
    "claims": lambda text: contradictions.disagree(text, text[: len(text) // 2] + "not 7 mm."),
    "quotation": lambda text: quotes(text[: len(text) // 16], [text]),
    "encoding": _codec,
    "the same words": same_words.normal,
}
"""A step by its name."""
