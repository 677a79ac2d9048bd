"""Text analysis: relevance, terms, tags and personal data, once per text and analyser.

Everything here is a pure function of the texts and the policy's lexicon. The thresholds are applied by the verdicts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from ..policy.lexicon import SAID, Lexicon, difference, extracts, rate
from ..store.database import TYPES, Connection, first, with_table
from ..store.table import Table
from . import personal_data
from .personal_data import Span
from .text_size import READ

VERSION = 3
"""Raise it when the way of analysing changes: texts are analysed anew."""

COLUMNS = {
    "analysis_key": "UUID",
    "analyser": "VARCHAR",
    "score": "BIGINT",
    "context": "BIGINT",
    "terms": "VARCHAR[]",
    "tags": "VARCHAR[]",
    "spans": "VARCHAR",
    "personal_data": "VARCHAR[]",
    "flags": "VARCHAR[]",
}
ANALYSIS = Table(name="analysis", columns=COLUMNS, key="analysis_key, analyser", kind="cache", text_key="analysis_key")
"""`spans` is JSON; `personal_data` and `flags` are its kinds: what keeps an example out, and what a reviewer sees."""


def analyser(lexicon: Lexicon) -> str:
    """Who analysed: the version of the code, of the rules for personal data, and the digest of the lexicon."""
    return f"{VERSION}.{personal_data.VERSION}.{lexicon.digest[:16]}"


def analyse(con: Connection, texts: str, lexicon: Lexicon) -> None:
    """Analyse the texts of a relation (`analysis_key` and the three texts) that this analyser has not seen yet.

    They wait in the temporary table `unread`, numbered.
    """
    who = analyser(lexicon)
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE unread AS
            SELECT *, row_number() OVER () AS number FROM (
            SELECT analysis_key AS id, any_value(prompt) AS prompt, any_value(response) AS response,
                   any_value(original_response) AS original_response FROM {texts}
            WHERE analysis_key IS NOT NULL AND analysis_key NOT IN (
                SELECT a.analysis_key FROM analysis a SEMI JOIN {texts} USING (analysis_key) WHERE analyser = $who)
            GROUP BY analysis_key)""",
        {"who": who},
    )
    count, size = first(con, "SELECT count(*), sum(length(prompt) + length(response)) FROM unread") or (0, 0)
    if 0 < count <= FEW and size <= FEW_CHARS:
        _keep(con, who, _few(con, lexicon))
    else:
        for start in range(0, count, PORTION):
            within = f"number > {start} AND number <= {start + PORTION}"
            _keep(con, who, analysed(con, f"(FROM unread WHERE {within})", lexicon))


FEW, FEW_CHARS = 8, 10_000
"""Texts and characters that Python has analysed before DuckDB has compiled the patterns."""

PORTION = 50_000
"""Texts that are analysed at a time: it bounds memory."""


def _keep(con: Connection, who: str, analyses: pa.Table) -> None:
    keep = f"INSERT INTO analysis BY NAME SELECT id AS analysis_key, '{who}' AS analyser, * EXCLUDE (id) FROM incoming"
    with_table(con, analyses, keep)


def _few(con: Connection, lexicon: Lexicon) -> pa.Table:
    ids, joined, *texts = zip(
        *con.execute(f"SELECT id, {SAID}, {', '.join(_TEXTS)} FROM unread").fetchall(), strict=True
    )
    matches = [
        [match[0] for expression in lexicon.expressions for match in expression.finditer(text)] for text in joined
    ]
    spans = dict(enumerate(map(personal_data.find, *texts)))
    return _table(lexicon, pa.array(map(str, ids)), [pa.array(matches, pa.list_(pa.string()))], spans)


def prepare(con: Connection, lexicon: Lexicon, since: Lexicon, limit: int = 50_000) -> int:
    """Analyse up to `limit` examples under a lexicon that is not adopted yet; how many are left.

    The analysis under the present lexicon is copied for every text without a word in which the two differ.
    """
    who, now = analyser(lexicon), analyser(since)
    unread = f"""SELECT analysis_key, prompt, response, original_response FROM examples
                 WHERE analysis_key IS NOT NULL
                   AND analysis_key NOT IN (SELECT analysis_key FROM analysis WHERE analyser = '{who}')"""
    if (pattern := difference(lexicon, since)) is not None:
        con.execute(
            f"""INSERT INTO analysis BY NAME SELECT a.* REPLACE ('{who}' AS analyser) FROM analysis a
                JOIN (SELECT DISTINCT ON (analysis_key) * FROM ({unread})) u USING (analysis_key)
                WHERE a.analyser = $now AND NOT regexp_matches(
                    {SAID.replace("prompt", "u.prompt").replace("response", "u.response")}, $pattern)""",
            {"now": now, "pattern": pattern},
        )
    analyse(con, f"({unread} LIMIT {limit})", lexicon)
    left = first(con, f"SELECT count(*) FROM ({unread})")
    return int(left[0]) if left else 0


