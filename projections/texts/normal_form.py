"""The normal form of a prompt, in which surface edits vanish, and its facts, which no edit may change.

The normal form is a line of canonical words. Words that carry no fact (articles, courtesies, auxiliaries) are gone;
spelling, inflection, units, abbreviations and the field's synonyms are settled; digits carry their unit ("60mil").
Facts are a function of the normal form, so two prompts with one normal form always have the same facts.
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import chain, pairwise
from operator import itemgetter

from .words import SOURCE, VOCABULARY, entries, words

VERSION = f"wording-6-{hashlib.sha256(SOURCE).hexdigest()[:8]}"
"""Raise its number when a rule here changes: normal forms, and with them signatures, are then made anew."""

_BRITISH = (("our", "or"), ("is", "iz"), ("lled", "led"), ("lling", "ling"), ("re", "er"), ("ae", "e"))
_PLURAL = re.compile("[^isu]s$")
_ENDING = re.compile("'(?:s|re|ve|ll|d|m)?$")


def _inflections(word: str) -> Iterator[str]:
    """The regular plural and verb forms of a word."""
    stem = word[:-1] if word.endswith("e") else word
    yield from (word + "s", word + "es", stem + "ed", stem + "ing")
    if word.endswith("y"):
        yield from (word[:-1] + "ies", word[:-1] + "ied")
    if re.fullmatch(r"\w*[^aeiou\W][aeiou][bdgklmnprt]", word):
        yield from (word + word[-1] + "ed", word + word[-1] + "ing")


_TABLES = (VOCABULARY["terms"], VOCABULARY["opposites"], VOCABULARY["kinds"], VOCABULARY["synonyms"])
_STOPS = set(VOCABULARY["stop"].split())
_LISTED = [s for table in _TABLES for name, spellings in entries(table) for s in [name, *spellings]]
_OWN = {w for w in [*VOCABULARY["common"].split(), *_LISTED] if w.isalpha()}
_LEXICON: dict[str, tuple[str, ...]] = {}
"""Known word = the words it stands for: itself, its uninflected form, or the parts of a compound."""


def _learn() -> None:
    _LEXICON.update({word: (word,) for word in sorted(_OWN | _STOPS)})
    for word in sorted(_OWN):
        for form in _inflections(word) if len(word) > 2 else ():
            _LEXICON.setdefault(form, (word,))
    for spelling in _LISTED:
        parts = spelling.split()
        for part in parts:
            _LEXICON.setdefault(part, (part,))
        if len(parts) == 2:
            _LEXICON.setdefault("".join(parts), tuple(b for p in parts for b in _LEXICON[p]))
            _LEXICON.setdefault("".join(parts) + "s", _LEXICON["".join(parts)])
    for short, (long,) in entries(VOCABULARY["abbreviations"]):
        _LEXICON[short] = tuple(base for word in long.split() for base in _LEXICON.get(word, (word,)))
    _LEXICON.update(dict.fromkeys(("a", "an", "the"), ()))
    for word in VOCABULARY["common"].split():
        _LEXICON.setdefault(word.removesuffix("e") + "er", (word.removesuffix("e") + "er",))


def _without_one(word: str) -> set[str]:
    return {word[:n] + word[n + 1 :] for n in range(1, len(word))}


LONGEST_WORD = 64
"""Letters of a word that may be misspelt: trying every letter of a longer one costs time and memory by its square."""

_learn()
_CORRECT = sorted(w for w in _LEXICON.keys() - (_STOPS - _OWN) if len(w) >= 5 and w.isalpha())
"""Words that another may misspell."""


@cache
def _misspelt(first: str) -> dict[str, list[str]]:
    """A known word that begins with this letter, with one of the others left out = the words it may be."""
    meant_by: dict[str, list[str]] = {}
    for known in _CORRECT:
        if known[0] == first:
            for short in _without_one(known):
                meant_by.setdefault(short, []).append(known)
    return meant_by


def _one_typo_apart(a: str, b: str) -> bool:
    """Is one letter after the first wrong, missing, too many or swapped with its neighbour?"""
    if abs(len(a) - len(b)) > 1 or a[0] != b[0]:
        return False
    n = next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    if len(a) != len(b):
        return a[n + 1 :] == b[n:] or a[n:] == b[n + 1 :]
    return a[n + 1 :] == b[n + 1 :] or (a[n : n + 2] == b[n : n + 2][::-1] and a[n + 2 :] == b[n + 2 :])


def _corrected(word: str) -> str | None:
    """The known word that this one misspells by one letter, the most alike first; None where there is none."""
    shorter, misspelt = _without_one(word), _misspelt(word[0])
    candidates = {w for s in [*shorter, word] for w in misspelt.get(s, ())} | {s for s in shorter if s in _LEXICON}
    near = [w for w in candidates if len(w) >= 5 and _one_typo_apart(word, w)]
    return min(near, key=lambda w: (sorted(w) != sorted(word), set(w) != set(word), -len(w), w), default=None)


@lru_cache(maxsize=1 << 17)
def _bases(word: str) -> tuple[str, ...]:  # noqa: PLR0911
    """The uninflected, correctly spelt words that a word stands for; the word itself where it is not known."""
    if (known := _LEXICON.get(word)) is not None:
        return known
    if word.endswith("n't"):
        return (*_bases(word[:-3]), "not")
    if "'" in word or "/" in word:
        return _bases(_ENDING.sub("", word).replace("'", "").replace("/", ""))
    if len(word) == 1:
        return (f"#{word}",)
    if not 4 <= len(word) <= LONGEST_WORD or not (word.isascii() and word.isalpha()):
        return (word,)
    for british, american in _BRITISH:
        if (spelling := word.replace(british, american)) != word and spelling in _LEXICON:
            return _LEXICON[spelling]
    for n in range(len(word) - 3, 2, -1) if len(word) >= 7 else ():
        if word[:n] in _LEXICON and word[n:] in _LEXICON:
            return _LEXICON[word[:n]] + _LEXICON[word[n:]]
    if (corrected := _corrected(word)) is not None:
        return _LEXICON[corrected]
    if word.endswith("ies"):
        return (word[:-3] + "y",)
    return (word[: -2 if word.endswith(("sses", "shes", "ches", "xes")) else -1] if _PLURAL.search(word) else word,)


def _base_words(text: str) -> list[str]:
    return list(chain.from_iterable(map(_bases, words(text))))


_CANONICAL: dict[str, str] = {}
"""Single word = its canonical word, empty where it carries nothing."""
_PHRASES: dict[tuple[str, str], list[tuple[list[str], str]]] = {}
"""First two words = the phrases that begin with them, longest first, and their canonical words."""


def _settle() -> None:
    phrases = [(stop, "") for stop in [*re.split("[;\n]", VOCABULARY["stop_phrases"]), *sorted(_STOPS)]]
    for table in _TABLES:
        phrases += [(s, name.replace(" ", "")) for name, spellings in entries(table) for s in [name, *spellings]]
    for spelling, canonical in phrases:
        words = _base_words(spelling)
        if len(words) == 1:
            _CANONICAL[words[0]] = canonical
        elif words:
            _PHRASES.setdefault((words[0], words[1]), []).append((words, canonical))
    for word in sorted(w for w in _OWN if len(w) > 5):
        for n in range(3, len(word) - 2):
            if (start := (word[:n], word[n:])) not in _PHRASES and word[:n] in _LEXICON and word[n:] in _LEXICON:
                _PHRASES[start] = [([*start], _CANONICAL.get(word, word))]
    for beginning_alike in _PHRASES.values():
        beginning_alike.sort(key=lambda phrase: -len(phrase[0]))


_settle()
PRODUCTS = {"tpo", "epdm", "pvc", "kee", "modbit", "sbs", "app", "polyiso", "eps", "xps", "mineralwool"}
"""Membranes and insulations, of which one is never another."""
_MISSPELT_WORDS = 8
"""Misspelt words up to which two texts may be one; it also bounds the work for two long texts."""
_KNOWN = _LEXICON.keys() | _CANONICAL.keys()
_TERMS = {name.replace(" ", "") for name, _ in entries(VOCABULARY["terms"])}
_FACTS = _TERMS | {name.replace(" ", "") for name, _ in entries(VOCABULARY["opposites"])}
_QUESTION = {"what", "which", "how", "where", "when", "why", "who"}
_WHETHER = {"am", "are", "can", "could", "do", "does", "is", "may", "must", "should", "will", "would"}
_MODAL = {"can", "should", "must"}
_ASKED_WHETHER = {"require": "must", "allow": "can"}
"""What "is it required" and "are they allowed" ask, in the words of "must it" and "can they"."""
_PAST = {"did", "was", "were", "had"}
_ASKED = {"howmany", "howmuch", "howlong", "how", "why", "where", "who", "when"}
_MEASURED = {"cost", "weight", "thickness", "width", "depth", "height", "size"}
_DIRECTION = {"over", "under", "above", "below", "before", "after", "than", "from"}
_PAIRS = {"new": "existing", "upper": "lower", "wet": "dry", "interior": "exterior", "first": "second", "top": "bottom"}
"""Qualities that one question gives to two things: which has which is a fact."""
_RULES = {
    "ibc",
    "irc",
    "iecc",
    "nrca",
    "smacna",
    "ansi",
    "osha",
    "astm",
    "fm",
    "ul",
    "epa",
    "warranty",
    "specification",
}
"""Words after "under" that name a rule, not a place: "under warranty"."""


def _canonical(words: list[str]) -> list[str]:
    """The canonical word of each phrase or word, the longest phrase first; none for what carries nothing."""
    canonical_words: list[str] = []
    done = 0
    for n, start in enumerate(pairwise(words)):
        if n >= done and start in _PHRASES:
            for phrase, canonical in _PHRASES[start]:
                if words[n : n + len(phrase)] == phrase:
                    canonical_words += [*words[done:n], canonical]
                    done = n + len(phrase)
                    break
    canonical_words += words[done:]
    return [canonical for word in canonical_words if (canonical := _CANONICAL.get(word, word))]


def normalise(prompt: str) -> str:
    """The normal form: canonical words of two letters or more, one space apart; never empty."""
    words = _base_words(prompt)
    kept = _canonical(words)
    if _QUESTION.isdisjoint(words) and not (_WHETHER | _PAST).isdisjoint(words):
        kept = [_ASKED_WHETHER.get(word, word) for word in kept]
        if not _PAST.isdisjoint(words):
            kept.append("did")
    else:
        # "What slope should I use" and "what is the slope" ask the same; "should I" and "can I" do not.
        kept = [word for word in kept if word not in _MODAL]
    if "howmuch" in kept and not _MEASURED.isdisjoint(kept):
        kept.remove("howmuch")
    kept = kept or [word if len(word) > 1 else f"#{word}" for word in words or prompt.lower().split()]
    return " ".join(kept) or "##"


def facts(normal: str) -> frozenset[str]:
    """What two prompts must share to be one: numbers, opposites, terms of the field, and the kind of question.

    Of a normal form. Where a word such as "over" or "from" relates two terms, their order is a fact too.
    """
    words = normal.split(" ")
    kept = {w for w in words if w in _FACTS or w in _ASKED or w in _MODAL or w == "did" or not w.isalpha()}
    if "howmany" in kept:
        counted = [word for word in words[words.index("howmany") + 1 :] if word not in PRODUCTS][:1]
        kept |= {f"howmany {word}" for word in counted if word in _LEXICON}
    kept.update(_qualified(words, kept))
    return frozenset(kept.union(_ordered(words)) if not _DIRECTION.isdisjoint(words) else kept)


def _qualified(words: list[str], known: set[str]) -> Iterator[str]:
    """Each of two opposite qualities with the term that follows it, where a text has both."""
    for pair in _PAIRS.items():
        if known.issuperset(pair):
            following = ""
            for word in reversed(words):
                if word in pair:
                    yield f"{word} {following or word}"
                if word in pair or word in _TERMS:
                    following = word


def _ordered(words: list[str]) -> Iterator[str]:
    terms = [n for n, word in enumerate(words) if word in _TERMS]
    named = [n for n, word in enumerate(words) if word in _TERMS or not word.isalpha()]
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


_INITIAL = itemgetter(0)


@lru_cache(maxsize=1 << 15)
def _word_set(normal: str) -> frozenset[str]:
    return frozenset(normal.split(" "))


def reworded(a: str, b: str) -> bool:
    """Has each normal form a word of its own that is neither a misspelling nor a compound of the other's words?"""
    words_a, words_b = _word_set(a), _word_set(b)
    left, right = words_a - words_b, words_b - words_a
    if len(left) > len(right):
        left, right = right, left
    if len(left) > _MISSPELT_WORDS or not {*map(_INITIAL, right)}.issuperset(map(_INITIAL, left)):
        return True
    rest = sorted(right)
    for word in sorted(left):
        alike = [w for w in rest if w[0] == word[0]]
        same = next(([w] for w in alike if _one_typo_apart(word, w) and not (word in _KNOWN and w in _KNOWN)), None)
        same = same or next(
            ([w, word[len(w) :]] for w in alike if word.startswith(w) and word[len(w) :] in right), None
        )
        if same is None:
            return True
        rest = [w for w in rest if w not in same]
        right -= {*same}
    return False
