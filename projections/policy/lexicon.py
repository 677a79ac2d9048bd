"""How much a text is about roofing, and which topics it touches: a weighted lexicon.

Alternations of all phrases find the terms; their weights give score, context and tags.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import Annotated, Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from msgspec import Meta, Struct

from events.errors import InputError

from .alternations import DROPPED, alternation, compiled, form_pattern, key, places, plural

Tag = Annotated[str, Meta(pattern=r"\A[a-z0-9-]{1,40}\Z")]
"""A topic: lower-case letters, digits and hyphens."""

Phrase = Annotated[str, Meta(pattern=r"\A[a-z0-9#][a-z0-9#&./:']*(?: [a-z0-9#&./:']+)*\Z", max_length=60)]
"""Lower-case words; a space stands for any separator or none, `#` for any digit."""

RIVAL_COST = 2
"""What each distinct rival word takes off the context; the weight of one good roofing word."""

SPELLINGS = 1 << 14
"""Spellings of words that are kept in memory with what they mean: few are nearly all that texts hold."""


class LexiconError(InputError):
    """A lexicon document that cannot be used; the message names the entry and what to change."""


class Term(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One thing a roofer says: `weight` 3 is unmistakable, 2 is usual, 1 is an everyday word.

    `also` lists other ways to write it. An `ambiguous` term gives its tags only beside a roofing word of weight 2 or
    more; a `neutral` one is a word of every trade and never counts as company for a roofing word.
    """

    term: Phrase
    weight: Annotated[int, Meta(ge=1, le=3)]
    tags: tuple[Tag, ...] = ()
    also: tuple[Phrase, ...] = ()
    plural: bool = True
    ambiguous: bool = False
    neutral: bool = False

    @property
    def forms(self) -> tuple[str, ...]:
        """Every way to write the term, plurals included."""
        written = (self.term, *self.also)
        plurals = tuple(plural(form) for form in written if self.plural and form[-1].isalpha())
        return tuple(dict.fromkeys(written + plurals))


