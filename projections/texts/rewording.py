"""Rewording: whether one normal form says in other words what another one says, and which words are the same."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from operator import itemgetter

from ..policy.rules import FIRST, LATEST, Rules
from .vocabulary import Vocabulary, one_typo_apart, vocabulary

_MISSPELT_WORDS = 8
"""Misspelt words up to which two texts may be one; it also bounds the work for two long texts."""
_ABBREVIATED, _CUT_OFF = 3, 2
"""Letters of an abbreviation at least, and letters that it leaves out at least."""
_LONG = 8
"""Letters of words in which two may be wrong."""

_INITIAL = itemgetter(0)


@lru_cache(maxsize=1 << 15)
def _word_set(normal: str) -> frozenset[str]:
    return frozenset(normal.split(" "))


def reworded(a: str, b: str, rules: Rules = LATEST) -> bool:
    """Has each normal form a word of its own that is neither a misspelling nor a compound of the other's words?"""
    return alike(a, b, rules) is None


def alike(a: str, b: str, rules: Rules = LATEST) -> str | None:
    """The first of two normal forms with what it misspells as the other one spells it; None where they are reworded."""
    known = vocabulary(rules)
    words_a, words_b = _word_set(a), _word_set(b)
    left, right = words_a - words_b, words_b - words_a
    is_turned = len(left) > len(right)
    if is_turned:
        left, right = right, left
    if len(left) > _MISSPELT_WORDS or not {*map(_INITIAL, right)}.issuperset(map(_INITIAL, left)):
        return None
    if rules != FIRST and _repeats(a, b):
        return None
    pairs: dict[str, list[str]] = {}
    rest = sorted(right)
    for word in sorted(left):
        near = [w for w in rest if w[0] == word[0]]
        same = next(([w] for w in near if _is_misspelt(word, w, known)), None)
        same = same or next(([w, word[len(w) :]] for w in near if word.startswith(w) and word[len(w) :] in right), None)
        if same is None:
            return None
        rest = [w for w in rest if w not in same]
        right -= {*same}
        pairs[word] = same
    if rules == FIRST or not pairs:
        return a
    if is_turned:
        pairs = {w: [word] for word, same in pairs.items() for w in same[:1]} | {
            w: [] for same in pairs.values() for w in same[1:]
        }
    return " ".join(w for word in a.split(" ") for w in pairs.get(word, [word]))


def _repeats(a: str, b: str) -> bool:
    """Whether each says a word more often, so that one of them may stand in the place of the other's."""
    if a.count(" ") + 1 == len(_word_set(a)) and b.count(" ") + 1 == len(_word_set(b)):
        return False
    counts_a, counts_b = Counter(a.split(" ")), Counter(b.split(" "))
    more_a, more_b = counts_a - counts_b, counts_b - counts_a
    is_repeated = any(counts_b[word] for word in more_a) or any(counts_a[word] for word in more_b)
    return bool(is_repeated and more_a and more_b)


def _is_misspelt(a: str, b: str, known: Vocabulary) -> bool:
    if a in known.known and b in known.known:
        return False
    if one_typo_apart(a, b) or known.rules == FIRST:
        return one_typo_apart(a, b)
    short, long = sorted((a, b), key=len)
    is_cut_off = len(long) - len(short) >= _CUT_OFF and len(short) >= _ABBREVIATED and long.startswith(short)
    if is_cut_off and short not in known.known:
        return True
    return len(short) >= _LONG and short.isalpha() and long.isalpha() and _two_typos_apart(a, b)


def _two_typos_apart(a: str, b: str) -> bool:
    """Are two words the same but for two letters that are wrong, missing or swapped, at any two places?"""
    start = next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    a, b = a[start:], b[start:]
    rests = [(a[1:], b[1:]), (a, b[1:]), (a[1:], b)]
    if a[:2] == b[1::-1]:
        rests.append((a[2:], b[2:]))
    return any(x == y or one_typo_apart(f" {x}", f" {y}") for x, y in rests)
