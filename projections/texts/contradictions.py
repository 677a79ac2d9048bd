"""Contradictions: two answers to one question that cannot both be right, for a reviewer to look at.

Only answers whose prompts are near-duplicates are compared, so what differs between them is rarely the subject.

| temporary table | rows | columns | written by | read by |
|---|---|---|---|---|
| `answering` | answers to a question with several | cluster, seq, place, what is known | `find` | `oppose`, verdicts |
| `compared` | of these the best, and those to compare | cluster, seq, place, analysis_key | `find` | `find` |
| `unclaimed` | texts of `compared` that the cache lacks | analysis_key, seq, number | `find` | `find` |
| `fresh_claims` | what these claim | of `claims` | `find` | `find`, `keep` |
| `claimed` | `compared` with what each claims | cluster, seq, place, of `claims` | `find` | `find` |
| `contradicting` | answers that contradict another | seq, contradicts | `oppose` | verdicts |
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID
from zlib import crc32

import msgspec

from ..store.database import AMONG, Connection, first, insert, with_rows
from ..store.table import Table
from .normal_form import PRODUCTS, normalise
from .text_size import READ
from .words import words

MEMBERS = 200
"""Answers to one question that are looked at: the best ones, in the order in which duplicates are kept."""

ALIKE = 0.5
"""Dice coefficient of the words of two opening sentences from which one different word turns the meaning round."""

_QUANTITY = re.compile(r"(pitch)(\d+(?:\.\d+)?)|(\d+(?:\.\d+)?)([a-z]+)(?:x.*)?")
_NUMBER = re.compile(r"#?\d+(?:\.\d+)?")
_YES_NO = re.compile(r"\W*(yes|no)\b", re.IGNORECASE)
_SENTENCE = re.compile(r"(?<=[a-z\d)][.!?])\s+(?=[A-Z])|\n+")
_DENIAL = {"not", "without", "prohibit", "reject"}
_OPPOSED = [("minimum", "maximum"), ("above", "below"), ("before", "after"), ("allow", "prohibit"), ("more", "less"),
            ("increase", "decrease"), ("interior", "exterior"), ("wet", "dry"), ("over", "under")]  # fmt: skip
_OPPOSITES = dict(_OPPOSED + [(y, x) for x, y in _OPPOSED])


class Claims(NamedTuple):
    """What an answer commits itself to: amounts by unit as JSON, yes or no, and its opening in canonical words."""

    amounts: str
    stance: str
    opening: str


def claims(response: str) -> Claims:
    """The claims of what is read of an answer."""
    response = response[:READ]
    amounts: dict[str, set[str]] = {}
    for word in words(response):
        if (word[0].isdecimal() or word.startswith("pitch")) and (quantity := _QUANTITY.fullmatch(word)):
            unit, amount = (quantity[1], quantity[2]) if quantity[1] else (quantity[4], quantity[3])
            amounts.setdefault(unit, set()).add(amount)
    answer = _YES_NO.match(response)
    opening = response[answer.end() :].lstrip(" ,.;:-") if answer else response
    return Claims(
        msgspec.json.encode(amounts, order="deterministic").decode() if amounts else "",
        answer[1].lower() if answer else "",
        normalise(_SENTENCE.split(opening.strip(), maxsplit=1)[0]),
    )


def disagree(a: str, b: str) -> bool:
    """Do two answers to one question contradict each other?

    They do when one says yes and the other no; when they give other amounts of a unit (no amount in common, or as many
    and each one of its own); or when opening sentences that are alike deny, turn round or replace what the other says.
    """
    return claims_disagree(claims(a), claims(b))


def claims_disagree(a: Claims, b: Claims) -> bool:
    """Do two answers with these claims `disagree`?"""
    if a.amounts != b.amounts and a.amounts and b.amounts:
        units_a, units_b = _by_unit(a.amounts), _by_unit(b.amounts)
        if any(_differ(units_a[unit], units_b[unit]) for unit in units_a.keys() & units_b.keys()):
            return True
    if a.stance and b.stance:
        return a.stance != b.stance
    return _is_opposed(a.opening, b.opening)


@lru_cache(maxsize=1 << 14)
def _by_unit(amounts: str) -> dict[str, frozenset[str]]:
    return msgspec.json.decode(amounts, type=dict[str, frozenset[str]])


def _differ(a: frozenset[str], b: frozenset[str]) -> bool:
    return bool(a - b and b - a) and (not a & b or len(a) == len(b))


def _is_opposed(a: str, b: str) -> bool:
    words_a, words_b = set(a.split(" ")), set(b.split(" "))
    if 2 * len(words_a & words_b) < ALIKE * (len(words_a) + len(words_b)):
        return False
    only_a, only_b = words_a - words_b, words_b - words_a
    return (
        bool(any(map(_NUMBER.fullmatch, only_a)) and any(map(_NUMBER.fullmatch, only_b)))
        or bool(words_a & _DENIAL) != bool(words_b & _DENIAL)
        or any(_OPPOSITES[word] in only_b for word in only_a & _OPPOSITES.keys())
        or bool(only_a & PRODUCTS and only_b & PRODUCTS)
    )


CLAIMS = Table(
    name="claims",
    columns={
        "analysis_key": "UUID",
        "amounts": "VARCHAR",
        "stance": "VARCHAR",
        "opening": "VARCHAR",
        "size": "BIGINT",
        "outline": "BIGINT",
    },
    key="analysis_key",
    kind="cache",
    text_key="analysis_key",
)
"""What answers claim: a cache, filled for those that have an answer to the same question beside them.

