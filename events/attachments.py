"""Attachments: what comes with a question and is no text. Their bytes never get on the log, their digest does."""

from __future__ import annotations

import base64
import binascii
import hashlib
from urllib.parse import unquote_to_bytes

from .facts import Attachment

_INLINE = "data:"


def is_inline(address: str | None) -> bool:
    """Whether an address is a `data:` URL, which holds the bytes themselves."""
    return address is not None and address[: len(_INLINE)].lower() == _INLINE


def attachment(
    kind: str, *, name: str | None = None, address: str | None = None, digest: str | None = None
) -> Attachment:
    """An attachment; a `data:` URL is replaced by the digest of the bytes that it holds."""
    if address is not None and is_inline(address):
        head, _, content = address.partition(",")
        is_base64 = head.lower().endswith(";base64")
        return Attachment(kind=kind, name=name, digest=digest or digest_of(content, is_base64=is_base64))
    return Attachment(kind=kind, name=name, address=address, digest=digest)


def digest_of(content: str, *, is_base64: bool = True) -> str:
    """The SHA-256 of the bytes that a text encodes, or of the text itself where it is no base64."""
    text = content.encode("utf-8", "surrogatepass")
    data = unquote_to_bytes(text)
    if is_base64:
        try:
            data = base64.b64decode(data + b"=" * (-len(data) % 4))
        except binascii.Error:
            data = text
    return hashlib.sha256(data).hexdigest()
