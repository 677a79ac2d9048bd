"""Text analysis: relevance, terms, tags and personal data, once per text and analyser.

Everything here is a pure function of the texts and the policy's lexicon. The thresholds are applied by the verdicts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import pyarrow as pa

from . import personal_data
from .database import Connection, first, insert, with_rows
from .personal_data import Span
from .relevance import SAID, Lexicon, difference, rate, rated

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
"""`spans` is JSON; `personal_data` and `flags` are its kinds: what keeps an example out, and what a reviewer sees."""

_FOUND = {"id": "VARCHAR", "spans": "VARCHAR", "personal_data": "VARCHAR[]", "flags": "VARCHAR[]"}


def analyser(lexicon: Lexicon) -> str:
    """Who analysed: the version of the code, of the rules for personal data, and the digest of the lexicon."""
    return f"{VERSION}.{personal_data.VERSION}.{lexicon.digest[:16]}"


def analyse(con: Connection, texts: str, lexicon: Lexicon) -> None:
    """Analyse the texts of a relation (`analysis_key` and the three texts) that this analyser has not seen yet."""
    who = analyser(lexicon)
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE unread AS
            SELECT analysis_key AS id, any_value(prompt) AS prompt, any_value(response) AS response,
                   any_value(original_response) AS original_response FROM {texts}
            WHERE analysis_key IS NOT NULL AND analysis_key NOT IN (
                SELECT a.analysis_key FROM analysis a SEMI JOIN {texts} USING (analysis_key) WHERE analyser = $who)
            GROUP BY analysis_key""",
        {"who": who},
    )
    count, size = first(con, "SELECT count(*), sum(length(prompt) + length(response)) FROM unread") or (0, 0)
    if 0 < count <= FEW and size <= FEW_CHARS:
        insert(con, "analysis", COLUMNS, _few(con, who, lexicon))
    elif count:
        con.execute(f"INSERT INTO analysis BY NAME SELECT id AS analysis_key, '{who}' AS analyser, * EXCLUDE (id) "
                    f"FROM ({select(con, 'unread', lexicon)})")  # fmt: skip


FEW, FEW_CHARS = 8, 10_000
"""Texts and characters that Python has analysed before DuckDB has compiled the patterns."""


def _few(con: Connection, who: str, lexicon: Lexicon) -> list[tuple[Any, ...]]:
    rows = con.execute(f"SELECT id, {SAID}, prompt, response, original_response FROM unread").fetchall()
    return [(str(id_), who, *rate(lexicon, said), *_found(personal_data.find(*texts))) for id_, said, *texts in rows]


def prepare(con: Connection, lexicon: Lexicon, since: Lexicon, limit: int = 50_000) -> int:
    """Analyse up to `limit` of the examples that a lexicon to come has not seen; how many are left.

    What the lexicon that holds has said of a text is taken over where the text has no word in which the two differ.
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
    """Keep analyses that another database made of texts that are in this one too."""
    con.register("analyses", analyses)
    try:
        con.execute(
            """INSERT INTO analysis SELECT a.* FROM analyses a SEMI JOIN examples USING (analysis_key)
               ANTI JOIN analysis k ON k.analysis_key = a.analysis_key AND k.analyser = a.analyser"""
        )
    finally:
        con.unregister("analyses")


def forget(con: Connection, keep: Sequence[Lexicon]) -> None:
    """Drop the analyses of lexicons that neither hold nor are about to."""
    con.execute("DELETE FROM analysis WHERE analyser NOT IN (SELECT unnest(?))", [[analyser(one) for one in keep]])


def select(con: Connection, texts: str, lexicon: Lexicon) -> str:
    """The SELECT of every analysis of a relation (`id` unique, `prompt`, `response`, `original_response`), unordered.

    Finding personal data happens on the call: DuckDB picks the few texts that may hold some, Python looks at those.
    """
    suspects = con.execute(
        f"SELECT id, prompt, response, original_response FROM {texts} "
        f"WHERE regexp_matches(concat_ws(chr(10), prompt, response, original_response), {_PREFILTER})"
    ).fetchall()
    with_rows(
        con,
        _FOUND,
        [(str(row[0]), *_found(personal_data.find(*row[1:]))) for row in suspects],
        "CREATE OR REPLACE TEMP TABLE found_personal_data AS SELECT * FROM incoming",
    )
    return f"""SELECT r.*, coalesce(f.spans, '[]') AS spans, coalesce(f.personal_data, []) AS personal_data,
                      coalesce(f.flags, []) AS flags
               FROM ({rated(lexicon, texts)}) r LEFT JOIN found_personal_data f ON f.id = r.id::VARCHAR"""


def _found(spans: list[Span]) -> tuple[Any, ...]:
    kinds = sorted({span.kind for span in spans if not span.is_flag})
    flags = sorted({span.kind for span in spans if span.is_flag})
    return msgspec.json.encode(spans).decode(), kinds, flags


_PREFILTER = "'" + personal_data.PREFILTER.replace("'", "''") + "'"
