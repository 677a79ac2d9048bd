"""Descriptions: what an example is called, of which project it is, and whether it is to be trained on, in SQL."""

from __future__ import annotations

from msgspec import UNSET

from ..policy.policy import Policy
from ..store.database import Connection, with_rows


def described(by_id: str) -> str:
    """The parts of `gathered` that find what an example is called now; the last ones are `described` and `tagged`.

    Of each tag the last fact that adds or removes it counts, by the tag's name: what the author and the text say comes
    before every such fact.
    """
    return f"""
retagged AS (
    SELECT example_id, list(tag) FILTER (is_added) AS added, list(tag) FILTER (NOT is_added) AS removed FROM (
        SELECT example_id, coalesce(t.name, written) AS tag, arg_max(is_added, 2 * seq + is_added::INT) AS is_added
        FROM (SELECT example_id, seq, unnest(added_tags) AS written, true AS is_added FROM descriptions {by_id}
              UNION ALL
              SELECT example_id, seq, unnest(removed_tags), false FROM descriptions {by_id})
             LEFT JOIN tag_names t USING (written)
        GROUP BY ALL) WHERE tag <> '' OR NOT is_added GROUP BY example_id),
described AS (
    SELECT example_id, arg_max(project_context, seq) AS project_context,
           arg_max(include_in_training, seq) AS include_in_training, any_value(added) AS added,
           any_value(removed) AS removed
    FROM descriptions {by_id} LEFT JOIN retagged USING (example_id) GROUP BY example_id),
written AS (
    SELECT seq, example_id, erased_seq,
           list_concat(coalesce(author_tags, []), coalesce(k.tags, [])) AS tags
    FROM mine LEFT JOIN known k USING (analysis_key)),
renamed AS (
    SELECT seq, coalesce(list(coalesce(t.name, written)) FILTER (coalesce(t.name, written) <> ''), []) AS tags
    FROM (SELECT seq, unnest(tags) AS written FROM written
          WHERE list_has_any(tags, (SELECT coalesce(list(written), []) FROM tag_names)))
         LEFT JOIN tag_names t USING (written)
    GROUP BY seq),
tagged AS (
    SELECT a.seq, list_sort(list_distinct(list_concat(
        list_filter(coalesce(r.tags, a.tags), lambda tag: NOT list_contains(coalesce(d.removed, []), tag)),
        coalesce(d.added, [])))) AS tags
    FROM written a LEFT JOIN renamed r USING (seq)
         LEFT JOIN described d ON d.example_id = a.example_id AND a.erased_seq IS NULL)"""


def find_tag_names(con: Connection, policy: Policy, some: str | None = None) -> None:
    """Make the temporary table `tag_names`: what tags are called under a policy, of those that are written otherwise.

    `some` is the relation of examples as for `gathered`.
    """
    con.execute("CREATE OR REPLACE TEMP TABLE tag_names (written VARCHAR, name VARCHAR)")
    if policy.tags is UNSET:
        return
    by_seq, by_id = (f"SEMI JOIN {some} USING ({key})" if some else "" for key in ("seq", "example_id"))
    distinct = con.execute(
        f"""SELECT DISTINCT unnest(author_tags) FROM examples {by_seq}
            UNION SELECT unnest(added_tags) FROM descriptions {by_id}
            UNION SELECT unnest(removed_tags) FROM descriptions {by_id}"""
    ).fetchall()
    written = {tag for (tag,) in distinct} | {tag for term in policy.lexicon.terms for tag in term.tags}
    named = [(tag, policy.tag_name(tag)) for tag in sorted(written)]
    names = [(tag, name) for tag, name in named if name != tag or not name]
    with_rows(con, {"written": "VARCHAR", "name": "VARCHAR"}, names, "INSERT INTO tag_names FROM incoming")
