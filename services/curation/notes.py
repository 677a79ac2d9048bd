"""Notes as facts: a remark about an example to the others, which decides nothing."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from events.errors import InputError
from events.facts import ExampleNoted
from events.subjects import new_event_id

_MENTION = re.compile(r"(?<![\w.@])@(\w(?:[\w.@-]*\w)?)")
"""A name as tokens have it, which may be an address; a mark behind it ends a sentence."""

MOST_MENTIONS = 20


def note(
    example_id: str, text: str, *, actor: str, event_id: str | None = None, at: datetime | None = None
) -> ExampleNoted:
    """A remark; whoever it names as @NAME finds it among their notes. Raises InputError where it is blank."""
    if not text.strip():
        raise InputError("a note needs words")
    return ExampleNoted(
        event_id=event_id or new_event_id(),
        occurred_at=at or datetime.now(UTC),
        actor=actor,
        example_id=example_id,
        note=text.strip(),
        mentions=mentions(text),
    )


def mentions(text: str) -> tuple[str, ...]:
    """The names after an @, in small letters, each once. Raises InputError for too many."""
    names = tuple(dict.fromkeys(name.casefold() for name in _MENTION.findall(text)))
    if len(names) > MOST_MENTIONS:
        raise InputError(f"a note names {MOST_MENTIONS} people at most, and this one {len(names)}")
    return names
