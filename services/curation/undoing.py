"""The way back from a decision or a description: the fact that lets hold again what held before it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from events.facts import Decision, ExampleDescribed

from . import decisions, descriptions
from .decisions import Unchanged


def undoing(
    example_id: str,
    *,
    actor: str,
    revision: int,
    before: Mapping[str, Any],
    reason: str | None = None,
    event_id: str | None = None,
    at: datetime | None = None,
) -> Decision | ExampleDescribed:
    """The fact that takes back what was said at a revision; a decision that holds again has its own reason.

    `before` answers the question `before`. Raises Unchanged where neither a decision nor a description was said.
    """
    who: dict[str, Any] = {"actor": actor, "event_id": event_id, "at": at}
    match before:
        case {"said": "decision", "decision": "approved", "reason": given, "context": context}:
            return decisions.approval(example_id, **who, revision=revision, context=context, reason=given)
        case {"said": "decision", "decision": "rejected", "reason": given}:
            why = (given or "").strip() or "rejected before"
            return decisions.rejection(example_id, **who, revision=revision, reason=why)
        case {"said": "decision"}:
            return decisions.reopening(example_id, **who, revision=revision, reason=reason)
        case {"said": "description", "added": added, "removed": removed, "project": project, "include": include}:
            return descriptions.description(
                example_id, **who, added=removed, removed=added, project=project, include=include, reason=reason
            )
    raise Unchanged(f"at {revision} nobody decided on {example_id} or described it; there is nothing to undo")
