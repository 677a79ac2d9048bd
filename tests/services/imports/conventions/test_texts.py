"""The registry: the first convention that reads a question is taken."""

from __future__ import annotations

import pytest

from services.imports.conventions import CONVENTIONS, read

from .test_events import AS_CONTENT
from .test_genai import PARTS, span
from .test_indexed import ATTRIBUTES as NUMBERED
from .test_openinference import ATTRIBUTES as OPEN

HELD = {"genai": span(PARTS), "events": AS_CONTENT, "openinference": span(OPEN), "indexed": span(NUMBERED)}


@pytest.mark.parametrize("name", CONVENTIONS)
def test_each_convention_says_the_same(name: str) -> None:
    texts = read(HELD[name])
    assert texts is not None
    assert [heard.text for heard in texts.asked if heard.role == "user"] == ["Curb height?"]
    assert [answer.message.text for answer in texts.answers] == ["8 inches."]
    assert [each for each in CONVENTIONS.values() if each(HELD[name])] == [CONVENTIONS[name]]


def test_a_span_of_two_conventions_is_read_by_one() -> None:
    texts = read(span(PARTS | NUMBERED))
    assert texts is not None
    assert len(texts.asked) == 3


def test_a_convention_without_a_question_leaves_it_to_others() -> None:
    texts = read(span({"gen_ai.output.messages": PARTS["gen_ai.output.messages"]} | NUMBERED))
    assert texts is not None
    assert len(texts.asked) == 4
