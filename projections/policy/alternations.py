"""Alternations: the pattern that finds many phrases in a text at once, and where it matches.

RE2 reads a text once for an alternation of thousands of phrases, as long as its automaton fits into memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import re2

DROPPED = " -\t\n\r\f\v&./:'"
"""Characters that a term's key does not keep."""

AUTOMATON_BYTES = 640
"""Memory that RE2 may take for a character of an alternation: with less than 500 it gives its automaton up and is five
times slower. It takes what the texts need, a tenth of that for the shipped lexicon."""


def alternation(forms: set[str]) -> str:
    """The RE2 alternation of phrases for lower-case text, in which a phrase comes before its own prefix."""
    # A regular plural rides on its singular: half as many alternatives.
    alone = (form for form in forms if not _rides(form, forms))
    written = sorted(alone, key=lambda form: (key(form), form), reverse=True)
    return rf"\b(?:{'|'.join(form_pattern(form) + 's?' * (form + 's' in forms) for form in written)})\b"


def compiled(pattern: str) -> Any:
    """An alternation, compiled for UTF-8, with room for its automaton however many phrases there are."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = max(options.max_mem, AUTOMATON_BYTES * len(pattern))
    return re2.compile(pattern, options)


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


def places(expression: Any, text: bytes) -> Iterator[tuple[int, int]]:
    """Where an expression matches, each match behind the one before.

    `finditer` makes two objects a match, which takes as long as the rest.
    """
    search, size, end = expression._regexp.Match, len(text), 0
    while True:
        ((start, end),) = search(_UNANCHORED, text, end, size)
        if start < 0:
            return
        yield start, end


_UNANCHORED = re2._Anchor.UNANCHORED
