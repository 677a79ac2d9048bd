"""Encoding and decoding of facts: JSON on the wire, old versions upcast, all other bytes refused with a reason."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from . import limits
from .attachments import is_inline
from .errors import InvalidFact
from .facts import FACTS, AnyFact, ExampleCaptured, Fact
from .subjects import subject_of

UPCASTERS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {}
"""Old tag -> function from that version's object to the next version's, whose `type` is a newer tag."""

_TAGS = frozenset(str(fact.__struct_config__.tag) for fact in FACTS)
_encoder = msgspec.json.Encoder(order="deterministic")
_decoder: msgspec.json.Decoder[AnyFact] = msgspec.json.Decoder(AnyFact)

EARLIEST, LATEST = datetime(1970, 1, 2, tzinfo=UTC), datetime(9998, 12, 31, tzinfo=UTC)
"""Facts outside these moments are refused: no calendar survives them in every language."""


class _Tagged(msgspec.Struct):
    type: str


def encode(fact: Fact) -> bytes:
    """The wire form of a fact: JSON with times in UTC; equal facts give equal bytes.

    Raises InvalidFact where the fact breaks its own constraints, which msgspec checks only when decoding, or a limit.
    """
    if not isinstance(fact.occurred_at, datetime) or fact.occurred_at.tzinfo is None:
        raise InvalidFact("invalid", f"occurred_at is {fact.occurred_at!r}; it must be a datetime with a time zone")
    try:
        if isinstance(fact, ExampleCaptured) and not math.isfinite(fact.metadata.latency_ms or 0):
            raise ValueError(f"latency_ms is {fact.metadata.latency_ms}; JSON can only say finite numbers")
        utc = msgspec.structs.replace(fact, occurred_at=fact.occurred_at.astimezone(UTC))
        data = _encoder.encode(utc)
    except RecursionError as error:
        raise InvalidFact("malformed", f"nested more than {limits.DEEPEST} levels deep") from error
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidFact("invalid", str(error)) from error
    checked = decode(data)
    limits.check(checked)
    attachments = getattr(checked, "attachments", None)
    if attachments and any(is_inline(attachment.address) for attachment in attachments):
        raise InvalidFact("invalid", "an attachment's address holds its bytes; give where it lies, or its digest")
    return _encoder.encode(checked)


def decode(data: bytes, subject: str | None = None, *, brackets: int | None = None) -> AnyFact:
    """The fact in `data`, upcast to its newest version, and checked against the subject it was found under.

    `brackets` is the number of `[` and `{` in the data, where the caller has counted. Raises InvalidFact: `malformed`
    (not a JSON object with a `type`), `unknown_type`, `invalid` (a field is missing or wrong) or `wrong_subject`.
    """
    if brackets is None:
        brackets = data.count(b"[") + data.count(b"{")
    if brackets > limits.DEEPEST and limits.depth(data) > limits.DEEPEST:
        raise InvalidFact("malformed", f"nested more than {limits.DEEPEST} levels deep")
    try:
        fact = _decoder.decode(data)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        fact = _upcast(data, error)
    if not EARLIEST <= fact.occurred_at <= LATEST:
        raise InvalidFact("invalid", f"occurred_at {fact.occurred_at.isoformat()} is not a plausible time")
    if subject is not None and subject != (expected := subject_of(fact)):
        raise InvalidFact("wrong_subject", f"published on {subject}, but what it says belongs on {expected}")
    return fact


def _upcast(data: bytes, error: Exception) -> AnyFact:
    try:
        tag = msgspec.json.decode(data, type=_Tagged).type
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        raise InvalidFact("malformed", f"not a JSON object with a `type`: {_short(error)}") from error
    if tag in _TAGS:
        raise InvalidFact("invalid", f"{tag}: {_short(error)}") from error
    if tag not in UPCASTERS:
        raise InvalidFact("unknown_type", f"this version knows no {tag!r}; it may come from a newer one") from error
    raw: dict[str, Any] = msgspec.json.decode(data)
    try:
        while raw["type"] in UPCASTERS:
            raw = UPCASTERS[raw["type"]](raw)
        fact: AnyFact = msgspec.convert(raw, AnyFact)
    except (msgspec.ValidationError, LookupError, TypeError, ValueError, AttributeError) as invalid:
        raise InvalidFact("invalid", f"{tag}: {invalid}") from invalid
    return fact


def _short(error: Exception) -> str:
    return str(error)[:300] or type(error).__name__