`size` counts the words of the opening, and each sets one bit of `outline`: a word is in no opening that lacks its bit.
"""

_SHARED = "least({0}.size - bit_count({0}.outline & ~{1}.outline), {1}.size - bit_count({1}.outline & ~{0}.outline))"
"""No more words than that are in both openings."""

MAY_DISAGREE = f"""
    o.amounts <> b.amounts AND o.amounts <> '' AND b.amounts <> ''
    OR CASE WHEN o.stance <> '' AND b.stance <> '' THEN o.stance <> b.stance
            ELSE o.opening <> b.opening AND 2 * {_SHARED.format("o", "b")} >= {ALIKE} * (o.size + b.size) END"""
"""Holds of claims `o` and `b` that disagree, and of few others."""


def may_disagree(a: Claims, b: Claims) -> bool:
    """Holds where `MAY_DISAGREE` does."""
    if a.amounts != b.amounts and a.amounts and b.amounts:
        return True
    if a.stance and b.stance:
        return a.stance != b.stance
    (size_a, outline_a), (size_b, outline_b) = outlined(a.opening), outlined(b.opening)
    shared = min(size_a - (outline_a & ~outline_b).bit_count(), size_b - (outline_b & ~outline_a).bit_count())
    return a.opening != b.opening and 2 * shared >= ALIKE * (size_a + size_b)


@lru_cache(maxsize=1 << 14)
def outlined(opening: str) -> tuple[int, int]:
    """The `size` and the `outline` of an opening."""
    words = set(opening.split(" "))
    return len(words), sum({1 << crc32(word.encode()) % 63 for word in words})


PAGE = 20_000
"""Answers that are read at a time: it bounds memory."""

Row = tuple[UUID, str, str, str, int, int]
"""A row of the cache."""


def find(con: Connection, judged: str, eligible: str) -> list[int]:
    """The sequences of answers that disagree with the best answer to their question.

    `judged` is a relation of verdicts, `eligible` the condition on answers that may be trained on. Answers that are
    `is_known` are not compared again. Leaves `answering` for `oppose`, and `fresh_claims` for `keep`.
    """
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE answering AS
            SELECT cluster, seq, is_known, old_contradicts, row_number() OVER (
                PARTITION BY cluster ORDER BY rank DESC, occurred_at DESC, seq DESC) AS place
            FROM {judged} WHERE {eligible} QUALIFY count(*) OVER (PARTITION BY cluster) > 1 AND place <= {MEMBERS}"""
    )
    con.execute(
        """CREATE OR REPLACE TEMP TABLE compared AS
           SELECT cluster, seq, place, analysis_key FROM examples JOIN (
               SELECT cluster, seq, place FROM answering WHERE place = 1 OR NOT is_known
               QUALIFY count(*) OVER (PARTITION BY cluster) > 1) USING (seq)"""
    )
    con.execute("CREATE OR REPLACE TEMP TABLE fresh_claims AS FROM claims LIMIT 0")
    con.execute(
        """CREATE OR REPLACE TEMP TABLE unclaimed AS
           SELECT analysis_key, min(seq) AS seq, row_number() OVER (ORDER BY min(seq)) AS number
           FROM compared ANTI JOIN claims USING (analysis_key) GROUP BY analysis_key"""
    )
    (count,) = first(con, "SELECT count(*) FROM unclaimed") or (0,)
    for start in range(0, count, PAGE):
        page = f"SELECT analysis_key, seq FROM unclaimed WHERE number > {start} AND number <= {start + PAGE}"
        insert(con, "fresh_claims", CLAIMS.columns, _read(con, dict(con.execute(page).fetchall())))
    claimed = "SELECT cluster, seq, place, {0}.* FROM compared JOIN {0} USING (analysis_key)"
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE claimed AS {claimed.format('claims')} UNION ALL {claimed.format('fresh_claims')}"
    )
    result = con.execute(
        f"""SELECT o.seq, o.amounts, o.stance, o.opening, b.amounts, b.stance, b.opening
            FROM claimed o JOIN claimed b USING (cluster) WHERE o.place > 1 AND b.place = 1 AND ({MAY_DISAGREE})"""
    )
    disagreeing: list[int] = []
    while rows := result.fetchmany(PAGE):
        disagreeing += [seq for seq, *both in rows if claims_disagree(Claims(*both[:3]), Claims(*both[3:]))]
    for table in ("compared", "unclaimed", "claimed"):
        con.execute(f"DROP TABLE {table}")
    return disagreeing


