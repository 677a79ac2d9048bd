"""Quarantine: what could not be folded, what to do about it, and whether this version could fold it now."""

from __future__ import annotations

from typing import Any

from events.errors import InvalidFact
from events.log.log import Log
from events.message import Message

from ..state.client import State

ADVICE = {
    "malformed": "whoever publishes on this subject sends no JSON fact; find them by the subject and mend them",
    "unknown_type": "a newer rooflog said it: upgrade this one, then fold it in its place with a rebuild",
    "invalid": "a field is missing or wrong; have it said again, as a new fact, by whoever said it",
    "wrong_subject": "it was published on another subject than its content belongs on; have it said again",
    "wrong_tombstone": "find out who said it; it erases nothing, and `rooflog verify` names it",
    "wrong_restatement": "find out who said it; it changes nothing, and `rooflog verify` names it",
    "duplicate_example": "the id was taken; capture it again under an id of its own",
    "invalid_policy": "it was not adopted; mend the policy and adopt it again with `rooflog policy adopt`",
    "missing": "somebody deleted it; `rooflog verify` tells more, a backup may still hold it",
}
"""What to do about each category."""

MOST = 10_000
"""Messages in quarantine that are looked at."""

_DECODED = ("unknown_type", "invalid", "malformed", "wrong_subject")
"""What one version cannot decode and another one may."""


async def listed(
    log: Log, state: State, *, category: str | None = None, limit: int = MOST, after: int = 0
) -> dict[str, Any]:
    """What is in quarantine, explained."""
    answer: dict[str, Any] = await state.ask("quarantine", category=category, limit=limit, after=after)
    await explain(log, answer["items"])
    return answer


async def explain(log: Log, items: list[dict[str, Any]]) -> None:
    """Say of each what to do about it, and whether this version could fold it. Raises Unreachable."""
    messages = await log.those(item["seq"] for item in items if item["category"] in _DECODED)
    for item in items:
        message = messages.get(item["seq"])
        item["advice"] = ADVICE.get(item["category"], "")
        item["can_be_folded_now"] = message is not None and _decodes(message)


def _decodes(message: Message) -> bool:
    try:
        message.fact()
    except InvalidFact:
        return False
    return True


def ready(answer: dict[str, Any]) -> set[int]:
    """The sequences in an answer of `listed` that this version could fold."""
    return {item["seq"] for item in answer["items"] if item["can_be_folded_now"]}
