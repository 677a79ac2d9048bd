"""Tallies: what is counted and what waits, moved along with the verdicts, so that no page has to count a million rows.

Both follow from the verdicts and could be counted again at any time; a test does.
"""

from __future__ import annotations

from .database import Connection

SCHEMA = (
    "CREATE TABLE tallies (dimension VARCHAR, key VARCHAR, total BIGINT, in_training BIGINT)",
    "CREATE TABLE queued (seq BIGINT, place BIGINT, source VARCHAR, project_context VARCHAR, may_be_new BOOLEAN)",
    "CREATE TABLE queued_tags (tag VARCHAR, seq BIGINT)",
)
"""Counts by dimension (`kind`, `source`, `relevance`, `reason`, `queue`, `tag`); the review queue; and its tags."""


SEEN = "seq, kind, source, project_context, tags, relevance, approval, reasons, queue"
"""The columns of a verdict that are counted by, or that wait with it."""


def _counted(relation: str, sign: int) -> str:
    """The counts of a relation of verdicts; `reason` is the first one that keeps a row out, 0 for none."""
    numbers = f"{sign} * count(*) AS total, {sign} * count(*) FILTER (reasons = 0) AS in_training"
    return f"""
SELECT unnest(['kind', 'source', 'relevance', 'reason', 'queue']) AS dimension,
       unnest([kind, coalesce(source, ''), relevance, reason::VARCHAR, coalesce(queue, 0)::VARCHAR]) AS key,
       total, in_training
FROM (SELECT kind, source, relevance, reasons & -reasons AS reason, queue, {numbers} FROM {relation} GROUP BY ALL)
UNION ALL
SELECT 'tag', unnest(tags), total, in_training FROM (SELECT tags, {numbers} FROM {relation} GROUP BY ALL)"""


def move(con: Connection, old: str, new: str) -> None:
    """Follow verdicts that were replaced: `old` and `new` are relations of the rows before and after."""
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE moved_tallies AS
            SELECT dimension, key, sum(total)::BIGINT AS total, sum(in_training)::BIGINT AS in_training
            FROM ({_counted(old, -1)} UNION ALL {_counted(new, 1)} UNION ALL FROM tallies) GROUP BY ALL"""
    )
    con.execute("DELETE FROM tallies")
    con.execute("INSERT INTO tallies SELECT * FROM moved_tallies WHERE total <> 0")
    for table in ("queued", "queued_tags"):
        con.execute(f"DELETE FROM {table} WHERE seq IN (SELECT seq FROM {old} WHERE queue IS NOT NULL)")
    _wait(con, new)


def recount(con: Connection) -> None:
    """Count everything anew."""
    for table in ("tallies", "queued", "queued_tags"):
        con.execute(f"DELETE FROM {table}")
    con.execute(
        f"""INSERT INTO tallies SELECT dimension, key, sum(total)::BIGINT, sum(in_training)::BIGINT
            FROM ({_counted("verdicts", 1)}) GROUP BY ALL"""
    )
    _wait(con, "verdicts")


def _wait(con: Connection, verdicts: str) -> None:
    con.execute(
        f"""INSERT INTO queued SELECT seq, queue, source, project_context, queue > 3 AND approval IS NULL
            FROM {verdicts} WHERE queue IS NOT NULL"""
    )
    con.execute(f"INSERT INTO queued_tags SELECT unnest(tags), seq FROM {verdicts} WHERE queue IS NOT NULL")
