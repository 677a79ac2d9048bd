"""The same words: the form in which texts are compared, so that it makes no difference how an editor saved a file."""

from __future__ import annotations

import hashlib

from .combining_marks import normalised

VERSION = 1
"""Of the form. A key says it, and keys of two versions are never compared."""


def normal(text: str) -> str:
    """A text in NFC, with one blank for each run of white space, line ends and no-break spaces, none at the ends."""
    return " ".join((text if text.isascii() else normalised(text, "NFC")).split())


def key(prompt: str, response: str) -> str:
    """The key of a prompt and its answer: the version of the form, and 128 bits of SHA-256 in hexadecimal."""
    words = f"{normal(prompt)}\0{normal(response)}".encode("utf-8", "surrogatepass")
    return f"{VERSION}:{hashlib.sha256(words).hexdigest()[:32]}"


def bits(key: str | None) -> bytes | None:
    """The 16 bytes of a key of this version; None for any other, as it cannot be compared."""
    version, _, digits = (key or "").partition(":")
    return bytes.fromhex(digits) if version == str(VERSION) else None
