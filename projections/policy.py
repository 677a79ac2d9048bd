"""The policy: every number and list that decides what is trained on, as one document with a digest."""

from __future__ import annotations

import hashlib
import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from .relevance import Lexicon, LexiconError, check

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
    """Scores from which a text is of high or medium relevance, and the context without which it is low."""

    high: Count
    medium: Count
    context: Count


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
    lexicon: Lexicon

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
        raise PolicyError(f"{error}{_entry(document, str(error))}") from error
    if policy.relevance.high < policy.relevance.medium:
        raise PolicyError(
            f"relevance.high ({policy.relevance.high}) is below relevance.medium ({policy.relevance.medium})"
        )
    try:
        check(policy.lexicon)
    except LexiconError as error:
        raise PolicyError(str(error)) from error
    return policy


def from_toml(text: str) -> Policy:
    """The policy in a TOML document; one without a lexicon gets the shipped one. Raises PolicyError."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"not TOML: {error}") from error
    return from_document({"lexicon": tomllib.loads(_shipped("lexicon.toml"))} | document)


@cache
def default() -> Policy:
    """The policy that holds until another is adopted."""
    return from_toml(_shipped("policy.toml"))


def _shipped(name: str) -> str:
    return files("projections").joinpath(name).read_text("utf-8")


def _entry(document: dict[str, Any], message: str) -> str:
    """Which term an index in msgspec's message (`$.lexicon.terms[12]`) means, for people who read the file."""
    found = re.search(r"lexicon\.terms\[(\d+)\]", message)
    return f" (that is {document['lexicon']['terms'][int(found[1])]!r})" if found else ""