class Lexicon(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, dict=True):
    """The roofing words with their weights, the words of other fields (`rivals`), and phrases to step over."""

    terms: Annotated[tuple[Term, ...], Meta(min_length=1)]
    rivals: tuple[Phrase, ...] = ()
    ignored: tuple[Phrase, ...] = ()

    @cached_property
    def rival_forms(self) -> frozenset[str]:
        """Every way to write a rival word, plurals included."""
        return frozenset(form for word in self.rivals for form in (word, plural(word)))

    @cached_property
    def ignored_forms(self) -> frozenset[str]:
        """Every way to write a phrase that is stepped over, plurals included."""
        return frozenset(form for phrase in self.ignored for form in (phrase, plural(phrase)))

    @cached_property
    def meanings(self) -> Meanings:
        """What its words mean, as columns."""
        return Meanings(self)

    @cached_property
    def expression(self) -> Any:
        """What finds all forms in lower-case UTF-8, see `alternation`."""
        return compiled(self.pattern)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON."""
        return hashlib.sha256(msgspec.json.encode(self, order="sorted")).hexdigest()

    @cached_property
    def pattern(self) -> str:
        """The alternation of all forms."""
        return alternation({form for term in self.terms for form in term.forms} | self.rival_forms | self.ignored_forms)


def check(lexicon: Lexicon) -> None:
    """Raise LexiconError where a phrase stands twice or belongs to two entries."""
    names = [(f"lexicon.terms: the term {term.term!r}", [term.term, *term.also]) for term in lexicon.terms]
    names += [("lexicon.terms", [term.term for term in lexicon.terms])]
    for where, phrases in [*names, ("lexicon.rivals", lexicon.rivals), ("lexicon.ignored", lexicon.ignored)]:
        if twice := [phrase for phrase, count in Counter(phrases).items() if count > 1]:
            raise LexiconError(f"{where} has {twice[0]!r} twice; keep it once")
    owner: dict[str, str] = {}
    roles = [(term.term, term.forms) for term in lexicon.terms]
    roles += [("rivals", tuple(sorted(lexicon.rival_forms))), ("ignored", tuple(sorted(lexicon.ignored_forms)))]
    for name, forms in roles:
        for form in forms:
            if owner.setdefault(key(form), name) != name:
                other = owner[key(form)]
                raise LexiconError(f"lexicon: {form!r} belongs to both {other!r} and {name!r}; keep it in one")


NOWHERE = "a^"
"""A pattern that no text matches."""

WIDEST_DIFFERENCE = 10_000
"""Characters of a pattern from which on it is no cheaper to look for the difference than to analyse anew."""


def difference(one: Lexicon, other: Lexicon) -> str | None:
    """An RE2 pattern that every (lower-case) text matches of which the two may say different things; None: any text.

    Where no form of an entry that differs occurs, both alternations find the same words at the same places.
    """
    entries = [
        {(term.term, term): term.forms for term in lexicon.terms}
        | {("rivals", form): (form,) for form in lexicon.rival_forms}
        | {("ignored", form): (form,) for form in lexicon.ignored_forms}
        for lexicon in (one, other)
    ]
    differing = entries[0].keys() ^ entries[1].keys()
    forms = {form for entry in differing for form in (entries[0].get(entry) or entries[1][entry])}
    written = sorted({*forms, *(form + "s" for form in forms), *(form.removesuffix("s") for form in forms)})
    pattern = rf"\b(?:{'|'.join(map(form_pattern, written))})\b" if forms else NOWHERE
    return pattern if len(pattern) <= WIDEST_DIFFERENCE else None


def said(prompt: str, response: str | None) -> bytes:
    """The text that is rated, in UTF-8: in lower case, and a blank to fill in ends a word.

    Of all letters only "İ" and the Kelvin sign become ASCII in lower case, and no pattern matches anything else.
    """
    text = f"{prompt} | {response or ''}".replace("İ", "i").lower()
    return text.replace("__", " ").replace(" _", " ").encode()


SAID = "replace(replace(lower(coalesce(prompt, '') || ' | ' || coalesce(response, '')), '__', ' '), ' _', ' ')"
"""The same in SQL, for a text that is analysed already."""


class Meanings:
    """The words of a lexicon, terms before rivals, with a number each and what it means as columns by number.

    `tag_of[first_tag[w] : first_tag[w] + tags[w]]` are the tags of word `w`, as numbers in `tag_names`.
    """

    def __init__(self, lexicon: Lexicon) -> None:
        terms = sorted(lexicon.terms, key=lambda term: term.term)
        self.number = {key(form): n for n, term in enumerate(terms) for form in term.forms}
        for n, rival in enumerate(lexicon.rivals, len(terms)):
            self.number |= dict.fromkeys(map(key, (rival, plural(rival))), n)
        self.word = lru_cache(SPELLINGS)(self._word)
        others = np.zeros(len(lexicon.rivals), np.int64)
        self.terms = len(terms)
        self.weight = np.append([term.weight for term in terms], others)
        self.strength = np.append([term.weight * (term.weight > 1) for term in terms], others - RIVAL_COST)
        self.is_company = np.append([term.weight == 1 and not term.neutral for term in terms], others).astype(np.bool_)
        self.is_ambiguous = np.append([term.ambiguous for term in terms], others).astype(np.bool_)
        tags = sorted({tag for term in terms for tag in term.tags})
        self.tag_names = pa.array(tags, pa.string())
        self.tags = np.append([len(term.tags) for term in terms], others)
        self.first_tag = np.cumsum(self.tags) - self.tags
        self.tag_of = np.array([tags.index(tag) for term in terms for tag in term.tags], np.int64)

    @property
    def words(self) -> int:
        """How many there are."""
        return len(self.weight)

    def _word(self, match: bytes) -> int | None:
        """The number of the word that a pattern matched, None for a phrase that is stepped over."""
        return self.number.get(key(match.decode()))


def rate(lexicon: Lexicon, texts: Sequence[bytes]) -> dict[str, pa.Array]:
    """Rate texts as `said` makes them, in their order.

    `score` is the sum of the weights of distinct terms. `context` counts the weights of terms of weight 2 and 3, plus 1
    if any everyday word is beside them, less RIVAL_COST for each distinct word of another field. `tags` are sorted and
    distinct. The policy's thresholds are applied later: changing them rates nothing anew.
    """
    means, count = lexicon.meanings, len(texts)
    pairs = [
        number * means.words + meant
        for number, text in enumerate(texts)
        for start, end in places(lexicon.expression, text)
        if (meant := means.word(text[start:end])) is not None
    ]
    row, word = np.divmod(_distinct(np.array(pairs, np.int64)), means.words)

    def summed(values: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        return np.bincount(row, values[word], count).astype(np.int64)

    strength = summed(means.strength)
    is_meant = (word < means.terms) & ((strength[row] >= 2) | ~means.is_ambiguous[word])
    has_tags = means.tags[word[is_meant]]
    at = np.repeat(means.first_tag[word[is_meant]], has_tags) + _counted(has_tags)
    names = max(1, len(means.tag_names))
    tagged, tag = np.divmod(_distinct(np.repeat(row[is_meant], has_tags) * names + means.tag_of[at]), names)
    return {
        "score": pa.array(summed(means.weight)),
        "context": pa.array(strength + (summed(means.is_company) > 0)),
        "tags": _lists(count, tagged, means.tag_names.take(pa.array(tag))),
    }


def matched(lexicon: Lexicon, text: bytes) -> list[str]:
    """The words of a text, as `said` makes it, that count as terms: in their order, each once, at most MOST_MATCHED.

    A word in another spelling or in the plural is the same word.
    """
    means = lexicon.meanings
    words: dict[str, str] = {}
    for start, end in places(lexicon.expression, text):
        number = means.word(text[start:end])
        if number is not None and number < means.terms:
            word = " ".join(text[start:end].decode().split())
            name = "".join(c for c in word if c not in DROPPED)
            words.setdefault(name.removesuffix("s"), word)
    return list(words.values())[:MOST_MATCHED]


MOST_MATCHED = 100
"""Matched words of one text that are told: people read them."""


def _distinct(values: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The distinct ones in order; `numpy.unique` hashes, which takes ten times as long where most occur but once."""
    values.sort()
    is_first = np.ones(len(values), np.bool_)
    np.not_equal(values[1:], values[:-1], out=is_first[1:])
    return values[is_first]


def _counted(lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """0, 1, … for each of some lengths, one after the other."""
    return np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)


def _lists(count: int, row: npt.NDArray[np.int64], values: pa.Array) -> pa.ListArray:
    """The values of each of `count` rows, whose numbers ascend."""
    ends = np.cumsum(np.bincount(row, minlength=count))
    return pa.ListArray.from_arrays(pa.array(np.append(0, ends).astype(np.int32)), values)
