"""The vocabulary of a version of the rules: which word a word stands for, misspelt, inflected or abbreviated.

It is learnt from `vocabulary.toml`; a later version adds the tables of a file of its own.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib.resources import files
from itertools import chain, pairwise
from typing import NamedTuple

from ..policy.rules import FIRST, Rules
from .words import SOURCE, UNITS, VOCABULARY, entries, words

_ADDED = files("projections.policy").joinpath("vocabulary_2.toml").read_bytes()
VERSIONS: dict[Rules, str] = {
    1: f"wording-6-{hashlib.sha256(SOURCE).hexdigest()[:8]}",
    2: f"wording-7-{hashlib.sha256(SOURCE + _ADDED).hexdigest()[:8]}",
}
"""Raise the number where a rule of a version changes: normal forms, and with them signatures, are then made anew."""

_BRITISH = (("our", "or"), ("is", "iz"), ("lled", "led"), ("lling", "ling"), ("re", "er"), ("ae", "e"))
_PLURAL = re.compile("[^isu]s$")
_ENDING = re.compile("'(?:s|re|ve|ll|d|m)?$")

LONGEST_WORD = 64
"""Letters of a word that may be misspelt: trying every letter of a longer one costs time and memory by its square."""


def _inflections(word: str) -> Iterator[str]:
    """The regular plural and verb forms of a word."""
    stem = word[:-1] if word.endswith("e") else word
    yield from (word + "s", word + "es", stem + "ed", stem + "ing")
    if word.endswith("y"):
        yield from (word[:-1] + "ies", word[:-1] + "ied")
    if re.fullmatch(r"\w*[^aeiou\W][aeiou][bdgklmnprt]", word):
        yield from (word + word[-1] + "ed", word + word[-1] + "ing")


def _without_one(word: str) -> set[str]:
    return {word[:n] + word[n + 1 :] for n in range(1, len(word))}


def one_typo_apart(a: str, b: str) -> bool:
    """Is one letter after the first wrong, missing, too many or swapped with its neighbour?"""
    if abs(len(a) - len(b)) > 1 or a[0] != b[0]:
        return False
    n = next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    if len(a) != len(b):
        return a[n + 1 :] == b[n:] or a[n:] == b[n + 1 :]
    return a[n + 1 :] == b[n + 1 :] or (a[n : n + 2] == b[n : n + 2][::-1] and a[n + 2 :] == b[n + 2 :])


_ASKED = {"what", "which", "how", "where", "when", "why", "who"}
_STUMP = re.compile("[a-z]{2,3}(?:ing|ed)")
_VOWELS = str.maketrans("aeiou", "aaaaa")
_HISSING = re.compile("(?:[sxzoy]|[cs]h)$")
_SHORT = 4


class Phrase(NamedTuple):
    """Some words of a text and what stands for them: one word, or nothing."""

    words: tuple[str, ...]
    canonical: str


def _with_units(bases: list[str]) -> Iterator[str]:
    """Base words with each number and the unit behind it in one word, which they are not where it was misspelt."""
    number = ""
    for word in bases:
        if number:
            unit = UNITS.get(word)
            yield f"{number.removeprefix('#')}{unit}" if unit else number
            number = ""
            if unit:
                continue
        if word[-1].isdigit() and word.removeprefix("#").replace(".", "").isdigit():
            number = word
        else:
            yield word
    if number:
        yield number


class Vocabulary:
    """The words of a version of the rules.

    `canonical` says of a single word what stands for it, nothing where it carries no fact, and `phrases` has by their
    first two words the phrases that begin with them, longest first, and what stands for each. `terms` are the canonical
    terms of the field, `facts` those and the opposites, and `known` every word that is spelt right.
    """

    def __init__(self, rules: Rules) -> None:
        """Learn the tables, which takes a third of a second."""
        self.rules = rules
        self._spelt: set[str] = set()
        self._frequent: dict[str, list[str]] = {}  # by their first letter
        tables = VOCABULARY
        if rules != FIRST:
            added = tomllib.loads(_ADDED.decode())
            tables = {name: f"{table}\n{added.get(name, '')}" for name, table in tables.items()}
            kept = set(added["kept"].split())
            tables["stop"] = " ".join(word for word in tables["stop"].split() if word not in kept)
            tables["common"] += added["kept"]
            self._spelt = set(added["spelt"].split())
            for word in added["frequent"].split():
                self._frequent.setdefault(word[0], []).append(word)
        self._tables = tables
        self._meanings = [tables[name] for name in ("terms", "opposites", "kinds", "synonyms")]
        self._stops = set(tables["stop"].split())
        self._listed = [s for table in self._meanings for name, spellings in entries(table) for s in [name, *spellings]]
        self._own = {w for w in [*tables["common"].split(), *self._listed] if w.isalpha()}
        self._lexicon: dict[str, tuple[str, ...]] = {}  # a known word = the words it stands for
        self._learn()
        correct = self._lexicon.keys() - (self._stops - self._own)
        self._correct = sorted(w for w in correct if len(w) >= 5 and w.isalpha())
        self._made_up: set[str] = set()
        self._rank: dict[str, int] = {}  # of the words that others misspell the field's come first
        if rules != FIRST:
            self._spell()
        self._misspelt = cache(self._misspelling)
        self.bases = lru_cache(maxsize=1 << 17)(self._bases)
        self.canonical: dict[str, str] = {}
        self.phrases: dict[tuple[str, str], list[tuple[list[str], str]]] = {}
        self._settle()
        self.known = self._lexicon.keys() | self.canonical.keys()
        self.terms = {name.replace(" ", "") for name, _ in entries(tables["terms"])}
        self.facts = self.terms | {name.replace(" ", "") for name, _ in entries(tables["opposites"])}

    def _learn(self) -> None:
        lexicon = self._lexicon
        lexicon.update({word: (word,) for word in sorted(self._own | self._stops)})
        for word in sorted(self._own):
            for form in _inflections(word) if len(word) > 2 else ():
                lexicon.setdefault(form, (word,))
        for spelling in self._listed:
            parts = spelling.split()
            for part in parts:
                lexicon.setdefault(part, (part,))
            if len(parts) == 2:
                lexicon.setdefault("".join(parts), tuple(b for p in parts for b in lexicon[p]))
                lexicon.setdefault("".join(parts) + "s", lexicon["".join(parts)])
        for short, (long,) in entries(self._tables["abbreviations"]):
            lexicon[short] = tuple(base for word in long.split() for base in lexicon.get(word, (word,)))
        lexicon.update(dict.fromkeys(("a", "an", "the"), ()))
        for word in self._tables["common"].split():
            lexicon.setdefault(word.removesuffix("e") + "er", (word.removesuffix("e") + "er",))

    def _spell(self) -> None:
        """Learn words that are spelt right, and which ones others misspell rather than their neighbours."""
        meant = self._lexicon.items()
        self._made_up = {w for w, bases in meant if w.endswith("er") and bases == (w,)} - self._own
        self._made_up |= {w for w, bases in meant if w not in self._own and bases and _ASKED.issuperset(bases)}
        self._made_up |= {
            w for w, bases in meant if len(bases) == 1 and w == f"{bases[0]}es" and not _HISSING.search(bases[0])
        }
        self._made_up |= {w for w in self._lexicon if _STUMP.fullmatch(w) and w not in self._own}
        every = self._lexicon.keys() - self._made_up
        self._correct = sorted(w for w in every if len(w) >= 5 + (w in self._stops) and w.isalpha())
        singles = {*self._listed, *UNITS}
        parts = {part for spelling in self._listed for part in spelling.split()}
        self._rank = {w: 2 - parts.issuperset(bases) - singles.issuperset(bases) for w, bases in meant}
        for word in sorted(self._spelt.union(*self._frequent.values())):
            self._lexicon.setdefault(word, (word,))
            for form in _inflections(word):
                self._lexicon.setdefault(form, (word,))

    def _settle(self) -> None:
        phrases = [(s, "") for s in [*re.split("[;\n]", self._tables["stop_phrases"]), *sorted(self._stops)]]
        for table in self._meanings:
            phrases += [(s, name.replace(" ", "")) for name, spellings in entries(table) for s in [name, *spellings]]
        for spelling, canonical in phrases:
            bases = list(chain.from_iterable(map(self.bases, words(spelling))))
            if len(bases) == 1:
                self.canonical[bases[0]] = canonical
            elif bases:
                self.phrases.setdefault((bases[0], bases[1]), []).append((bases, canonical))
        if self.rules != FIRST:  # what is added holds in the place of what was there
            for phrases_alike in self.phrases.values():
                phrases_alike.reverse()
        for word in sorted(w for w in self._own if len(w) > 5):
            for n in range(3, len(word) - 2):
                start = word[:n], word[n:]
                if start not in self.phrases and start[0] in self._lexicon and start[1] in self._lexicon:
                    self.phrases[start] = [([*start], self.canonical.get(word, word))]
        for beginning_alike in self.phrases.values():
            beginning_alike.sort(key=lambda phrase: -len(phrase[0]))

    def phrased(self, words: list[str]) -> list[Phrase]:
        """Base words as phrases, the longest one first; a word that is in none stands for itself."""
        every: list[Phrase] = []
        done = 0
        for n, start in enumerate(pairwise(words)):
            if n >= done and start in self.phrases:
                for phrase, canonical in self.phrases[start]:
                    if words[n : n + len(phrase)] == phrase:
                        every += [Phrase((word,), word) for word in words[done:n]]
                        every.append(Phrase(tuple(phrase), canonical))
                        done = n + len(phrase)
                        break
        return every + [Phrase((word,), word) for word in words[done:]]

    def is_word(self, word: str) -> bool:
        """Whether a word is spelt as a known one."""
        return word in self._lexicon

    def base_words(self, text: str) -> list[str]:
        """The words that the words of a text stand for."""
        bases = list(chain.from_iterable(map(self.bases, words(text, self.rules))))
        if self.rules == FIRST or UNITS.keys().isdisjoint(bases):
            return bases
        return list(_with_units(bases))

    def _misspelling(self, first: str) -> dict[str, list[str]]:
        """A known word that begins with this letter, with one of the others left out = the words it may be."""
        meant_by: dict[str, list[str]] = {}
        for known in self._correct:
            if known[0] == first:
                for short in _without_one(known):
                    meant_by.setdefault(short, []).append(known)
        return meant_by

    def _corrected(self, word: str) -> str | None:
        """The known word that this one misspells by one letter, the most alike first; None where there is none."""
        shorter, misspelt = _without_one(word), self._misspelt(word[0])
        candidates = {w for s in [*shorter, word] for w in misspelt.get(s, ())}
        candidates |= {s for s in shorter if s in self._lexicon and s not in self._made_up}
        near = [w for w in candidates if len(w) >= 5 and one_typo_apart(word, w)]
        return min(near, key=lambda w: self._distance(word, w), default=None)

    def _distance(self, word: str, known: str) -> tuple[bool | int | str, ...]:
        """What orders the words that one may misspell."""
        return self._rank.get(known, 0), sorted(known) != sorted(word), set(known) != set(word), -len(known), known

    def _bases(self, word: str) -> tuple[str, ...]:  # noqa: PLR0911, PLR0912
        """The uninflected, correctly spelt words that a word stands for; the word itself where it is not known."""
        if (known := self._lexicon.get(word)) is not None:
            return known
        if word.endswith("n't"):
            return (*self.bases(word[:-3]), "not")
        if "'" in word or "/" in word:
            return self.bases(_ENDING.sub("", word).replace("'", "").replace("/", ""))
        if len(word) == 1:
            return (f"#{word}",)
        if len(word) > LONGEST_WORD or not (word.isascii() and word.isalpha()):
            return (word,)
        if self.rules != FIRST and (meant := self._undoubled(word) or self._short(word)) is not None:
            return meant
        if len(word) < 4:
            return (word,)
        for british, american in _BRITISH:
            if (spelling := word.replace(british, american)) != word and spelling in self._lexicon:
                return self._lexicon[spelling]
        if self.rules == FIRST and (parts := self._parted(word)) is not None:
            return parts
        if (corrected := self._corrected(word)) is not None:
            return self._lexicon[corrected]
        if self.rules != FIRST and (parts := self._parted(word) or self._swapped(word)) is not None:
            return parts
        if word.endswith("ies"):
            return (word[:-3] + "y",)
        return (word[: -2 if word.endswith(("sses", "shes", "ches", "xes")) else -1] if _PLURAL.search(word) else word,)

    def _parted(self, word: str) -> tuple[str, ...] | None:
        """The words that two known ones stand for which are written as one."""
        for n in range(len(word) - 3, 2, -1) if len(word) >= 7 else ():
            if word[:n] in self._lexicon and word[n:] in self._lexicon:
                return self._lexicon[word[:n]] + self._lexicon[word[n:]]
        return None

    def _short(self, word: str) -> tuple[str, ...] | None:
        """What a frequent short word stands for that this one writes with a letter too few, swapped or wrong."""
        for known in self._frequent.get(word[0], ()) if len(word) <= _SHORT else ():
            is_vowel_wrong = len(known) == len(word) and word.translate(_VOWELS) == known.translate(_VOWELS)
            if is_vowel_wrong or (len(known) > len(word) and one_typo_apart(word, known)):
                return self._lexicon[known]
        return self._swapped(word) if 2 < len(word) <= _SHORT else None

    def _undoubled(self, word: str) -> tuple[str, ...] | None:
        """What a known word stands for of which this one doubles a letter."""
        once = (word[:n] + word[n + 1 :] for n, (a, b) in enumerate(pairwise(word)) if a == b)
        return next((self._lexicon[w] for w in once if w in self._lexicon and w not in self._made_up), None)

    def _swapped(self, word: str) -> tuple[str, ...] | None:
        """What a known word stands for of which this one swaps two neighbouring letters, the first one included."""
        swapped = (word[:n] + b + a + word[n + 2 :] for n, (a, b) in enumerate(pairwise(word)))
        return next((self._lexicon[w] for w in swapped if w != word and w in self._lexicon), None)


@cache
def vocabulary(rules: Rules) -> Vocabulary:
    """The vocabulary of a version, learnt when it is first asked for."""
    return Vocabulary(rules)
