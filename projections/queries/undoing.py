"""Undoing: what was said about examples at some sequences, and how they stood before."""

from __future__ import annotations

from typing import Any

from ..store.database import Connection

_ITEMS = "(SELECT unnest($ids::VARCHAR[]) AS example_id, unnest($seqs::BIGINT[]) AS seq)"


def before(con: Connection, *, items: list[tuple[str, int]]) -> list[dict[str, Any]]:
    """What takes back what was said at a sequence about each of some examples, by their ids, in the order of the items.

    Of a decision: the `decision` before it, with `reason` and `context`; None where there was none. Of a description:
    the tags that it `added` and `removed`, and `project` and `include` before it, None where it left them. `said` is
    which of both it was, None where it was anything else.
    """
    values = {"ids": [example_id for example_id, _ in items], "seqs": [seq for _, seq in items]}
    decided = con.execute(
        f"""SELECT example_id, max_by({{decision: b.decision, reason: b.reason, context: b.context}}, b.seq)
            FROM {_ITEMS} JOIN decisions d USING (example_id, seq)
            LEFT JOIN decisions b ON b.example_id = d.example_id AND b.seq < d.seq
            GROUP BY example_id""",
        values,
    ).fetchall()
    described = con.execute(
        f"""SELECT example_id, any_value(d.added_tags), any_value(d.removed_tags),
                   CASE WHEN any_value(d.project_context) IS NOT NULL
                        THEN coalesce(arg_max(b.project_context, b.seq), any_value(e.project_context)) END,
                   CASE WHEN any_value(d.include_in_training) IS NOT NULL
                        THEN coalesce(arg_max(b.include_in_training, b.seq), any_value(e.include_in_training)) END
            FROM {_ITEMS} JOIN descriptions d USING (example_id, seq) JOIN examples e USING (example_id)
            LEFT JOIN descriptions b ON b.example_id = d.example_id AND b.seq < d.seq
            GROUP BY example_id""",
        values,
    ).fetchall()
    none = {"decision": None, "reason": None, "context": None}
    known: dict[str, dict[str, Any]] = {
        example_id: {"said": "decision"} | (last if last and last["decision"] != "reopened" else none)
        for example_id, last in decided
    }
    for example_id, *was in described:
        names = ("added", "removed", "project", "include")
        known[example_id] = {"said": "description"} | dict(zip(names, was, strict=True))
    return [{"example_id": example_id} | known.get(example_id, {"said": None}) for example_id, _ in items]
