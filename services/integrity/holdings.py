"""Holdings: every place of the log where some words stand, in any string of any fact."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from events import same_words
from events.errors import InvalidFact
from events.facts import Fact
from events.log.log import Log
from events.message import Message, legible
from events.traits import TRAITS, inside, paths, values_at

from ..state.protocol import Progress

READ = 10_000


class Place(Struct, frozen=True):
    """A string that holds the words: a field of a fact and its trait, or the whole message where it holds no fact.

    `ids` are the examples that the message is about.
    """

    seq: int
    kind: str
    ids: tuple[str, ...]
    field: str
    trait: str


async def held(log: Log, words: str, report: Progress | None = None) -> list[Place]:
    """Every place with these words, in the order of the log; case and white space make no difference."""
    wanted = _form(words)
    places: list[Place] = []
    last = await log.last_sequence()
    async for messages in log.read(0, last, READ):
        for message in messages:
            if wanted and message.erased is None:  # what was restated is looked at where that is said
                places += [_place(message, field, trait) for field, trait in _fields(message, wanted)]
        if report:
            report(messages[-1].seq, last)
    return places


def _place(message: Message, field: str, trait: str) -> Place:
    of = message.parts
    ids = of.ids if of.kind.startswith(_OF_EXAMPLES) else ()
    return Place(message.seq, of.kind or "a message", tuple(map(legible, ids)), field, trait)


_OF_EXAMPLES = ("example.", "feedback.", "correction.")


def _fields(message: Message, wanted: str) -> Iterator[tuple[str, str]]:
    try:
        fact: Fact = message.fact()
    except InvalidFact:
        if wanted in _form(message.data.decode("utf-8", "replace")):
            yield "the whole message", "data"
        return
    for trait in TRAITS:
        for path in paths(type(fact), trait):
            strings = (text for value in values_at(fact, path) for text in inside(value))
            if any(wanted in _form(text) for text in strings):
                yield ".".join(path), trait


def _form(text: str) -> str:
    return same_words.normal(text).casefold()
