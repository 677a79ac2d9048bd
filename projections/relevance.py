"""How much a text is about roofing, and which topics it touches: a weighted lexicon, evaluated in DuckDB.

Alternations of all phrases find the terms; a join with their weights gives score, context, terms and tags.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections import Counter
from functools import cached_property
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

Tag = Annotated[str, Meta(pattern=r"\A[a-z0-9-]{1,40}\Z")]
"""A topic: lower-case letters, digits and hyphens."""

Phrase = Annotated[str, Meta(pattern=r"\A[a-z0-9#][a-z0-9#&./:']*(?: [a-z0-9#&./:']+)*\Z", max_length=60)]
"""Lower-case words; a space stands for any separator or none, `#` for any digit."""

DROPPED = " -\t\n\r\f\v&./:'"
"""Characters that a term's key does not keep."""

RIVAL_COST = 2
"""What each distinct rival word takes off the context; the weight of one good roofing word."""

MAX_PATTERN = 22_000
"""Characters of one alternation: from about 23,400 on RE2 gives its automaton up and is ten times slower."""


WORD_COLUMNS = (
    '[{"word":"INTEGER","term":"VARCHAR","weight":"INTEGER","strength":"INTEGER","ambiguous":"BOOLEAN",'
    '"neutral":"BOOLEAN","tags":["VARCHAR"]}]'
)
KEY_COLUMNS = '[{"key":"VARCHAR","word":"INTEGER"}]'
"""The two tables of a lexicon as DuckDB's from_json takes them: what a word means, and which keys are that word."""


class LexiconError(ValueError):
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
    def tables(self) -> tuple[str, str]:
        """What the words mean and which keys stand for them, as JSON: DuckDB plans it faster than a VALUES list."""
        words: list[dict[str, object]] = []
        keys: dict[str, int] = {}
        for term in self.terms:
            keys |= dict.fromkeys(map(key, term.forms), len(words))
            strength = term.weight if term.weight > 1 else 0
            words.append(msgspec.to_builtins(term) | {"word": len(words), "strength": strength})
        for rival in self.rivals:
            keys |= dict.fromkeys(map(key, (rival, plural(rival))), len(words))
            words.append({"word": len(words), "term": rival, "weight": 0, "strength": -RIVAL_COST, "tags": []})
        known = ("word", "term", "weight", "strength", "ambiguous", "neutral", "tags")
        rows = [{name: word.get(name, False) for name in known} for word in words]
        pairs = [{"key": name, "word": word} for name, word in sorted(keys.items())]
        return msgspec.json.encode(rows).decode(), msgspec.json.encode(pairs).decode()

    @cached_property
    def meanings(self) -> dict[str, Term | str]:
        """What each key stands for: a term, or the rival word that it is a form of."""
        found: dict[str, Term | str] = {key(form): term for term in self.terms for form in term.forms}
        return found | {key(form): word for word in self.rivals for form in (word, plural(word))}

    @cached_property
    def expressions(self) -> tuple[re.Pattern[str], ...]:
        """The patterns for Python's `re`, whose white space would have one character more than RE2's."""
        return tuple(re.compile(p.replace(r"[\s-]", r"[\t\n\f\r -]"), re.ASCII) for p in self.patterns)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON."""
        return hashlib.sha256(msgspec.json.encode(self, order="sorted")).hexdigest()

    @cached_property
    def patterns(self) -> tuple[str, ...]:
        """RE2 alternations of all forms for lower-case text, each of at most MAX_PATTERN characters.

        Forms that could match overlapping text stand in one alternation, where a phrase comes before its own prefix.
        Raises LexiconError where those alone are too many.
        """
        forms = {form for term in self.terms for form in term.forms} | self.rival_forms | self.ignored_forms
        packed: list[tuple[int, list[str]]] = []
        for size, group in sorted(((_size(group), sorted(group)) for group in _kindred(forms)), reverse=True):
            if size > MAX_PATTERN:
                raise LexiconError(
                    f"lexicon: {len(group)} spellings that share words ({group[0]!r}, {group[1]!r}, …) make a pattern "
                    f"of {size:,} characters, at most {MAX_PATTERN:,} are fast; drop spellings that others contain"
                )
            for number, (filled, chosen) in enumerate(packed):
                if filled + size <= MAX_PATTERN:
                    packed[number] = (filled + size, chosen + group)
                    break
            else:
                packed.append((size, group))
        return tuple(_alternation(set(chosen)) for _, chosen in packed)


def _alternation(forms: set[str]) -> str:
    # A regular plural rides on its singular: half as many alternatives keep RE2 inside its automaton's memory.
    alone = (form for form in forms if not _rides(form, forms))
    written = sorted(alone, key=lambda form: (key(form), form), reverse=True)
    return rf"\b(?:{'|'.join(form_pattern(form) + 's?' * (form + 's' in forms) for form in written)})\b"


def _size(forms: set[str]) -> int:
    return len(_alternation(forms)) + 1


def _kindred(forms: set[str]) -> list[set[str]]:
    """The forms in groups such that no two of different groups can match overlapping text.

    Two that overlap share words: the last of one are the first of the other, or one holds the other whole.
    """
    leader: dict[str, str] = {}

    def led_by(name: str) -> str:
        while leader.setdefault(name, name) != name:
            leader[name] = name = leader[leader[name]]
        return name

    known = set(map(key, forms))
    begun: dict[str, list[str]] = {}
    ended: dict[str, list[str]] = {}
    for form in sorted(forms):
        words, name = form.split(" "), key(form)
        for start, end in itertools.combinations(range(len(words) + 1), 2):
            run = key("".join(words[start:end]))  # "mod bit" is also written "modbit"
            if start == 0:
                begun.setdefault(run, []).append(name)
            if end == len(words):
                ended.setdefault(run, []).append(name)
            if run in known:
                leader[led_by(run)] = led_by(name)
        if _rides(form, forms):
            leader[led_by(name[:-1])] = led_by(name)
    for run in begun.keys() & ended.keys():
        for name in begun[run] + ended[run]:
            leader[led_by(name)] = led_by(begun[run][0])
    groups: dict[str, set[str]] = {}
    for form in sorted(forms):
        groups.setdefault(led_by(key(form)), set()).add(form)
    return list(groups.values())


def _rides(form: str, forms: set[str]) -> bool:
    return form.endswith("s") and form[:-1] in forms


def plural(form: str) -> str:
    """The regular English plural of a phrase's last word; one that ends in a single s is taken to be one already."""
    if re.search(r"[^s]s\Z", form):
        return form
    if re.search(r"[^aeiou]y\Z", form):
        return form[:-1] + "ies"
    return form + ("es" if re.search(r"(?:s|x|z|ch|sh)\Z", form) else "s")