def oppose(con: Connection, disagreeing: Sequence[int]) -> None:
    """Make the table `contradicting` (`seq`, `contradicts`) of what `find` found.

    An answer that disagrees with the best answer contradicts it. The best answer contradicts the next best answer that
    disagrees with it. An answer that `is_known` keeps what it `old_contradicts`.
    """
    with_rows(
        con,
        {"seq": "BIGINT"},
        [(seq,) for seq in disagreeing],
        """CREATE OR REPLACE TEMP TABLE contradicting AS
           WITH opponents AS (
               SELECT o.seq, o.place, b.seq AS best
               FROM answering o JOIN answering b ON b.cluster = o.cluster AND b.place = 1
               WHERE o.place > 1 AND CASE WHEN o.is_known THEN o.old_contradicts IS NOT NULL
                                          ELSE o.seq IN (FROM incoming) END)
           SELECT seq, best AS contradicts FROM opponents
           UNION ALL SELECT best, arg_min(seq, place) FROM opponents GROUP BY best""",
    )


def keep(con: Connection) -> None:
    """Put what `find` read into the cache."""
    con.execute("INSERT INTO claims FROM fresh_claims")


def forget(con: Connection) -> None:
    """Drop the claims of texts that no example has any more: they repeat words of the text."""
    con.execute(f"DELETE FROM claims WHERE {CLAIMS.stale}")


def _read(con: Connection, unread: dict[UUID, int]) -> list[Row]:
    """The claims of answers; `unread` are their keys, each with the sequence of an example."""
    answers = f"SELECT seq, response FROM examples {AMONG}"
    responses = dict(con.execute(answers, {"seqs": list(unread.values())}).fetchall())
    return [row(key, claims(responses[seq])) for key, seq in unread.items()]


def row(key: UUID, made: Claims) -> Row:
    """The row of the cache for the claims of an answer."""
    return (key, *made, *outlined(made.opening))
