"""Counters: tallies and the review queue, moved along with the verdicts, so that no page counts a million rows.

They follow from the verdicts and could be counted again at any time; a test does.

| temporary table | rows | columns | written by | read by |
|---|---|---|---|---|
| `moved_tallies` | tallies that change, by how much | of `tallies` | `move` | `move` |
| `moved_hours` | hours that change, by how much | of `hours` | `move` | `move` |
| `thinly` | thin tags in the queue | seq, tag | `find_new` | `find_new` |
"""

from __future__ import annotations

from ..store.database import Connection, first
from ..store.table import Table
from .reasons import FIRST

TALLIES = Table(
    name="tallies",
    columns={"dimension": "VARCHAR", "key": "VARCHAR", "total": "BIGINT", "in_training": "BIGINT", "waiting": "BIGINT"},
    key="dimension, key",
    kind="derived",
    group="verdicts",
)
"""Counts by dimension (`kind`, `source`, `project`, `relevance`, `reason`, `queue`, `tag`): all, those that are trained
on and those that wait."""

QUEUED = Table(
    name="queued",
    columns={
        "seq": "BIGINT",
        "place": "BIGINT",
        "source": "VARCHAR",
        "project_context": "VARCHAR",
        "may_be_new": "BOOLEAN",
    },
    key="seq",
    kind="derived",
    group="verdicts",
)
"""The review queue."""

QUEUED_TAGS = Table(
    name="queued_tags",
    columns={"tag": "VARCHAR", "seq": "BIGINT"},
    key="tag, seq",
    kind="derived",
    group="verdicts",
)
"""The tags of what is in the review queue."""

NEW_TOPICS = Table(
    name="new_topics",
    columns={"seq": "BIGINT", "place": "BIGINT", "thin_tags": "VARCHAR[]"},
    key="seq",
    kind="derived",
    group="verdicts",
)
"""What is a new topic in the review queue, with the place that it has otherwise."""

HOURS = Table(
    name="hours",
    columns={"hour": "BIGINT", "kind": "VARCHAR", "n": "BIGINT"},
    key="hour, kind",
    kind="derived",
    group="verdicts",
)
"""How many examples of each kind occurred in every HOUR; there is no row for none."""

HOUR = "epoch_us(occurred_at) // 3600000000"
"""The hour of a moment, counted from 1970: a division of numbers costs a tenth of cutting off a moment."""


EVIDENCE = ("seq", "occurred_at", "kind", "source", "project_context", "tags")
JUDGED = ("relevance", "approval", "reasons", "queue")
SEEN = ", ".join(EVIDENCE + JUDGED)
"""The columns of a verdict that are counted by, or that wait with it."""


def _counted(relation: str) -> str:
    """The counts of a relation of verdicts with a `sign`; `reason` is the first that keeps a row out, 0 for none."""
    numbers = """sum(sign) AS total, sum(sign) FILTER (reasons = 0) AS in_training,
                 sum(sign) FILTER (queue IS NOT NULL) AS waiting"""
    return f"""
SELECT unnest(['kind', 'source', 'project', 'relevance', 'reason', 'queue']) AS dimension,
       unnest([kind, coalesce(source, ''), project_context, relevance, reason::VARCHAR, coalesce(queue, 0)::VARCHAR])
       AS key, total, in_training, waiting
FROM (SELECT kind, source, project_context, relevance, {FIRST} AS reason, queue, {numbers}
      FROM {relation} GROUP BY ALL)
UNION ALL
SELECT 'tag', unnest(tags), total, in_training, waiting FROM (SELECT tags, {numbers} FROM {relation} GROUP BY ALL)"""


_SUMMED = """dimension, key, sum(total)::BIGINT AS total, coalesce(sum(in_training), 0)::BIGINT AS in_training,
             coalesce(sum(waiting), 0)::BIGINT AS waiting"""


