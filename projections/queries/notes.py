"""Notes as their readers find them: those to a person, and those of all, newest first."""

from __future__ import annotations

from typing import Any

from ..store.database import Connection

SHOWN_CHARS = 300
"""Characters of a question that are shown beside a note."""

_LIST = f"""
SELECT n.seq, n.example_id, n.occurred_at, n.actor, n.note, n.mentions, left(e.prompt, {SHOWN_CHARS}) AS prompt
FROM notes n LEFT JOIN examples e USING (example_id)
WHERE ($name IS NULL OR list_contains(n.mentions, $name)) AND n.seq < $before
ORDER BY n.seq DESC LIMIT $limit"""


def inbox(con: Connection, *, of: str | None = None, limit: int = 50, before: int = 2**53) -> dict[str, Any]:
    """Notes that mention a person, those of everybody where none is given, the newest first.

    `before` in the answer goes on; it is None at the end. `prompt` is None where the example has not arrived.
    """
    asked = {"name": None if of is None else of.casefold(), "before": before, "limit": limit + 1}
    result = con.execute(_LIST, asked)
    names = [column[0] for column in result.description or ()]
    items = [dict(zip(names, row, strict=True)) for row in result.fetchall()]
    for item in items:
        item["occurred_at"] = item["occurred_at"].isoformat() + "Z"
    more = len(items) > limit
    return {"items": items[:limit], "before": items[limit - 1]["seq"] if more else None}