def stream(con: Connection) -> Iterator[bytes | pa.Table]:
    """Every analysis, page by page."""
    yield b"{}"
    for batch in con.sql("FROM analysis").to_arrow_reader(20_000):
        yield pa.Table.from_batches([batch])


def take_over(con: Connection, analyses: pa.Table) -> None:
    """Add the analyses of another database whose texts this database has as well."""
    con.register("analyses", analyses)
    try:
        con.execute(
            """INSERT INTO analysis SELECT a.* FROM analyses a SEMI JOIN examples USING (analysis_key)
               ANTI JOIN analysis k ON k.analysis_key = a.analysis_key AND k.analyser = a.analyser"""
        )
    finally:
        con.unregister("analyses")


def forget(con: Connection, keep: Sequence[Lexicon]) -> None:
    """Drop the analyses under all lexicons but those to keep."""
    con.execute(
        "DELETE FROM analysis WHERE analyser NOT IN (SELECT unnest(?))", [[analyser(lexicon) for lexicon in keep]]
    )


def analysed(con: Connection, texts: str, lexicon: Lexicon) -> pa.Table:
    """The analyses of a relation (`id`, `prompt`, `response`, `original_response`), unordered, each beside its `id`.

    DuckDB finds the words, and picks the few texts that may hold personal data; Python looks at those.
    """
    extracted = [f"{extract} AS matches_{n}" for n, extract in enumerate(extracts(lexicon))]
    suspect = [f"CASE WHEN is_suspect THEN {name} END AS {name}" for name in _TEXTS]
    read = con.sql(
        f"""SELECT id, is_suspect, {", ".join([*suspect, *extracted])}
            FROM (SELECT *, {SAID} AS said,
                         regexp_matches(concat_ws(chr(10), prompt, response, original_response), {_PREFILTER})
                         AS is_suspect
                  FROM (SELECT id, {", ".join(f"left({name}, {READ}) AS {name}" for name in _TEXTS)} FROM {texts}))"""
    ).to_arrow_table()
    is_suspect = read.column("is_suspect").combine_chunks()
    suspects = np.flatnonzero(is_suspect.to_numpy(zero_copy_only=False))
    suspicious = read.filter(is_suspect).select(_TEXTS).to_pylist()
    spans = {row: personal_data.find(**text) for row, text in zip(suspects.tolist(), suspicious, strict=True)}
    matches = [column.combine_chunks() for column in read.columns[-len(extracted) :]]
    return _table(lexicon, read.column("id").combine_chunks(), matches, spans)


def _table(lexicon: Lexicon, ids: pa.Array, matches: Sequence[pa.ListArray], spans: dict[int, list[Span]]) -> pa.Table:
    """The analyses of texts by what the patterns match in them, and by the spans of those that were looked through."""
    which = np.zeros(len(ids), np.int64)
    which[list(spans)] = np.arange(1, len(spans) + 1)
    columns = zip(_found([]), *map(_found, spans.values()), strict=True)
    kinds = {
        name: pa.array(values, TYPES[COLUMNS[name]]).take(pa.array(which))
        for name, values in zip(_FOUND, columns, strict=True)
    }
    return pa.table({"id": ids, **rate(lexicon, matches), **kinds})


def _found(spans: list[Span]) -> tuple[Any, ...]:
    kinds = sorted({span.kind for span in spans if not span.is_flag})
    flags = sorted({span.kind for span in spans if span.is_flag})
    return msgspec.json.encode(spans).decode(), kinds, flags


_TEXTS = ["prompt", "response", "original_response"]
_FOUND = ["spans", "personal_data", "flags"]

_PREFILTER = "'" + personal_data.PREFILTER.replace("'", "''") + "'"
