"""Combining marks in canonical order: without it, to normalise a text takes time by the square of its size.

NFC and NFKC order the marks behind a letter by moving one past another, in Python and in DuckDB alike: a letter with
100,000 marks takes a minute. Here they are sorted before. The normal form is the same.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Literal

Form = Literal["NFC", "NFKC"]

RUN = 30
"""Marks in a row that are left to the normalisation: no language writes more (UAX #15, Stream-Safe Text Format)."""

SUSPECT = rf"\pM{{{RUN + 1}}}"
"""An RE2 expression of a long run; it finds every mark that DuckDB moves."""


def normalised(text: str, form: Form) -> str:
    """The normal form of a text, as `unicodedata.normalize` gives it."""
    return unicodedata.normalize(form, _runs(form).sub(lambda run: _in_order(run[0], form), text))


def nfc(text: str) -> str:
    """The form NFC of a text."""
    return normalised(text, "NFC")


def _in_order(run: str, form: Form) -> str:
    marks = [mark for each in run for mark in unicodedata.normalize(_DECOMPOSED[form], each)]
    return "".join(sorted(marks, key=unicodedata.combining))


@cache
def _runs(form: Form) -> re.Pattern[str]:
    """A long run of characters that are nothing but marks once they are decomposed."""
    marks = "".join(character for character in map(chr, range(_FIRST, _END)) if _is_mark(character, form))
    return re.compile(f"[{re.escape(marks)}]{{{RUN + 1},}}")


def _is_mark(character: str, form: Form) -> bool:
    return all(map(unicodedata.combining, unicodedata.normalize(_DECOMPOSED[form], character)))


_FIRST, _END = 0x300, 0x20000
"""Code points among which all combining marks are."""

_DECOMPOSED: dict[Form, Literal["NFD", "NFKD"]] = {"NFC": "NFD", "NFKC": "NFKD"}
