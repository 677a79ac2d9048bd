"""The policy: every number and list that decides what is trained on, as one document with a digest."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterable
from functools import cache, lru_cache
from importlib.resources import files
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, structs

from events import tags
from events.errors import InputError, InvalidFact
from events.limits import LIMITS, check_json, depth

from .causes import CAUSES, Cause
from .lexicon import Lexicon, LexiconError, check
from .rules import FIRST, Rules

Relevance = Literal["low", "medium", "high"]
RELEVANCE: tuple[Relevance, ...] = ("low", "medium", "high")

Count = Annotated[int, Meta(ge=0, le=10**9)]

UNTAGGED = "general"
"""The tag of an example that has none."""

MOST_TURNS = 1_000
"""Earlier turns that are followed at most; one with more before it stands alone, and its context is missing."""

Share = Annotated[float, Meta(ge=0, le=1)]


class PolicyError(InputError):
    """A policy document is wrong; the message says where and what was expected."""


class Filters(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What an example must be like, whoever approves it; lengths in Unicode code points.

    With `personal_data_of_turn`, personal data in the system text and the tools of a turn counts like that in prompt
    and answers. It is left out of a document where it is false, as all policies before judged.
    """

    min_prompt_chars: Count
    min_response_chars: Count
    min_relevance: Relevance
    excluded_sources: tuple[str, ...]
    exclude_personal_data: bool
    personal_data_of_turn: bool | UnsetType = UNSET

    def __post_init__(self) -> None:
        """Leave the default out."""
        if self.personal_data_of_turn is False:
            structs.force_setattr(self, "personal_data_of_turn", UNSET)


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
    """Which prompts are one question: equal ones, and with `near` those whose 4-grams overlap by `threshold`.

    With `same_words` a correction replaces its answer however white space, line ends and accents of the two were saved.
    It is left out of a document where it is false: policies of 0.1.0 replaced exactly the same texts.
    """

    near: bool = True
    threshold: Annotated[float, Meta(ge=0.5, le=1)] = 0.7
    contradictions: bool = True
    same_words: bool | UnsetType = UNSET

    def __post_init__(self) -> None:
        """Leave the default out."""
        if self.same_words is False:
            structs.force_setattr(self, "same_words", UNSET)


