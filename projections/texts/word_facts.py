"""The facts of a normal form: what two prompts must share to be one question."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator

from ..policy.rules import FIRST, LATEST, Rules
from .normal_form import ASKED, MODAL, PRODUCTS
from .vocabulary import Vocabulary, vocabulary

_DIRECTION = {"over", "under", "above", "below", "before", "after", "than", "from"}
_PAIRS = {"new": "existing", "upper": "lower", "wet": "dry", "interior": "exterior", "first": "second", "top": "bottom"}
"""Qualities that one question gives to two things: which has which is a fact."""
_MORE_PAIRS = _PAIRS | {
    **{"vented": "seal", "hot": "cold", "warm": "cold", "white": "black", "smooth": "granulated", "adhered": "attach"},
    **{"long": "short", "thick": "thin", "internal": "external", "vertical": "horizontal", "high": "low"},
    **{"steep": "flat", "residential": "commercial", "north": "south", "east": "west", "single": "double"},
    **{"opencell": "closedcell", "wood": "steel", "primary": "overflow", "factory": "field", "labor": "material"},
    **{"positive": "negative", "temporary": "permanent", "left": "right", "rigid": "flexible", "large": "small"},
    **{"active": "passive", "fixed": "portable", "static": "dynamic", "reinforced": "unreinforced", "hard": "soft"},
}
_QUALITIES = {word for pair in _MORE_PAIRS.items() for word in pair}
_CHANGES = {"convert", "change", "switch", "replace", "transition", "substitute", "upgrade", "swap"}
"""What is done to one thing so that it becomes another: which is which is a fact."""
_MOMENTS = {"before", "after"}
_DONE = {"install", "apply", "add", "put", "place", "start", "begin", "do"}
"""What is done to whatever follows: "before installing a drain" is before the drain."""
_RULES = {
    *("ibc", "irc", "iecc", "nrca", "smacna", "ansi", "osha", "astm", "fm", "ul", "epa"),
    *("warranty", "specification"),
}
"""Words after "under" that name a rule, not a place: "under warranty"."""


def facts(normal: str, rules: Rules = LATEST) -> frozenset[str]:
    """The facts of a normal form: numbers, opposites, terms of the field, and the kind of question.

    Where a word such as "over" or "from" relates two terms, how it does is a fact too.
    """
    known, words = vocabulary(rules), normal.split(" ")
    kept = {w for w in words if w in known.facts or w in ASKED or w in MODAL or w == "did" or not w.isalpha()}
    if "howmany" in kept:
        counted = [word for word in words[words.index("howmany") + 1 :] if word not in PRODUCTS][:1]
        kept |= {f"howmany {word}" for word in counted if known.is_word(word)}
    if rules == FIRST:
        kept.update(_qualified(words, kept, known))
        return frozenset(kept.union(_ordered(words, known)) if not _DIRECTION.isdisjoint(words) else kept)
    kept -= {"from"}
    kept.update(_given(words))
    if not _DIRECTION.isdisjoint(words):
        kept.update(_objects(words, known))
    if not _CHANGES.isdisjoint(words):
        kept.update(_changed(words, known))
    return frozenset(kept)


def _qualified(words: list[str], facts: set[str], known: Vocabulary) -> Iterator[str]:
    """Each of two opposite qualities with the term that follows it, where a text has both."""
    for pair in _PAIRS.items():
        if facts.issuperset(pair):
            following = ""
            for word in reversed(words):
                if word in pair:
                    yield f"{word} {following or word}"
                if word in pair or word in known.terms:
                    following = word


def _ordered(words: list[str], known: Vocabulary) -> Iterator[str]:
    terms = [n for n, word in enumerate(words) if word in known.terms]
    named = [n for n, word in enumerate(words) if word in known.terms or not word.isalpha()]
    for n, word in enumerate(words):
        if word == "from":
            at = bisect_right(named, n)
            yield " ".join(["from", *(words[m] for m in named[at : at + 2])])
        elif word in _DIRECTION:
            last, following = bisect_left(terms, n) - 1, bisect_right(terms, n)
            if last >= 0 and following < len(terms):
                before, after = words[terms[last]], words[terms[following]]
                if before != after and after not in _RULES:
                    yield f"{before} {word} {after}"


def _given(words: list[str]) -> Iterator[str]:
    """The same by the second rules: each of two opposite qualities with the word that it is said of."""
    present = _QUALITIES.intersection(words)
    if len(present) > 1 and "from" in words:
        yield from (f"from {word}" for word in words[words.index("from") + 1 :][:1] if word in present)
    for pair in _MORE_PAIRS.items() if len(present) > 1 else ():
        if present.issuperset(pair):
            following = ""
            for word in reversed(words):
                if word in pair:
                    yield f"{word} {following}"
                else:
                    following = word


def _objects(words: list[str], known: Vocabulary) -> Iterator[str]:
    """Each word of a direction with its object, where a text names another thing too: "over bur"."""
    terms = {word for word in words if word in known.terms}
    for n, word in enumerate(words):
        if word in _DIRECTION and word != "from":
            reach = 2 if word not in _MOMENTS or _DONE.intersection(words[n + 1 : n + 2]) else 1
            behind = next((w for w in words[n + 1 : n + 1 + reach] if w in terms), None)
            if behind is not None and behind not in _RULES and len(terms) > 1:
                yield f"{word} {behind}"


def _changed(words: list[str], known: Vocabulary) -> Iterator[str]:
    named = [word for word in words if word in known.facts or word in _QUALITIES]
    yield " ".join(["change", *list(dict.fromkeys(named))[:2]])
