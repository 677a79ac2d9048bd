"""The policy: every number and list that decides what is trained on, as one document with a digest."""

from __future__ import annotations

import hashlib
import tomllib
from functools import cache
from importlib.resources import files
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

Relevance = Literal["low", "medium", "high"]
RELEVANCE: tuple[Relevance, ...] = ("low", "medium", "high")

Count = Annotated[int, Meta(ge=0, le=10**9)]


class PolicyError(ValueError):
    """A policy document is wrong; the message says where and what was expected."""


class Filters(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What an example must be like, whoever approves it; lengths in Unicode code points."""

    min_prompt_chars: Count
    min_response_chars: Count
    min_relevance: Relevance
    excluded_sources: tuple[str, ...]
    exclude_personal_data: bool


class Approval(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What counts as an approval beside a reviewer's."""

    positive_feedback: bool
    trusted_sources: tuple[str, ...]
    used_documents: tuple[Literal["none", "minor", "major"], ...]


class Review(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What puts an example forward in the review queue."""

    new_topic_below: Count
    borderline: Count


class Thresholds(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Relevance scores from which a text is of high or medium relevance."""

    high: Count
    medium: Count


class Export(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The system text of every line, and how many examples an export and a training need."""

    system: str
    min_examples: Count
    training_goal: Count
    training_at: Count


class Policy(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole policy; equal documents have equal digests, whatever the order of their keys."""

    filters: Filters
    approval: Approval
    review: Review
    relevance: Thresholds
    export: Export

    def document(self) -> dict[str, Any]:
        """The policy as plain data, as a `policy.adopted` fact carries it."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON."""
        return hashlib.sha256(msgspec.json.encode(self, order="sorted")).hexdigest()


def from_document(document: dict[str, Any]) -> Policy:
    """The policy in plain data; raises PolicyError."""
    try:
        policy = msgspec.convert(document, Policy, strict=True)
    except msgspec.ValidationError as error:
        raise PolicyError(f"{error}") from error
    if policy.relevance.high < policy.relevance.medium:
        raise PolicyError(
            f"relevance.high ({policy.relevance.high}) is below relevance.medium ({policy.relevance.medium})"
        )
    return policy


def from_toml(text: str) -> Policy:
    """The policy in a TOML document; raises PolicyError."""
    try:
        return from_document(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"not TOML: {error}") from error


@cache
def default() -> Policy:
    """The policy that holds until another is adopted."""
    return from_toml(files("projections").joinpath("policy.toml").read_text("utf-8"))
