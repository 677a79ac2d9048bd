"""Contradictions: two answers to one question that cannot both be right, for a reviewer to look at.

Only answers whose prompts are near-duplicates are compared, so what differs between them is rarely the subject.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby
from operator import itemgetter

import msgspec
from msgspec import Struct

from .database import AMONG, Connection, ddl, insert, with_rows
from .wording import PRODUCTS, normalise, words

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


class Claims(Struct, frozen=True):
    """What an answer commits itself to: amounts by unit, yes or no, and its opening sentence in canonical words."""

    amounts: dict[str, frozenset[str]]
    stance: str
    opening: str


def claims(response: str) -> Claims:
    """The claims of an answer."""
    amounts: dict[str, set[str]] = {}
    for word in words(response):
        if found := _QUANTITY.fullmatch(word):
            unit, amount = (found[1], found[2]) if found[1] else (found[4], found[3])
            amounts.setdefault(unit, set()).add(amount)
    said = _YES_NO.match(response)
    opening = response[said.end() :].lstrip(" ,.;:-") if said else response
    return Claims(
        {unit: frozenset(values) for unit, values in amounts.items()},
        said[1].lower() if said else "",
        normalise(_SENTENCE.split(opening.strip(), maxsplit=1)[0]),
    )


def disagree(a: str, b: str) -> bool:
    """Do two answers to one question contradict each other?

    They do when one says yes and the other no; when they give other amounts of a unit (no amount in common, or as many
    and each one of its own); or when opening sentences that are alike deny, turn round or replace what the other says.
    """
    return _disagree(claims(a), claims(b))


def _disagree(one: Claims, other: Claims) -> bool:
    for unit, amounts in one.amounts.items():
        if unit in other.amounts and _differ(amounts, other.amounts[unit]):
            return True
    if one.stance and other.stance:
        return one.stance != other.stance
    return _is_opposed(one.opening, other.opening)


def _differ(a: frozenset[str], b: frozenset[str]) -> bool:
    return bool(a - b and b - a) and (not a & b or len(a) == len(b))


def _is_opposed(a: str, b: str) -> bool:
    one, other = _word_set(a), _word_set(b)
    if 2 * len(one & other) < ALIKE * (len(one) + len(other)):
        return False
    mine, theirs = one - other, other - one
    return (
        bool(any(map(_NUMBER.fullmatch, mine)) and any(map(_NUMBER.fullmatch, theirs)))
        or bool(one & _DENIAL) != bool(other & _DENIAL)
        or any(_OPPOSITES[word] in theirs for word in mine & _OPPOSITES.keys())
        or bool(mine & PRODUCTS and theirs & PRODUCTS)
    )


@lru_cache(maxsize=1 << 14)
def _word_set(opening: str) -> frozenset[str]:
    return frozenset(opening.split(" "))


COLUMNS = {"analysis_key": "UUID", "claims": "VARCHAR"}

SCHEMA = ddl("claims", COLUMNS)
"""What answers claim, as JSON: a cache, filled for those that have an answer to the same question beside them."""


Claim = tuple[str, str]
"""The key of an answer and what it claims: a row of the cache."""


def find(con: Connection, judged: str, eligible: str) -> tuple[list[int], list[Claim]]:
    """The sequences of answers that disagree with the best one to their question, and the claims that the cache lacked.

    `judged` is a relation of verdicts, `eligible` the condition on those whose answers may be trained on. Answers that
    are `is_known` are not compared again. Makes the table `answering`, which `oppose` reads.
    """
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE answering AS
            SELECT cluster, seq, example_id, is_known, old_contradicts, row_number() OVER (
                PARTITION BY cluster ORDER BY rank DESC, occurred_at DESC, seq DESC) AS place
            FROM {judged} WHERE {eligible} QUALIFY count(*) OVER (PARTITION BY cluster) > 1 AND place <= {MEMBERS}"""
    )
    con.execute(
        """CREATE OR REPLACE TEMP TABLE compared AS
           SELECT cluster, seq, place, analysis_key FROM examples JOIN (
               SELECT cluster, seq, place FROM answering WHERE place = 1 OR NOT is_known
               QUALIFY count(*) OVER (PARTITION BY cluster) > 1) USING (seq)"""
    )
    rows = con.execute(
        """SELECT cluster, seq, analysis_key::VARCHAR, claims FROM compared LEFT JOIN claims USING (analysis_key)
           ORDER BY cluster, place"""
    ).fetchall()
    fresh = _read(con, {key: seq for _, seq, key, known in rows if known is None})
    found: list[int] = []
    for _, members in groupby(rows, key=itemgetter(0)):
        (_, answer), *others = [(seq, known or fresh[key]) for _, seq, key, known in members]
        best = _claims(answer)
        found += [seq for seq, other in others if other != answer and _disagree(best, _claims(other))]
    return found, list(fresh.items())


def oppose(con: Connection, found: Sequence[int]) -> None:
    """Make the table `contradicting` (`example_id`, `contradicts`) of what `find` found.

    An answer contradicts the best one if they disagree, the best one the next best that disagrees with it. Of an answer
    that `is_known` what it `old_contradicts` still holds.
    """
    with_rows(
        con,
        {"seq": "BIGINT"},
        [(seq,) for seq in found],
        """CREATE OR REPLACE TEMP TABLE contradicting AS
           WITH opponents AS (
               SELECT o.example_id, o.place, b.example_id AS best
               FROM answering o JOIN answering b ON b.cluster = o.cluster AND b.place = 1
               WHERE o.place > 1 AND CASE WHEN o.is_known THEN o.old_contradicts IS NOT NULL
                                          ELSE o.seq IN (FROM incoming) END)
           SELECT example_id, best AS contradicts FROM opponents
           UNION ALL SELECT best, arg_min(example_id, place) FROM opponents GROUP BY best""",
    )


def keep(con: Connection, fresh: Sequence[Claim]) -> None:
    """Put claims into the cache."""
    insert(con, "claims", COLUMNS, fresh)


def forget(con: Connection) -> None:
    """Drop the claims of texts that are no more: they repeat words of them."""
    con.execute("DELETE FROM claims WHERE analysis_key NOT IN (SELECT analysis_key FROM examples)")


def _read(con: Connection, unread: dict[str, int]) -> dict[str, str]:
    """The claims of answers, by their keys; `unread` has the sequence of an example with each."""
    if not unread:
        return {}
    responses = con.execute(f"SELECT seq, response FROM examples {AMONG}", {"seqs": list(unread.values())}).fetchall()
    made = {seq: msgspec.json.encode(claims(response), order="deterministic").decode() for seq, response in responses}
    return {key: made[seq] for key, seq in unread.items()}


@lru_cache(maxsize=1 << 15)
def _claims(text: str) -> Claims:
    return msgspec.json.decode(text, type=Claims)
