"""Contradictions: two answers to one question that cannot both be right, for a reviewer to look at.

Only answers whose prompts are near-duplicates are compared, so what differs between them is rarely the subject.
"""

from __future__ import annotations

import re
from functools import lru_cache

from msgspec import Struct

from .database import Connection, with_rows
from .near_duplicates import similarity
from .wording import PRODUCTS, normalise

MEMBERS = 200
"""Answers to one question that are looked at: the best ones, in the order in which duplicates are kept."""

OPPONENTS = 8
"""The best answers, against which every other one is held."""

ALIKE = 0.5
"""Similarity of two opening sentences from which one different word turns the meaning round."""

_QUANTITY = re.compile(r"(pitch)(\d+(?:\.\d+)?)|(\d+(?:\.\d+)?)([a-z]+)(?:x.*)?")
_NUMBER = re.compile(r"#?\d+(?:\.\d+)?")
_YES_NO = re.compile(r"\W*(yes|no)\b", re.IGNORECASE)
_SENTENCE = re.compile(r"(?<=[a-z\d)][.!?])\s+(?=[A-Z])|\n+")
_DENIAL = {"not", "without", "prohibit", "reject"}
_OPPOSED = (("minimum", "maximum"), ("above", "below"), ("before", "after"), ("allow", "prohibit"), ("more", "less"),
            ("increase", "decrease"), ("interior", "exterior"), ("wet", "dry"), ("over", "under"))  # fmt: skip


class Claims(Struct, frozen=True):
    """What an answer commits itself to: amounts by unit, yes or no, and its opening sentence in canonical words."""

    amounts: dict[str, frozenset[str]]
    stance: str
    opening: str


@lru_cache(maxsize=1 << 14)
def claims(response: str) -> Claims:
    """The claims of an answer."""
    amounts: dict[str, set[str]] = {}
    for word in normalise(response).split(" "):
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


@lru_cache(maxsize=1 << 16)
def disagree(a: str, b: str) -> bool:
    """Do two answers to one question contradict each other?

    They do when one says yes and the other no; when they give other amounts of a unit (no amount in common, or as many
    and each one of its own); or when opening sentences that are alike deny, turn round or replace what the other says.
    """
    one, other = claims(a), claims(b)
    if one.stance and other.stance:
        if one.stance != other.stance:
            return True
    elif _is_opposed(one.opening, other.opening):
        return True
    return any(_differ(amounts, other.amounts[unit]) for unit, amounts in one.amounts.items() if unit in other.amounts)


def _differ(a: frozenset[str], b: frozenset[str]) -> bool:
    return bool(a - b and b - a) and (not a & b or len(a) == len(b))


def _is_opposed(a: str, b: str) -> bool:
    words, others = set(a.split(" ")), set(b.split(" "))
    mine, theirs = words - others, others - words
    turned = (
        bool(any(map(_NUMBER.fullmatch, mine)) and any(map(_NUMBER.fullmatch, theirs)))
        or bool(words & _DENIAL) != bool(others & _DENIAL)
        or any((x in mine and y in theirs) or (y in mine and x in theirs) for x, y in _OPPOSED)
        or bool(mine & PRODUCTS and theirs & PRODUCTS)
    )
    return turned and similarity(a, b) >= ALIKE


def find(con: Connection, judged: str, eligible: str) -> None:
    """Make the table `contradicting` (`example_id`, `contradicts`): for an answer the best one that disagrees with it.

    `judged` is a relation of verdicts, `eligible` the condition on those whose answers may be trained on.
    """
    rows = con.execute(
        f"""SELECT j.cluster, j.example_id, e.response FROM (
                SELECT cluster, example_id, row_number() OVER (
                    PARTITION BY cluster ORDER BY rank DESC, occurred_at DESC, seq DESC) AS place
                FROM {judged} WHERE {eligible} QUALIFY count(*) OVER (PARTITION BY cluster) > 1 AND place <= {MEMBERS}
            ) j JOIN examples e USING (example_id) ORDER BY j.cluster, j.place"""
    ).fetchall()
    clusters: dict[int, list[tuple[str, str]]] = {}
    for cluster, example_id, response in rows:
        clusters.setdefault(cluster, []).append((example_id, response))
    found = [
        (example_id, other)
        for members in clusters.values()
        for example_id, response in members
        if (other := _opponent(response, members[:OPPONENTS])) is not None
    ]
    with_rows(
        con,
        {"example_id": "VARCHAR", "contradicts": "VARCHAR"},
        found,
        "CREATE OR REPLACE TEMP TABLE contradicting AS SELECT * FROM incoming",
    )


def _opponent(response: str, best: list[tuple[str, str]]) -> str | None:
    """The best example whose answer disagrees with this one."""
    for example_id, other in best:
        if other != response and disagree(min(response, other), max(response, other)):
            return example_id
    return None
