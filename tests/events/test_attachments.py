"""Attachments: where they lie is kept, and of bytes in the address only their digest."""

from __future__ import annotations

import base64
import hashlib

import pytest

from events.attachments import attachment, digest_of, is_inline
from events.facts import Attachment

PHOTO = b"\x89PNG\xff\xfe" * 3
DIGEST = hashlib.sha256(PHOTO).hexdigest()
ENCODED = base64.b64encode(PHOTO).decode()


def test_an_address_is_kept_as_it_is() -> None:
    kept = attachment("image", name="roof.jpg", address="https://example.com/roof.jpg", digest="1" * 64)
    assert kept == Attachment(kind="image", name="roof.jpg", address="https://example.com/roof.jpg", digest="1" * 64)


@pytest.mark.parametrize(
    "address",
    [
        f"data:image/png;base64,{ENCODED}",
        f"DATA:image/png;name=a;BASE64,{ENCODED.rstrip('=')}",
        "data:image/png," + "".join(f"%{byte:02x}" for byte in PHOTO),
    ],
)
def test_bytes_in_an_address_become_their_digest(address: str) -> None:
    assert is_inline(address)
    assert attachment("image", name="roof.png", address=address) == Attachment(
        kind="image", name="roof.png", digest=DIGEST
    )


def test_an_address_without_content_has_a_digest_too() -> None:
    assert attachment("file", address="data:").digest == hashlib.sha256(b"").hexdigest()


@pytest.mark.parametrize("damaged", ["x", "A" * 5])
def test_what_is_no_base64_is_digested_as_text(damaged: str) -> None:
    assert digest_of(damaged) == hashlib.sha256(damaged.encode()).hexdigest()


def test_a_lone_surrogate_is_digested_too() -> None:
    assert digest_of("\ud800", is_base64=False) == hashlib.sha256(b"\xed\xa0\x80").hexdigest()


def test_other_addresses_are_not_inline() -> None:
    assert not any(map(is_inline, (None, "", "data", "https://example.com/data:,x")))
