"""Combining marks: long runs of them are made harmless, as normalising them takes time by the square of their number.

NFC and NFKC order the marks behind a letter by moving one past another: a letter with 100,000 marks takes a minute.
They are sorted before, which leaves the normal form as it is.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Literal

Form = Literal["NFC", "NFKC"]

RUN = 30
"""Marks in a row that are left to the normalisation: no language writes more (UAX #15, Stream-Safe Text Format)."""


def normalised(text: str, form: Form) -> str:
    """The normal form of a text, as `unicodedata.normalize` gives it."""
    if _MAY_HOLD_A_RUN.search(text):
        text = _runs(form).sub(lambda run: _in_order(run[0], form), text)
    return unicodedata.normalize(form, text)


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

_AMONG = f"[{chr(_FIRST)}-{chr(_END - 1)}]"
_MAY_HOLD_A_RUN = re.compile(f"{_AMONG}{_AMONG}{{{RUN}}}")
"""What every long run satisfies: it is looked for fifty times as fast as all marks by name."""

_DECOMPOSED: dict[Form, Literal["NFD", "NFKD"]] = {"NFC": "NFD", "NFKC": "NFKD"}
