"""Opinions: what people said in Argilla or Label Studio about an answer, as thumbs and corrections of its example.

Which question of a form is about the whole answer follows from its name: a `rating` or a `quality` is a thumb, a
`corrected_answer` a correction, a `comment` goes with the thumbs. What another question was answered with is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from events import chat
from events.facts import ExampleCaptured, Fact
from events.same_words import normal

from . import ratings, sharegpt
from .about import About
from .chats import Call, conversation_facts, corrected_to, thumb
from .format import Left, Part, Record
from .preferences import Preferences

_QUESTIONS = ("prompt", "question", "instruction", "query", "user_input", "user", "input", "request")
_ANSWERS = ("response", "answer", "completion", "output", "generation", "reply", "model_output")
_SHARED = "conversations"
_CHATS = ("messages", "chat", "conversation", "dialogue", _SHARED)

_CORRECTIONS = ratings.at_word_starts("correct(ed|ion)|edit|rewrit|improved|better|ideal|reference|gold")
_COMMENTS = ratings.at_word_starts("comment|reason(?!ab)|notes?(?![a-z])|why|explan|rationale")


class Response(Struct, frozen=True):
    """What somebody answered to a question of a form; `at` is None where nobody says when."""

    question: str
    value: Any
    actor: str | None = None
    at: datetime | None = None


def messages(fields: Mapping[str, Any]) -> list[Any] | None:
    """What was asked and answered, by the names of the fields; None where they hold no answer."""
    for name in _CHATS:
        if isinstance(given := fields.get(name), list) and given:
            return sharegpt.messages(given) if name == _SHARED else given
    question = _text(fields, _QUESTIONS)
    answer = _text(fields, _ANSWERS)
    texts = [value for value in fields.values() if isinstance(value, str) and value.strip()]
    if (question is None or answer is None) and len(texts) == len(fields) == 2:
        question, answer = texts
    if question is None or answer is None:
        return None
    more = _text(fields, ("context", "input")) if "instruction" in fields else None
    asked = "\n\n".join(filter(None, [question, more]))
    return [{"role": chat.ASKS, "content": asked}, {"role": chat.ANSWERS, "content": answer}]


def is_asked(name: str) -> bool:
    """Whether a column has the name of a question that is about the answer, and not of the answer itself."""
    asks = ratings.judges(name) or _CORRECTIONS.search(name) or _COMMENTS.search(name)
    return bool(asks) and name not in (*_QUESTIONS, *_ANSWERS, *_CHATS)


def _text(fields: Mapping[str, Any], names: Iterable[str]) -> str | None:
    return next((value for name in names if isinstance(value := fields.get(name), str) and value.strip()), None)


def annotated(
    record: Record, data: dict[str, Any], fields: Mapping[str, Any], own_id: str | None, opinions: Iterable[Response]
) -> Iterator[Part]:
    """The example of some fields with what people said about it; `data` is what the source says of it beside that.

    Of two answers nobody knows which one the opinions are about, so that these are counted.
    """
    if Preferences.recognises(pair := dict(fields)):
        yield from Preferences().facts(Record(record.line, pair | data, record.label))
        yield from [Left.BROKEN for _ in opinions]
        return
    conversation = messages(fields)
    if conversation is None:
        yield Left.NO_ANSWER
        return
    example = None
    for part in conversation_facts(Record(record.line, data, record.label), conversation, Call(answer_id=own_id)):
        example = part if isinstance(part, ExampleCaptured) and part.response else example
        yield part
    if example is not None:
        yield from _of(example, list(opinions))


def _of(example: ExampleCaptured, opinions: list[Response]) -> Iterator[Part]:
    """The facts of opinions; of somebody who gave thumbs up and down, the one down counts."""
    comments = {each.actor: each.value for each in opinions if _COMMENTS.search(each.question) and _is_text(each.value)}
    thumbs: dict[str | None, tuple[ratings.Rating, datetime]] = {}
    corrections: dict[str, Fact] = {}
    for each in opinions:
        at = max(each.at or example.occurred_at, example.occurred_at)
        for value in each.value if isinstance(each.value, list) else [each.value]:
            if _is_text(value) and _COMMENTS.search(each.question):
                continue
            try:
                given = ratings.thumb(value, stars=not isinstance(value, bool))
            except ValueError:
                if not _is_text(value) or not _CORRECTIONS.search(each.question):
                    yield Left.BROKEN
                elif normal(value) != normal(example.response):
                    fact = corrected_to(value, *_about(example), _known(example, each.actor), at, each.actor)
                    corrections.setdefault(fact.event_id, fact)
                continue
            if not ratings.judges_whole(each.question):
                yield Left.BROKEN
            elif given and (given == "negative" or each.actor not in thumbs):
                thumbs[each.actor] = ratings.Rating(given, each.actor, comments.get(each.actor)), at
    for rating, at in thumbs.values():
        yield thumb(rating, example.example_id, _known(example, rating.actor), at)
    yield from corrections.values()


def _about(example: ExampleCaptured) -> tuple[str, str, str]:
    return example.example_id, example.prompt, example.response


def _known(example: ExampleCaptured, actor: str | None) -> About:
    return About(actor=actor, tags=example.tags, project=example.project_context)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())