class Conversations(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How turns of conversations are judged: the question of a follow-up is its prompt in its context.

    `incomplete` are the causes for which a turn is kept out. Of one that is kept in although an earlier answer is not
    to be learned only the last answer is. A context has at most `max_turns` and `max_chars`. A prompt of up to
    `short_chars` takes over the relevance of its context. `flat` says what becomes of a follow-up in a format without
    turns: its context is written before the question, or it is left out.
    """

    incomplete: tuple[Cause, ...] = CAUSES
    max_turns: Annotated[int, Meta(ge=0, le=MOST_TURNS)] = 20
    max_chars: Count = 24_000
    short_chars: Count = 80
    flat: Literal["transcript", "leave_out"] = "transcript"


class Tags(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How tags are compared: in their normal form (see `events.tags`), a synonym as what it stands for."""

    synonyms: dict[str, str] = {}

    def __post_init__(self) -> None:
        """Keep the synonyms in normal form. Raises PolicyError where one of them would stand for two."""
        for name, meant in self.synonyms.items():
            others = {tags.normal(m) for n, m in self.synonyms.items() if tags.normal(n) == tags.normal(name)}
            _require(len(others) == 1, f"tags.synonyms: {name!r} stands for {meant!r} and for another tag; choose one")
        pairs = ((tags.normal(name), tags.normal(meant)) for name, meant in self.synonyms.items())
        normal = {name: meant for name, meant in pairs if name != meant or not name}
        structs.force_setattr(self, "synonyms", normal)

    def name(self, tag: str) -> str:
        """What a tag is called; empty where it is blank."""
        normal = tags.normal(tag)
        return self.synonyms.get(normal, normal)


class Texts(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How texts are read: the version of the rules for personal data and near-duplicates."""

    rules: Rules


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


class Likeness(NamedTuple):
    """When two prompts are near-duplicates: the overlap of their normal forms, and the rules that make these."""

    threshold: float
    rules: Rules


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
    conversations: Conversations | UnsetType = UNSET
    """Where a policy says nothing of conversations, as those before them did, every turn is judged by itself."""
    tags: Tags | UnsetType = UNSET
    """Where a policy says nothing of tags, as those of 0.1.0 did, each is another one that is written otherwise."""
    texts: Texts | UnsetType = UNSET
    """Where a policy says nothing of texts, as those of 0.1.0 did, the first rules read them."""

    @property
    def rules(self) -> Rules:
        """The version of the rules that read texts."""
        return FIRST if self.texts is UNSET else self.texts.rules

    @property
    def likeness(self) -> Likeness:
        """When two prompts are near-duplicates."""
        return Likeness(self.duplicates.threshold, self.rules)

    def tag_name(self, tag: str) -> str:
        """What a tag is called under this policy; empty where it is blank."""
        return tag if self.tags is UNSET else self.tags.name(tag)

    def tagged(self, written: Iterable[str]) -> list[str]:
        """The tags of an example, in order, of which some were written; `general` where there is none."""
        if self.tags is UNSET:
            return sorted(set(written)) or [UNTAGGED]
        return sorted({*map(self.tags.name, written)} - {""}) or [UNTAGGED]

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
    if policy.tags is not UNSET:
        _check_synonyms(policy.tags.synonyms)
    try:
        return structs.replace(policy, lexicon=_checked(policy.lexicon))
    except LexiconError as error:
        raise PolicyError(str(error)) from error


def _check_synonyms(synonyms: dict[str, str]) -> None:
    """Raise PolicyError where a synonym has no words, or stands for one that stands for another."""
    for name, meant in synonyms.items():
        _require(bool(name and meant), f"tags.synonyms: {name!r} = {meant!r} has no words on one side")
        _require(
            meant not in synonyms,
            f"tags.synonyms: {name!r} stands for {meant!r}, which is a synonym itself; name what is meant in the end",
        )


@lru_cache(maxsize=4)
def _checked(lexicon: Lexicon) -> Lexicon:
    """The first lexicon that was equal to this one: its patterns take a third of a second. Raises LexiconError."""
    check(lexicon)
    return lexicon


def proposed(document: dict[str, Any]) -> Policy:
    """The policy in plain data that somebody gives, within the limits of one. Raises PolicyError."""
    try:
        data = msgspec.json.encode(document)
        check_json(data, what="the policy")
    except (InvalidFact, RecursionError, TypeError, ValueError) as error:
        raise PolicyError(f"not a policy: {error}") from error
    _require(len(data) <= LARGEST, f"the policy has {len(data):,} bytes as JSON, at most {LARGEST:,} are taken")
    policy = from_document(document)
    for name in ("terms", "rivals", "ignored"):
        count = len(getattr(policy.lexicon, name))
        _require(count <= MOST_WORDS, f"lexicon.{name} has {count:,} entries, at most {MOST_WORDS:,} are taken")
    synonyms = {} if policy.tags is UNSET else policy.tags.synonyms
    count = len(synonyms)
    _require(count <= MOST_WORDS, f"tags.synonyms has {count:,} entries, at most {MOST_WORDS:,} are taken")
    most = LIMITS["tag"].most
    for tag in (*synonyms, *synonyms.values()):
        _require(len(tag) <= most, f"tags.synonyms: {tag[:most]!r}… has more than {most} characters")
    for term in policy.lexicon.terms:
        for name, most in (("also", MOST_SPELLINGS), ("tags", LIMITS["tags"].most)):
            count = len(getattr(term, name))
            _require(count <= most, f"lexicon.terms: {term.term!r} has {count} {name}, at most {most} are taken")
    return policy


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise PolicyError(message)


LARGEST = LIMITS["details"].most
"""Bytes of a policy, as TOML and as JSON."""

MOST_WORDS = 5_000
"""Terms, rivals and ignored phrases of a lexicon, each; the shipped one has 347 terms."""

MOST_SPELLINGS = 100
"""Other ways to write a term."""

MOST_DOTS, MOST_BRACKETS = 8, 16
"""Dots of a key and brackets inside one another in TOML: tomllib takes time by the square of the dots."""

_QUOTED = re.compile(
    r""""{3}(?:[^"\\]|\\.|"(?!""))*+(?:"{3})?|'{3}(?:[^']|'(?!''))*+(?:'{3})?|"(?:[^"\\\n]|\\.)*+"?|'[^'\n]*+'?|#[^\n]*""",
    re.DOTALL,
)
_LONG_KEY = re.compile(rf"(?:[\w-]*+[ \t]*+\.[ \t]*+){{{MOST_DOTS + 1}}}")


