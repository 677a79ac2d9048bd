"""The question: a prompt in the form in which prompts are compared, so that spelling makes no duplicate a new one."""

from __future__ import annotations

import hashlib
import re

from events.combining_marks import normalised

_PLAIN = re.compile("[!-~]+(?: [!-~]+)*+")
"""Words of ASCII with one blank between them, as most prompts are: nothing but case and closing marks can differ."""

_QUOTATION = str.maketrans("’‘“”", "''\"\"")
_SEPARATORS = re.compile("[\t\n\f\r \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+")
"""White space and Unicode's category Z."""

_CLOSING = " ?!.,;:"


def question(prompt: str) -> str:
    """The normalised prompt: case, white space, quotation marks and closing punctuation make no difference.

    Each character has the one lower case of Unicode's character data, wherever it stands in a word.
    """
    if _PLAIN.fullmatch(prompt):
        return prompt.lower().rstrip(_CLOSING)
    text = normalised(prompt, "NFC").translate(_QUOTATION).replace("İ", "i")
    lowered = "".join(map(str.lower, text)) if "Σ" in text else text.lower()
    return _SEPARATORS.sub(" ", lowered).strip(" ").rstrip(_CLOSING)


def prompt_key(question: str) -> bytes:
    """The digest of a normalised prompt, 128 bits of SHA-256: examples of one key are exact duplicates."""
    return hashlib.sha256(question.encode()).digest()[:16]
