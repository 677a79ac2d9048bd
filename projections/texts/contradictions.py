"""Contradictions: two answers to one question that cannot both be right, for a reviewer to look at.

Only answers whose prompts are near-duplicates are compared, so what differs between them is rarely the subject.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import NamedTuple
from uuid import UUID

import msgspec

from ..policy.rules import FIRST
from ..store.database import AMONG, Connection, insert
from ..store.table import Table
from ..work.jobs import Run, job
from .normal_form import PRODUCTS, normalise
from .text_size import READ
from .words import numbers

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
    for word in numbers(response):
        if (word[0].isdecimal() or word.startswith("pitch")) and (quantity := _QUANTITY.fullmatch(word)):
            unit, amount = (quantity[1], quantity[2]) if quantity[1] else (quantity[4], quantity[3])
            amounts.setdefault(unit, set()).add(amount)
    answer = _YES_NO.match(response)
    opening = response[answer.end() :].lstrip(" ,.;:-") if answer else response
    return Claims(
        msgspec.json.encode(amounts, order="deterministic").decode() if amounts else "",
        answer[1].lower() if answer else "",
        normalise(_SENTENCE.split(opening.strip(), maxsplit=1)[0], FIRST),
    )


def disagree(a: str, b: str) -> bool:
    """Do two answers to one question contradict each other?

    They do when one says yes and the other no; when they give other amounts of a unit (no amount in common, or as many
    and each one of its own); or when opening sentences that are alike deny, turn round or replace what the other says.
    """
    return claims_disagree(claims(a), claims(b))


def claims_disagree(a: Claims, b: Claims) -> bool:
    """Do answers that claim this contradict each other?"""
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
    },
    key="analysis_key",
    kind="cache",
    version=2,
    text_key="analysis_key",
)
"""What answers claim: a cache, filled for those that have an answer to the same question beside them."""

PAGE = 20_000
"""Answers that are read at a time: it bounds memory."""

TOGETHER = 2_000
"""Answers that a worker reads at a time."""


def read(con: Connection, seqs: Sequence[int], *, keep: bool, run: Run = map) -> dict[int, Claims]:
    """What the answers of some examples claim, by their sequences; `keep` puts what `run` has read into the cache."""
    key_of: dict[int, str] = dict(  # as text: Python takes 3 µs to make a UUID
        con.execute(f"SELECT seq, analysis_key::VARCHAR FROM examples {AMONG}", {"seqs": list(seqs)}).fetchall()
    )
    known = {
        key: Claims(*claimed)
        for key, *claimed in con.execute(
            """SELECT analysis_key::VARCHAR, amounts, stance, opening FROM claims
               SEMI JOIN (SELECT unnest($keys)::UUID AS analysis_key) USING (analysis_key)""",
            {"keys": list(set(key_of.values()))},
        ).fetchall()
    }
    unread = {key: seq for seq, key in key_of.items() if key not in known}
    if unread:
        rows = con.execute(f"SELECT seq, response FROM examples {AMONG}", {"seqs": list(unread.values())}).fetchall()
        responses = dict(rows)
        asked = [responses[seq] for seq in unread.values()]
        pages = (asked[start : start + TOGETHER] for start in range(0, len(asked), TOGETHER))
        fresh = dict(zip(unread, chain.from_iterable(run(_claims, pages)), strict=True))
        known |= fresh
        if keep:
            insert(con, "claims", CLAIMS.columns, [(UUID(key).bytes, *made) for key, made in fresh.items()])
    return {seq: known[key] for seq, key in key_of.items()}


@job("claims")
def _claims(responses: Sequence[str]) -> list[Claims]:
    return [claims(response) for response in responses]


def forget(con: Connection) -> None:
    """Drop the claims of texts that no example has any more: they repeat words of the text."""
    con.execute(f"DELETE FROM claims WHERE {CLAIMS.stale}")
