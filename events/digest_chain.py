"""The log's running digest: a hash chain over the payloads, subjects and order of its messages.

Of a payload only the digest counts, and its tombstone keeps that digest. So the chain can be followed after an erasure.
"""

from __future__ import annotations

import hashlib

START = hashlib.sha256(b"rooflog").digest()
"""The running digest of the empty log."""


def entry(subject: str, payload_digest: bytes) -> bytes:
    """What one message adds to the chain: SHA-256 over its subject, a NUL and the SHA-256 of its payload."""
    return hashlib.sha256(subject.encode("utf-8", "surrogateescape") + b"\0" + payload_digest).digest()


def link(previous: bytes, seq: int, entry_digest: bytes) -> bytes:
    """The running digest after a message: SHA-256 over the one before it, the sequence in 8 bytes and the entry."""
    return hashlib.sha256(previous + seq.to_bytes(8, "big") + entry_digest).digest()
