"""Evidence: everything that the facts and the texts say of each example, whatever a policy makes of it."""

from __future__ import annotations

from ..texts.text_size import READ

COLUMNS = {
    "example_id": "VARCHAR",
    "seq": "BIGINT",
    "occurred_at": "TIMESTAMP",
    "kind": "VARCHAR",
    "source": "VARCHAR",
    "project_context": "VARCHAR",
    "tags": "VARCHAR[]",
    "prompt_key": "UUID",
    "cluster": "BIGINT",
    "prompt_chars": "BIGINT",
    "response_chars": "BIGINT",
    "include_in_training": "BOOLEAN",
    "was_corrected": "BOOLEAN",
    "used_with": "VARCHAR",
    "untrusted": "BOOLEAN",
    "is_erased": "BOOLEAN",
    "score": "BIGINT",
    "context": "BIGINT",
    "terms": "VARCHAR[]",
    "personal_data": "VARCHAR[]",
    "flags": "VARCHAR[]",
    "feedback": "VARCHAR",
    "feedback_seq": "BIGINT",
    "decision": "VARCHAR",
    "decision_seq": "BIGINT",
    "superseded_by": "VARCHAR",
    "disputed_by": "VARCHAR",
}
"""`disputed_by` is an untrusted correction on which nobody has decided, unless the example was approved after it.

`cluster` is the seq of the example that represents its near-duplicates, its own where it is alone; `used_with` are
the modifications with which a document was used; `flags` also says `too_long` of a text that was not read whole."""


def gathered(some: str | None = None) -> str:
    """The SELECT of the evidence on a relation of examples (`seq`, `example_id`), or on all that there are.

    `$analyser` says whose analyses.
    """
    among = f"SEMI JOIN {some} USING ({{}})" if some else ""
    by_seq, by_id = among.format("seq"), among.format("example_id")
    corrected = f"SEMI JOIN {some} t ON c.corrects = t.example_id" if some else "WHERE corrects IS NOT NULL"
    # Few are looked for by their keys alone: with the rest of their row, DuckDB reads the rest of every row.
    few = "AND rowid IN (SELECT a.rowid FROM analysis a SEMI JOIN mine USING (analysis_key))" if some else ""
    return f"""
WITH mine AS (
    SELECT e.* EXCLUDE (response, prompt, original_response, details), length(e.prompt) AS prompt_chars,
           length(e.response) AS response_chars,
           greatest(length(e.prompt), length(e.response), length(e.original_response)) > {READ} AS is_too_long
    FROM examples e {by_seq}),
liked AS (
    SELECT example_id, arg_max(feedback, seq) AS feedback, max(seq) AS feedback_seq
    FROM (FROM feedback {by_id}) f LEFT JOIN (SELECT example_id, actor AS author FROM mine) USING (example_id)
    WHERE NOT coalesce(f.untrusted AND feedback = 'positive' AND f.actor = author, false) GROUP BY ALL),
decided AS (
    SELECT example_id, arg_max(decision, seq) AS decision, max(seq) AS decision_seq
    FROM decisions {by_id} GROUP BY ALL HAVING arg_max(decision, seq) <> 'reopened'),
said AS (
    SELECT example_id, kind, seq, text_key AS key FROM mine m SEMI JOIN corrections c ON m.text_key = c.original_key
    UNION ALL
    SELECT example_id, kind, seq, said_key FROM mine m SEMI JOIN corrections c ON m.said_key = c.original_key),
against AS (
    SELECT corrects AS example_id, example_id AS correction, seq, untrusted FROM corrections c {corrected}
    UNION ALL
    SELECT m.example_id, c.example_id, c.seq, c.untrusted
    FROM said m JOIN corrections c ON c.original_key = m.key
    WHERE c.example_id <> m.example_id AND (m.kind = 'capture' OR c.seq > m.seq)),
weighed AS (
    SELECT example_id AS correction, arg_max(decision, seq) AS weight FROM decisions
    SEMI JOIN (SELECT correction AS example_id FROM against WHERE untrusted) USING (example_id) GROUP BY ALL),
corrected AS (
    SELECT example_id,
        arg_max(correction, seq) FILTER (NOT untrusted OR weight = 'approved') AS superseded_by,
        arg_max(correction, seq) FILTER (untrusted AND coalesce(weight, 'reopened') = 'reopened') AS disputed_by,
        max(seq) FILTER (untrusted AND coalesce(weight, 'reopened') = 'reopened') AS disputed_seq
    FROM against LEFT JOIN weighed USING (correction) GROUP BY ALL),
known AS (SELECT * FROM analysis WHERE analyser = $analyser {few}),
linked AS (SELECT seq, representative FROM near_texts {by_seq})
SELECT m.example_id, m.seq, m.occurred_at, m.kind, m.source, m.project_context,
    CASE WHEN len(coalesce(m.author_tags, [])) + len(coalesce(k.tags, [])) = 0 THEN ['general']
         ELSE list_sort(list_distinct(list_concat(coalesce(m.author_tags, []), coalesce(k.tags, [])))) END AS tags,
    m.prompt_key, coalesce(n.representative, m.seq) AS cluster, m.prompt_chars, m.response_chars,
    m.include_in_training, m.was_corrected, CASE WHEN m.was_used THEN m.modifications_made END AS used_with,
    m.untrusted, m.erased_seq IS NOT NULL AS is_erased,
    coalesce(k.score, 0) AS score, coalesce(k.context, 0) AS context,
    coalesce(k.terms, []) AS terms, coalesce(k.personal_data, []) AS personal_data,
    CASE WHEN m.is_too_long THEN list_append(coalesce(k.flags, []), 'too_long') ELSE coalesce(k.flags, []) END AS flags,
    l.feedback, l.feedback_seq, d.decision, d.decision_seq, c.superseded_by,
    CASE WHEN d.decision = 'approved' AND d.decision_seq > c.disputed_seq THEN NULL ELSE c.disputed_by END
    AS disputed_by
FROM mine m LEFT JOIN liked l USING (example_id) LEFT JOIN decided d USING (example_id)
     LEFT JOIN corrected c USING (example_id) LEFT JOIN known k USING (analysis_key)
     LEFT JOIN linked n USING (seq)"""