def form_pattern(form: str) -> str:
    """The RE2 expression for one phrase: `#` is a digit, a space one blank, hyphen or nothing."""
    return "".join(r"[\s-]?" if c == " " else r"\d" if c == "#" else re.escape(c) for c in form)


def key(form: str) -> str:
    """What all spellings of one form share: letters, and `#` for each digit."""
    return re.sub(r"\d", "#", "".join(c for c in form if c not in DROPPED))


def check(lexicon: Lexicon) -> None:
    """Raise LexiconError where a phrase stands twice or belongs to two entries, or a pattern would be slow."""
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
    _ = lexicon.patterns


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


SAID = "replace(replace(lower(coalesce(prompt, '') || ' | ' || coalesce(response, '')), '__', ' '), ' _', ' ')"
"""The text that is rated, in SQL: what is lower case is DuckDB's decision, and a blank to fill in ends a word."""


def rate(lexicon: Lexicon, said: str) -> tuple[int, int, list[str], list[str]]:
    """Score, context, terms and tags of one text, as `rated` finds them.

    To compile the patterns costs DuckDB more than to look through a few texts costs Python.
    """
    matches = {match[0] for expression in lexicon.expressions for match in expression.finditer(said)}
    meant = [lexicon.meanings.get(key(match)) for match in matches]
    terms = {term.term: term for term in meant if isinstance(term, Term)}.values()
    strength = sum(t.weight for t in terms if t.weight > 1) - RIVAL_COST * len({w for w in meant if isinstance(w, str)})
    company = any(term.weight == 1 and not term.neutral for term in terms)
    tags = {tag for term in terms if strength >= 2 or not term.ambiguous for tag in term.tags}
    return sum(term.weight for term in terms), strength + company, sorted(t.term for t in terms), sorted(tags)


def rated(lexicon: Lexicon, source: str) -> str:
    """One SELECT that rates every row of `source` (columns `id` unique, `prompt`, `response`).

    Gives id, `score` (sum of the weights of distinct terms), `context` (the weights of its terms of weight 2 and 3,
    plus 1 if any everyday word keeps them company, less RIVAL_COST for each distinct word of another field), `terms`
    and `tags` (sorted, distinct). The policy's thresholds are not in here: changing them rates nothing anew.
    """
    digits = "0123456789"
    words, keys = lexicon.tables
    matches = " || ".join(f"regexp_extract_all(said, {_text(pattern)})" for pattern in lexicon.patterns)
    return f"""
WITH words AS (
  SELECT unnest(from_json({_text(words)}, {_text(WORD_COLUMNS)}), recursive := true)
), keys AS (
  SELECT unnest(from_json({_text(keys)}, {_text(KEY_COLUMNS)}), recursive := true)
), matched AS MATERIALIZED (
  SELECT id, row_number() OVER () AS row, {matches} AS matches
  FROM (SELECT id, {SAID} AS said FROM {source})
), hit AS (
  SELECT row, unnest(matches) AS match FROM matched
), spelling AS (  -- few spellings are many hits: take each to its word once
  SELECT match, word FROM (SELECT DISTINCT match FROM hit)
  JOIN keys ON keys.key = translate(match, {_text(digits + DROPPED)}, '{"#" * len(digits)}')
), found AS (
  SELECT * FROM (SELECT DISTINCT row, word FROM hit JOIN spelling USING (match)) JOIN words USING (word)
), summed AS (
  SELECT row, sum(weight)::BIGINT AS score,
    (sum(strength) + least(1, count(*) FILTER (weight = 1 AND NOT neutral)))::BIGINT AS context,
    list(term ORDER BY term) FILTER (weight > 0) AS terms,
    CASE WHEN sum(strength) >= 2 THEN list(tags) ELSE list(tags) FILTER (NOT ambiguous) END AS tags
  FROM found GROUP BY row
)
SELECT id, coalesce(score, 0) AS score, coalesce(context, 0) AS context, coalesce(terms, []::VARCHAR[]) AS terms,
  list_sort(list_distinct(flatten(coalesce(tags, []::VARCHAR[][])))) AS tags
FROM matched LEFT JOIN summed USING (row)
"""


def _text(value: str) -> str:
    """A string as an SQL literal."""
    return "'" + value.replace("'", "''") + "'"
