"""The same words: the form in which texts are compared, so that it makes no difference how an editor saved a file."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from functools import cache

VERSION = 1
"""Of the form. A key says it, and keys of two versions are never compared."""


def normal(text: str) -> str:
    """A text in NFC, with one blank for every run of white space, line ends and no-break spaces, and none at the ends.

    The work is linear in the length: long runs of combining marks are put in order before, which changes nothing.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFC", _long_runs().sub(_in_order, text))
    return " ".join(text.split())


def key(prompt: str, response: str) -> str:
    """The key of a prompt and its answer: the version of the form, and 128 bits of SHA-256 in hexadecimal."""
    words = f"{normal(prompt)}\0{normal(response)}".encode("utf-8", "surrogatepass")
    return f"{VERSION}:{hashlib.sha256(words).hexdigest()[:32]}"


def _in_order(run: re.Match[str]) -> str:
    marks = "".join(unicodedata.normalize("NFD", mark) for mark in run[0])
    return "".join(sorted(marks, key=unicodedata.combining))


@cache
def _long_runs() -> re.Pattern[str]:
    """More marks in a row than any language writes (UAX #15): moving one past another takes the square of the time."""
    marks = "".join(filter(_is_mark, map(chr, range(0x300, 0x20000))))
    return re.compile(f"[{re.escape(marks)}]{{31,}}")


def _is_mark(character: str) -> bool:
    return all(map(unicodedata.combining, unicodedata.normalize("NFD", character)))
