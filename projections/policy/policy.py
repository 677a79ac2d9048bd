"""The policy: every number and list that decides what is trained on, as one document with a digest."""

from __future__ import annotations

import hashlib
import re
import tomllib
from functools import cache, lru_cache
from importlib.resources import files
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, structs

from events.errors import InputError

from .lexicon import Lexicon, LexiconError, check

Relevance = Literal["low", "medium", "high"]
RELEVANCE: tuple[Relevance, ...] = ("low", "medium", "high")

Count = Annotated[int, Meta(ge=0, le=10**9)]
Share = Annotated[float, Meta(ge=0, le=1)]


class PolicyError(InputError):
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
    """What puts an example forward in the review queue.

    `disputed` says what becomes of an answer that a reviewer approved and that an untrusted correction disputes. It
    waits for a decision and is not trained on meanwhile, or it stands. It is left out of a document where it waits, so
    that policies of earlier versions keep their digests.
    """

    new_topic_below: Count
    borderline: Count
    disputed: Literal["wait", "stand"] | UnsetType = UNSET

    def __post_init__(self) -> None:
        """Leave the default out."""
        if self.disputed == "wait":
            structs.force_setattr(self, "disputed", UNSET)


class Thresholds(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Scores from which a text is of high or medium relevance, and the context without which it is low."""

    high: Count
    medium: Count
    context: Count


class Duplicates(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which prompts are one question: equal ones, and with `near` those whose 4-grams overlap by `threshold`."""

    near: bool = True
    threshold: Annotated[float, Meta(ge=0.5, le=1)] = 0.7
    contradictions: bool = True


class Export(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The system text of every line, how many examples an export needs, and when the exporter makes one.

    `eval_share` is the part of the near-duplicate clusters that is kept for evaluation. The exporter exports once
    `changed_examples` rows have changed, or `max_age_minutes` after the first change; the sink keeps `keep_versions`.
    """

    system: str
    min_examples: Count
    eval_share: Share = 0.1
    changed_examples: Count = 50
    max_age_minutes: Count = 60
    keep_versions: Annotated[int, Meta(ge=1, le=10_000)] = 20


class Training(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When a training starts: at `at` examples, and `new_examples` that the last training has not seen.

    `goal` is what the dashboard counts towards.
    """

    at: Count = 500
    new_examples: Count = 100
    goal: Count = 2000


class Policy(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole policy; equal documents have equal digests, whatever the order of their keys."""

    filters: Filters
    approval: Approval
    review: Review
    relevance: Thresholds
    export: Export
    lexicon: Lexicon
    duplicates: Duplicates = Duplicates()
    training: Training = Training()

    def document(self) -> dict[str, Any]:
        """The policy as plain data, as a `policy.adopted` fact carries it."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON."""
        return document_digest(self)


def document_digest(document: Policy | dict[str, Any]) -> str:
    """SHA-256 of the canonical JSON of a policy."""
    return hashlib.sha256(msgspec.json.encode(document, order="sorted")).hexdigest()


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
        return structs.replace(policy, lexicon=_checked(policy.lexicon))
    except LexiconError as error:
        raise PolicyError(str(error)) from error


@lru_cache(maxsize=4)
def _checked(lexicon: Lexicon) -> Lexicon:
    """The first lexicon that was equal to this one: its patterns take a third of a second. Raises LexiconError."""
    check(lexicon)
    return lexicon


def from_toml(text: str) -> Policy:
    """The policy in a TOML document; one without a lexicon gets the shipped one. Raises PolicyError."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"not TOML: {error}") from error
    return from_document({"lexicon": tomllib.loads(_shipped("lexicon.toml"))} | document)


def from_bytes(content: bytes) -> Policy:
    """The policy in the bytes of a TOML file. Raises PolicyError."""
    try:
        return from_toml(content.decode("utf-8-sig"))  # editors on Windows begin a file with a byte order mark
    except UnicodeDecodeError as error:
        raise PolicyError(f"not UTF-8, as TOML is: byte {error.start} is {content[error.start]:#04x}") from error


@cache
def default() -> Policy:
    """The policy that holds until another is adopted."""
    return from_toml(_shipped("policy.toml"))


def _shipped(name: str) -> str:
    return files("projections.policy").joinpath(name).read_text("utf-8")


def _entry(document: dict[str, Any], message: str) -> str:
    """What an index in msgspec's message (`$.lexicon.terms[12]`) means, for people who read the file."""
    indexed = re.search(r"lexicon\.(terms|rivals|ignored)\[(\d+)\]", message)
    if indexed is None:
        return ""
    allowed = "; a phrase is lower-case words with one space between" if "regex" in message else ""
    return f" (that is {document['lexicon'][indexed[1]][int(indexed[2])]!r}{allowed})"
