"""Text analysis: relevance, tags and personal data, once per text and analyser.

Everything here is a pure function of the texts and the policy's lexicon. The thresholds are applied by the verdicts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache, partial
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..policy.lexicon import SAID, Lexicon, difference, matched, rate, said
from ..policy.policy import Policy
from ..policy.rules import Rules
from ..store.database import TYPES, Connection, first, with_table
from ..store.table import Table
from ..work.jobs import Run, job
from ..work.workers import workers
from . import personal_data
from .text_size import READ

VERSION = 3
"""Raise it when the way of analysing changes: texts are analysed anew."""

COLUMNS = {
    "analysis_key": "UUID",
    "analyser": "VARCHAR",
    "score": "BIGINT",
    "context": "BIGINT",
    "tags": "VARCHAR[]",
    "spans": "VARCHAR",
    "personal_data": "VARCHAR[]",
    "flags": "VARCHAR[]",
}
ANALYSIS = Table(
    name="analysis",
    columns=COLUMNS,
    key="analysis_key, analyser",
    kind="cache",
    text_key="analysis_key",
    version=2,
)
"""`spans` is JSON; `personal_data` and `flags` are its kinds: what keeps an example out, and what a reviewer sees."""


class Analyser(NamedTuple):
    """Who analyses: the lexicon by which texts are rated, and the rules by which personal data is found."""

    lexicon: Lexicon
    rules: Rules

    @property
    def name(self) -> str:
        """The version of the code and of the rules for personal data, and the digest of the lexicon."""
        return f"{VERSION}.{personal_data.VERSIONS[self.rules]}.{self.lexicon.digest[:16]}"


def analyser(policy: Policy) -> Analyser:
    """Who analyses under a policy."""
    return Analyser(policy.lexicon, policy.rules)


Mask = npt.NDArray[np.bool_]


class Texts(NamedTuple):
    """The texts of an example; `original_response` is what a correction replaced."""

    prompt: str
    response: str | None
    original_response: str | None = None


def of(texts: Sequence[Texts], by: Analyser) -> pa.Table:
    """The analyses of texts in their order: all columns of `ANALYSIS` but those that name the text and the analyser."""
    read = [Texts(prompt[:READ], *(text and text[:READ] for text in others)) for prompt, *others in texts]
    kinds = [_kinds(by.rules, each) for each in read]
    rated = rate(by.lexicon, [said(each.prompt, each.response) for each in read])
    columns = {
        name: pa.array([kind[n] for kind in kinds], TYPES[COLUMNS[name]])
        for n, name in enumerate(("spans", "personal_data", "flags"))
    }
    return pa.table(rated | columns)


def terms(prompt: str, response: str | None, lexicon: Lexicon) -> list[str]:
    """The words of a text for which it is taken to be about roofing, see `matched`: never stored, as texts are."""
    return matched(lexicon, said(prompt[:READ], response and response[:READ]))


def _kinds(rules: Rules, texts: Texts) -> tuple[str, list[str], list[str]]:
    if not personal_data.is_suspect(*texts):
        return _NOTHING
    spans = personal_data.find(*texts, rules=rules)
    kinds = sorted({span.kind for span in spans if not span.is_flag})
    flags = sorted({span.kind for span in spans if span.is_flag})
    return msgspec.json.encode(spans).decode(), [*kinds], [*flags]


_NOTHING: tuple[str, list[str], list[str]] = ("[]", [], [])

PAGE = 1_000_000
"""Characters that are analysed at a time: it bounds memory."""

MANY = 20
"""Pages from which on worker processes are faster: they take a second to start."""


def analyse(con: Connection, texts: str, by: Analyser, run: Run | None = None) -> None:
    """Analyse the texts of a relation (`analysis_key` and the three texts) that this analyser has not seen yet.

    They wait in the temporary table `unread`, in pages. Many are analysed in worker processes, those of `run` if
    there are some.
    """
    who = by.name
    size = " + ".join(f"least(coalesce(length({name}), 0), {READ})" for name in Texts._fields)
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE unread AS
            SELECT *, sum({size}) OVER (ROWS UNBOUNDED PRECEDING) // {PAGE} AS page FROM (
            SELECT analysis_key AS id, any_value(prompt) AS prompt, any_value(response) AS response,
                   any_value(original_response) AS original_response FROM {texts}
            WHERE analysis_key IS NOT NULL AND analysis_key NOT IN (
                SELECT a.analysis_key FROM analysis a SEMI JOIN {texts} USING (analysis_key) WHERE analyser = $who)
            GROUP BY analysis_key)""",
        {"who": who},
    )
    (last,) = first(con, "SELECT max(page) FROM unread") or (None,)
    if last is None:
        return
    read = f"SELECT id, {', '.join(f'left({name}, {READ})' for name in Texts._fields)} FROM unread WHERE page = "
    pages = (con.execute(f"{read}{page}").fetchall() for page in range(int(last) + 1))
    keep = f"INSERT INTO analysis BY NAME SELECT '{who}' AS analyser, * FROM incoming"
    with workers(int(last) + 1 if last >= MANY else 1, run) as working:
        for analyses in working(partial(_page, by), pages):
            with_table(con, analyses, keep)