def move(con: Connection, moved: str, below: int) -> None:
    """Follow replaced verdicts: the relation `moved` has the columns SEEN and a `sign`, -1 for old rows, 1 for new.

    A tag of which the training set holds fewer than `below` makes a new topic.
    """
    enough = _known(con, below)
    con.execute(f"CREATE OR REPLACE TEMP TABLE moved_tallies AS SELECT {_SUMMED} FROM ({_counted(moved)}) GROUP BY ALL")
    # In place: rows that are put anew leave dead ones behind, which every page would skip over.
    con.execute(
        """UPDATE tallies SET total = tallies.total + m.total, in_training = tallies.in_training + m.in_training,
             waiting = tallies.waiting + m.waiting
           FROM moved_tallies m WHERE tallies.dimension = m.dimension AND tallies.key = m.key"""
    )
    con.execute("INSERT INTO tallies FROM moved_tallies ANTI JOIN tallies USING (dimension, key)")
    con.execute("DELETE FROM tallies WHERE total = 0")
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE moved_hours AS
            SELECT {HOUR} AS hour, kind, sum(sign)::BIGINT AS n FROM {moved} WHERE occurred_at IS NOT NULL
            GROUP BY ALL HAVING sum(sign) <> 0"""
    )
    con.execute(
        "UPDATE hours SET n = hours.n + m.n FROM moved_hours m WHERE hours.hour = m.hour AND hours.kind = m.kind"
    )
    con.execute("INSERT INTO hours FROM moved_hours ANTI JOIN hours USING (hour, kind)")
    con.execute("DELETE FROM hours WHERE n = 0")
    if first(con, f"SELECT 1 FROM {moved} WHERE sign < 0 AND queue IS NOT NULL LIMIT 1"):
        for table in ("queued", "queued_tags", "new_topics"):
            con.execute(
                f"DELETE FROM {table} WHERE seq IN (SELECT seq FROM {moved} WHERE sign < 0 AND queue IS NOT NULL)"
            )
    _wait(con, f"(FROM {moved} WHERE sign > 0)")
    if _known(con, below) != enough:
        find_new(con, below)
        return
    con.execute(
        f"""INSERT INTO new_topics SELECT * FROM (
             SELECT seq, queue, list_filter(tags, lambda tag: NOT list_contains($enough::VARCHAR[], tag)) AS thin
             FROM {moved} WHERE sign > 0 AND queue > 3 AND approval IS NULL) WHERE len(thin) > 0""",
        {"enough": enough},
    )


def find_new(con: Connection, below: int) -> None:
    """Find all new topics in the queue anew."""
    con.execute("DELETE FROM new_topics")
    # One after the other: in one statement DuckDB reads the whole queue before it knows that few tags are thin.
    con.execute(
        """CREATE OR REPLACE TEMP TABLE thinly AS
           SELECT seq, tag FROM queued_tags WHERE NOT list_contains($enough::VARCHAR[], tag)""",
        {"enough": _known(con, below)},
    )
    con.execute(
        """INSERT INTO new_topics SELECT seq, place, list(tag ORDER BY tag) FROM thinly JOIN (
             SELECT seq, place FROM queued SEMI JOIN thinly USING (seq) WHERE may_be_new) USING (seq) GROUP BY ALL"""
    )


def _known(con: Connection, below: int) -> list[str]:
    """The tags that the training set knows well enough."""
    rows = con.execute(
        "SELECT key FROM tallies WHERE dimension = 'tag' AND in_training >= ? ORDER BY key", [below]
    ).fetchall()
    return [tag for (tag,) in rows]


def recount(con: Connection, below: int) -> None:
    """Count everything anew."""
    for table in ("tallies", "queued", "queued_tags", "hours"):
        con.execute(f"DELETE FROM {table}")
    con.execute(
        f"INSERT INTO hours SELECT {HOUR}, kind, count(*) FROM verdicts WHERE occurred_at IS NOT NULL GROUP BY ALL"
    )
    counted = _counted("(SELECT *, 1 AS sign FROM verdicts)")
    con.execute(f"INSERT INTO tallies SELECT {_SUMMED} FROM ({counted}) GROUP BY ALL")
    _wait(con, "verdicts", " ORDER BY tag, seq")
    find_new(con, below)


def _wait(con: Connection, verdicts: str, order: str = "") -> None:
    """Put verdicts that wait into the queue; `order` by tag lets a question about a tag read few row groups."""
    con.execute(
        f"""INSERT INTO queued SELECT seq, queue, source, project_context, queue > 3 AND approval IS NULL
            FROM {verdicts} WHERE queue IS NOT NULL"""
    )
    con.execute(
        f"INSERT INTO queued_tags SELECT unnest(tags) AS tag, seq FROM {verdicts} WHERE queue IS NOT NULL{order}"
    )
