"""Changes: what a source says otherwise of an example that is known, as facts; and what no fact can say.

A source states tags, project and exclusion together. Its first statement is the capture; every other one is a
description, whose id follows from the statement. So each is said once, whatever files are imported again and in which
order: what a person said in review since is not undone. A description says what is other than in the statement
before it, and nothing about the rest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from events import same_words, tags
from events.errors import InvalidFact
from events.facts import AnyFact, CorrectionRecorded, ExampleCaptured, ExampleDescribed
from events.message import Message
from events.subjects import checked

from .format import ACTOR

if TYPE_CHECKING:
    from events.log.log import Log

SHOWN = 100
"""Characters of a value in a message at most."""

_UNSAID = ("document", "was_corrected")
"""What a source may say otherwise of an example, so that it is trained on otherwise, and no fact can change."""

_STATED = "imported_"
"""The beginning of the ids of descriptions that an import says."""

Example = ExampleCaptured | CorrectionRecorded


class Changes:
    """What is to be said of known examples; `facts` are those that a publication has yet to bring to the log."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self.facts: dict[str, ExampleDescribed] = {}
        self._waiting: dict[str, list[ExampleDescribed]] = {}

    async def of(self, message: Message | None, now: AnyFact) -> bool:
        """Whether a fact states something else now than the log holds, which becomes one of `facts`.

        Raises InvalidFact where no fact can say it.
        """
        try:
            known = None if message is None else message.fact()
        except InvalidFact as error:
            raise InvalidFact("invalid", f"{now.event_id} is already in the log and cannot be read: {error}") from error
        if not (isinstance(known, Example) and isinstance(now, Example)):
            return False  # it was erased since, or is no example
        _require_sayable(known, now)
        stated = _id(now)
        if stated == _id(known):
            return False
        example_id = _about(now)
        before = await self._before(example_id)
        if stated in {fact.event_id for fact in before}:
            return False
        fact = _description(stated, example_id, _last(known, before), now)
        self.facts[stated] = fact
        self._waiting.setdefault(example_id, []).append(fact)
        return True

    async def _before(self, example_id: str) -> list[ExampleDescribed]:
        """The descriptions of an example that imports have said or are about to say, in their order."""
        messages = await self._log.matching(f"training.example.described.{checked(example_id)}.*")
        facts = [message.fact() for message in messages if message.parts.event_id.startswith(_STATED)]
        return [*(fact for fact in facts if isinstance(fact, ExampleDescribed)), *self._waiting.get(example_id, ())]


def _about(fact: Example) -> str:
    return fact.example_id if isinstance(fact, ExampleCaptured) else fact.event_id


def _require_sayable(known: Example, now: Example) -> None:
    """Raise InvalidFact where the text is another one, or something that no fact can change."""
    name = f"{now.event_id} is already in the log with"
    if _texts(known) != _texts(now):
        raise InvalidFact("invalid", f"{name} another text; give this one its own id")
    others = [
        f"{field} {_shown(value)} where this has {_shown(getattr(now, field))}"
        for field in _UNSAID
        if (value := getattr(known, field, None)) != getattr(now, field, None)
    ]
    if others:
        raise InvalidFact("invalid", f"{name} {', '.join(others)}; no fact can change that: review the example")


def _shown(value: Any) -> str:
    return repr(value)[:SHOWN]


def _texts(fact: Example) -> list[str]:
    """What a fact says, in the form in which the same words are the same."""
    if isinstance(fact, ExampleCaptured):
        return list(map(same_words.normal, (fact.prompt, fact.response)))
    return list(map(same_words.normal, (fact.original_prompt, fact.original_response, fact.corrected_response)))


def _id(fact: Example) -> str:
    """The id of the description that would state what a fact states."""
    stated = msgspec.json.encode(
        [_about(fact), sorted(_tags(fact.tags)), fact.project_context, fact.include_in_training]
    )
    return f"{_STATED}{hashlib.sha256(stated).hexdigest()[:32]}"


def _tags(written: Iterable[str]) -> set[str]:
    return set(map(tags.normal, written)) - {""}


def _last(known: Example, before: Iterable[ExampleDescribed]) -> tuple[set[str], str, bool]:
    """Tags, project and whether to train on it, as a source has stated them last."""
    last = _tags(known.tags), known.project_context, known.include_in_training
    for fact in before:
        last = (
            (last[0] - _tags(fact.removed_tags)) | _tags(fact.added_tags),
            last[1] if fact.project_context is None else fact.project_context,
            last[2] if fact.include_in_training is None else fact.include_in_training,
        )
    return last


def _description(event_id: str, example_id: str, last: tuple[set[str], str, bool], now: Example) -> ExampleDescribed:
    stated, (had, project, include) = _tags(now.tags), last
    return ExampleDescribed(
        event_id=event_id,
        occurred_at=datetime.now(UTC),
        actor=ACTOR,
        example_id=example_id,
        added_tags=tuple(sorted(stated - had)),
        removed_tags=tuple(sorted(had - stated)),
        project_context=None if now.project_context == project else now.project_context,
        include_in_training=None if now.include_in_training == include else now.include_in_training,
        reason="the source says so now",
    )
