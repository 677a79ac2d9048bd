"""Refusals: what was erased is not said again, neither under its id nor in the same words under another one."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec import Struct, field

from .codec import decode
from .errors import InvalidFact
from .facts import (
    CorrectionRecorded,
    ExampleCaptured,
    ExampleDescribed,
    ExampleNoted,
    ExampleRedacted,
    Fact,
    FeedbackGiven,
)
from .message import Tombstones, erased_words, words_in
from .subjects import parse, subject_of


class Refusals(Struct):
    """The ids and the keys of words that were erased, with the moment of each; `through` is the last tombstone.

    `kept` are the ids under which the words of a key may be said: those of copies that somebody chose to keep. `check`
    is told the facts of one publication: what follows about an example that it refuses for its words is refused as
    well, which is `repeating`.
    """

    ids: dict[str, datetime] = field(default_factory=dict)
    words: dict[str, datetime] = field(default_factory=dict)
    kept: dict[str, set[str]] = field(default_factory=dict)
    repeating: dict[str, datetime] = field(default_factory=dict)
    through: int = 0

    def check(self, fact: Fact) -> None:
        """Raise InvalidFact where a fact is about an erased example, or says its words."""
        if not self.ids or not isinstance(fact, _REFUSED):
            return
        ids = (fact.example_id, fact.event_id)
        for each in ids:
            if each in self.ids:
                raise InvalidFact("erased", f"{each} was erased on {_day(self.ids[each])}; it is not said again")
        keys = [key for key in words_in(fact) if self.kept.get(key, set()).isdisjoint(ids)]
        moments = [self.words.get(key) for key in keys] + [self.repeating.get(each or "") for each in ids]
        if moment := next(filter(None, moments), None):
            if example_id := _captured(subject_of(fact), fact.__struct_config__.tag):
                self.repeating[example_id] = moment
            raise InvalidFact("erased", f"its words were erased on {_day(moment)}; they are not said again")

    def check_encoded(self, subject: str, data: bytes) -> None:
        """`check` a fact that is bytes already; bytes that are no fact are for others to refuse."""
        if self.ids and parse(subject).verb in _VERBS:
            try:
                fact = decode(data)
            except InvalidFact:
                return
            self.check(fact)


_REFUSED = (ExampleCaptured, FeedbackGiven, CorrectionRecorded, ExampleRedacted, ExampleDescribed, ExampleNoted)
"""What assistants, importers and editors say; decisions say no words of an example."""

_VERBS = {kind.verb for kind in _REFUSED}


def refusals(known: Tombstones) -> Refusals:
    """What the tombstones of a log that count keep from being said again."""
    refused = Refusals(through=max(known.facts, default=0))
    for seq, (_, tombstone) in known.facts.items():
        if seq not in known.wrong:
            refused.ids.setdefault(tombstone.example_id, tombstone.occurred_at)
            for key in erased_words(tombstone):
                refused.words.setdefault(key, tombstone.occurred_at)
                refused.kept.setdefault(key, set()).update(tombstone.kept)
            for kept in tombstone.erased:
                if not kept.restated and (example_id := _captured(kept.subject, kept.fact)):
                    refused.ids.setdefault(example_id, tombstone.occurred_at)
    return refused


def _captured(subject: str, tag: object) -> str | None:
    """The id of the example that a message brings; None where it brings none."""
    if tag == ExampleCaptured.__struct_config__.tag:
        return parse(subject).about
    return parse(subject).event_id if tag == CorrectionRecorded.__struct_config__.tag else None


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d}"