def keep(con: Connection, keys: pa.ChunkedArray, analyses: pa.Table, by: Analyser, known: Mask) -> None:
    """Store the analyses of texts, in the order of their keys, that the tables lack.

    Texts that are not `known` are in no table; the others may be.
    """
    _, firsts = np.unique([key.bytes for key in keys.to_pylist()], return_index=True)
    table = analyses.append_column("analysis_key", keys).take(np.sort(firsts))
    known = known[np.sort(firsts)]
    who = by.name
    keep = f"INSERT INTO analysis BY NAME SELECT '{who}' AS analyser, * FROM incoming"
    anew = f" ANTI JOIN (SELECT analysis_key FROM analysis WHERE analyser = '{who}') USING (analysis_key)"
    for some, statement in ((table.filter(~known), keep), (table.filter(known), keep + anew)):
        if len(some):
            with_table(con, some, statement)


def keys(con: Connection, by: Analyser) -> Iterator[pa.ChunkedArray]:
    """The keys of all texts that this analyser has seen, page by page."""
    for page in con.sql(f"SELECT analysis_key FROM analysis WHERE analyser = '{by.name}'").to_arrow_reader():
        yield pa.chunked_array([page["analysis_key"]])


@job("analysis")
def _page(by: Analyser, rows: Sequence[tuple[Any, ...]]) -> pa.Table:
    """The analyses of rows (key and texts), each beside its key."""
    analyses = of([Texts(*texts) for _, *texts in rows], known(by))
    keys = pa.array([str(key) for key, *_ in rows], pa.string())
    return analyses.append_column("analysis_key", keys)


@lru_cache(maxsize=2)
def known(by: Analyser) -> Analyser:
    """The first analyser that equals this one: a worker process gets it with every page, and compiles it once."""
    return by


def prepare(con: Connection, by: Analyser, since: Analyser, limit: int = 50_000) -> int:
    """Analyse up to `limit` examples by an analyser that is not adopted yet; how many are left.

    Where the rules are the same, the present analysis is copied for every text without a word in which the two
    lexicons differ.
    """
    who, now = by.name, since.name
    unread = f"""SELECT analysis_key, prompt, response, original_response FROM examples
                 WHERE analysis_key IS NOT NULL
                   AND analysis_key NOT IN (SELECT analysis_key FROM analysis WHERE analyser = '{who}')"""
    if by.rules == since.rules and (pattern := difference(by.lexicon, since.lexicon)) is not None:
        con.execute(
            f"""INSERT INTO analysis BY NAME SELECT a.* REPLACE ('{who}' AS analyser) FROM analysis a
                JOIN (SELECT DISTINCT ON (analysis_key) * FROM ({unread})) u USING (analysis_key)
                WHERE a.analyser = $now AND NOT regexp_matches(
                    {SAID.replace("prompt", "u.prompt").replace("response", "u.response")}, $pattern)""",
            {"now": now, "pattern": pattern},
        )
    analyse(con, f"({unread} LIMIT {limit})", by)
    left = first(con, f"SELECT count(*) FROM ({unread})")
    return int(left[0]) if left else 0


Analyses = Sequence[pa.Table]
"""Pages of analyses, each beside the key of its text."""


def unread(con: Connection, by: Analyser, limit: int) -> list[list[tuple[Any, ...]]]:
    """Up to so many texts that an analyser has not seen, in pages: the key and the three texts of each."""
    texts = ", ".join(f"left(any_value({name}), {READ})" for name in Texts._fields)
    rows = con.execute(
        f"""SELECT analysis_key::VARCHAR, {texts} FROM examples
            WHERE analysis_key IS NOT NULL
              AND analysis_key NOT IN (SELECT analysis_key FROM analysis WHERE analyser = $who)
            GROUP BY analysis_key LIMIT {limit}""",
        {"who": by.name},
    ).fetchall()
    pages: list[list[tuple[Any, ...]]] = []
    size = PAGE
    for row in rows:
        if size >= PAGE:
            pages.append([])
            size = 0
        pages[-1].append(row)
        size += sum(len(text or "") for text in row[1:])
    return pages


def read(by: Analyser, pages: Iterable[list[tuple[Any, ...]]], run: Run) -> Analyses:
    """The analyses of pages of texts."""
    return list(run(partial(_page, by), pages))


def keep_late(con: Connection, by: Analyser, analyses: Analyses) -> None:
    """Store analyses of texts that were read from the tables a while ago: of those that are still there."""
    for page in analyses:
        with_table(
            con,
            page,
            f"""INSERT INTO analysis BY NAME
                SELECT '{by.name}' AS analyser, * REPLACE (analysis_key::UUID AS analysis_key) FROM incoming
                WHERE analysis_key::UUID IN (SELECT analysis_key FROM examples WHERE analysis_key IS NOT NULL)
                  AND analysis_key::UUID NOT IN (SELECT analysis_key FROM analysis WHERE analyser = '{by.name}')""",
        )


def stream(con: Connection) -> Iterator[bytes | pa.Table]:
    """Every analysis, page by page."""
    yield b"{}"
    for batch in con.sql("FROM analysis").to_arrow_reader(20_000):
        yield pa.Table.from_batches([batch])


def take_over(con: Connection, analyses: pa.Table) -> None:
    """Add the analyses of another database whose texts this database has as well."""
    with_table(
        con,
        analyses,
        """INSERT INTO analysis SELECT a.* FROM incoming a SEMI JOIN examples USING (analysis_key)
           ANTI JOIN analysis k ON k.analysis_key = a.analysis_key AND k.analyser = a.analyser""",
    )


def forget(con: Connection, keep: Sequence[Analyser]) -> None:
    """Drop the analyses by all analysers but those to keep."""
    con.execute("DELETE FROM analysis WHERE analyser NOT IN (SELECT unnest(?))", [[by.name for by in keep]])
