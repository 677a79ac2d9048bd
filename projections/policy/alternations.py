"""Alternations: which patterns find many phrases in a text at once, and where they match.

RE2 reads a text once for one alternation of thousands of phrases, as long as its automaton fits into memory.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from typing import Any

import re2

DROPPED = " -\t\n\r\f\v&./:'"
"""Characters that a term's key does not keep."""

MAX_PATTERN = 22_000
"""Characters of one alternation: from about 23,400 on RE2 gives its automaton up and is ten times slower."""


def alternations(forms: set[str]) -> tuple[tuple[str, ...], ...]:
    """RE2 alternations of phrases for lower-case text, each of at most MAX_PATTERN characters.

    Phrases that could match overlapping text stand in one tuple. Where that has several alternations, `places` reads
    them as one, in which a phrase comes before its own prefix.
    """
    large: list[tuple[str, ...]] = []
    packed: list[tuple[int, list[str]]] = []
    for size, group in sorted(((_size(group), sorted(group)) for group in _kindred(forms)), reverse=True):
        if size > MAX_PATTERN:
            large.append(_parts(set(group)))
            continue
        for number, (filled, chosen) in enumerate(packed):
            if filled + size <= MAX_PATTERN:
                packed[number] = (filled + size, chosen + group)
                break
        else:
            packed.append((size, group))
    return (*large, *((_alternation(_alternatives(set(chosen))),) for _, chosen in packed))


def _alternatives(forms: set[str]) -> list[str]:
    # A regular plural rides on its singular: half as many alternatives keep RE2 inside its automaton's memory.
    alone = (form for form in forms if not _rides(form, forms))
    written = sorted(alone, key=lambda form: (key(form), form), reverse=True)
    return [form_pattern(form) + "s?" * (form + "s" in forms) for form in written]


def _alternation(alternatives: Sequence[str]) -> str:
    return rf"\b(?:{'|'.join(alternatives)})\b"


def _size(forms: set[str]) -> int:
    return len("|".join(_alternatives(forms))) + 1


def _parts(forms: set[str]) -> tuple[str, ...]:
    """Alternations of at most MAX_PATTERN characters, cut from the one of all forms."""
    parts: list[list[str]] = [[]]
    size = 0
    for written in _alternatives(forms):
        size += len(written) + 1
        if size > MAX_PATTERN and parts[-1]:
            parts.append([])
            size = len(written) + 1
        parts[-1].append(written)
    return tuple(map(_alternation, parts))


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


def places(expressions: Sequence[Any], text: bytes) -> Iterator[tuple[int, int]]:
    """Where one alternation of all expressions would match: the leftmost place, there the longest, and on behind it.

    `finditer` makes two objects a match, which takes as long as the rest.
    """
    searches = [expression._regexp.Match for expression in expressions]
    return _alone(searches[0], text) if len(searches) == 1 else _abreast(searches, text)


def _alone(search: Any, text: bytes) -> Iterator[tuple[int, int]]:
    end = 0
    while True:
        ((start, end),) = search(_UNANCHORED, text, end, len(text))
        if start < 0:
            return
        yield start, end


def _abreast(searches: list[Any], text: bytes) -> Iterator[tuple[int, int]]:
    size = len(text)
    ahead = [_place(search, text, 0, size) for search in searches]
    while True:
        start, before_end = min(ahead)
        if start == size:
            return
        end = -before_end
        yield start, end
        for n, place in enumerate(ahead):
            if place[0] < end:
                ahead[n] = _place(searches[n], text, end, size)


def _place(search: Any, text: bytes, begin: int, size: int) -> tuple[int, int]:
    """Start and negative end of the next match, such that of two the first in order wins; the size where there is none.

    Two matches at one place are of one phrase and its prefix.
    """
    ((start, end),) = search(_UNANCHORED, text, begin, size)
    return (start, -end) if start >= 0 else (size, 0)


_UNANCHORED = re2._Anchor.UNANCHORED