def from_toml(text: str) -> Policy:
    """The policy in a TOML document; one without a lexicon gets the shipped one. Raises PolicyError."""
    return proposed({"lexicon": _shipped_lexicon()} | _parsed(text))


def _parsed(text: str) -> dict[str, Any]:
    """A TOML document, which is looked at before it is parsed. Raises PolicyError."""
    size = len(text.encode("utf-8", "surrogatepass"))
    _require(size <= LARGEST, f"the policy has {size:,} bytes, at most {LARGEST:,} are taken")
    bare = _QUOTED.sub(lambda quoted: "\n" * quoted[0].count("\n"), text)
    if long := _LONG_KEY.search(bare):
        line = bare.count("\n", 0, long.start()) + 1
        raise PolicyError(f"not a policy: a key on line {line} has more than {MOST_DOTS} dots")
    _require(depth(bare.encode("utf-8", "surrogatepass")) <= MOST_BRACKETS, "not a policy: its brackets nest too deep")
    try:
        return tomllib.loads(text)
    except ValueError as error:
        raise PolicyError(f"not TOML: {error}") from error


@cache
def _shipped_lexicon() -> dict[str, Any]:
    return tomllib.loads(_shipped("lexicon.toml"))


def from_bytes(content: bytes) -> Policy:
    """The policy in the bytes of a TOML file. Raises PolicyError."""
    _require(len(content) <= LARGEST, f"the policy has {len(content):,} bytes, at most {LARGEST:,} are taken")
    try:
        return from_toml(content.decode("utf-8-sig"))  # editors on Windows begin a file with a byte order mark
    except UnicodeDecodeError as error:
        raise PolicyError(f"not UTF-8, as TOML is: byte {error.start} is {content[error.start]:#04x}") from error


@cache
def default() -> Policy:
    """The policy that holds until another is adopted."""
    return from_toml(_shipped("policy.toml"))


def shipped(digest: str) -> Policy | None:
    """The policy of a digest that this release ships, or that an earlier one has shipped; None for any other."""
    return next((policy for policy in (default(), *_released()) if policy.digest == digest), None)


def is_earlier_lexicon(lexicon: Lexicon) -> bool:
    """Whether a lexicon is the one that an earlier release shipped, and not that of this release."""
    return lexicon != default().lexicon and lexicon in (policy.lexicon for policy in _released())


@cache
def _released() -> tuple[Policy, ...]:
    """The policies that earlier releases have shipped, each in a file named by its digest."""
    documents = sorted(files("projections.policy").joinpath("released").iterdir(), key=lambda file: file.name)
    return tuple(from_document(msgspec.json.decode(document.read_bytes())) for document in documents)


def _shipped(name: str) -> str:
    return files("projections.policy").joinpath(name).read_text("utf-8")


def _entry(document: dict[str, Any], message: str) -> str:
    """What an index in msgspec's message (`$.lexicon.terms[12]`) means, for people who read the file."""
    indexed = re.search(r"lexicon\.(terms|rivals|ignored)\[(\d+)\]", message)
    if indexed is None:
        return ""
    allowed = "; a phrase is lower-case words with one space between" if "regex" in message else ""
    return f" (that is {document['lexicon'][indexed[1]][int(indexed[2])]!r}{allowed})"
