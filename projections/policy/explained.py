"""The policy explained: every section and setting in words for people, with what may be written there."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal, NamedTuple, get_args, get_origin

from msgspec import NODEFAULT, UNSET, Meta, Struct, UnsetType, structs

from .policy import Policy
from .rules import LATEST

Kind = Literal["flag", "number", "text", "choice", "choices", "texts", "pairs"]


class Words(NamedTuple):
    """What something is called, and what it does."""

    title: str
    text: str


class Setting(Struct, frozen=True):
    """One setting; a number is within `lowest` and `highest`, and `choices` are all that may be chosen.

    Where a document leaves the setting out `unless_given` holds; a section that it leaves out begins with it.
    """

    name: str
    title: str
    text: str
    kind: Kind
    choices: list[str | int]
    lowest: float | None
    highest: float | None
    unless_given: Any


class Section(Struct, frozen=True):
    """Settings that belong together; what it means to leave an optional section out is in `text`."""

    name: str
    title: str
    text: str
    is_optional: bool
    settings: list[Setting]


SECTIONS = {
    "filters": Words("Filters", "What an example must be like, whoever approves it."),
    "approval": Words("Approval", "What counts as an approval beside a reviewer's."),
    "review": Words("Review", "What comes forward in the review queue."),
    "relevance": Words("Relevance", "How much a text has to be about the field; the lexicon has the words."),
    "duplicates": Words("Duplicates", "Which questions are one question."),
    "conversations": Words(
        "Conversations", "How turns are judged after what was said before; without this each is judged by itself."
    ),
    "tags": Words("Tags", "Which tags are one tag; without this tags that are written otherwise are others."),
    "texts": Words("Texts", "How texts are read; without this as 0.1.0 did."),
    "export": Words("Export", "What is in the training files, and when they are made."),
    "training": Words("Training", "When a training starts."),
}
"""Every section but the lexicon, in the order in which people read them."""

SETTINGS = {
    "filters.min_prompt_chars": Words("Shortest prompt (characters)", "A shorter question is kept out."),
    "filters.min_response_chars": Words("Shortest answer (characters)", "A shorter answer is kept out."),
    "filters.min_relevance": Words(
        "Lowest relevance", "What is less about the field is kept out; low keeps everything."
    ),
    "filters.excluded_sources": Words("Sources left out", "Nothing that comes from these is trained on."),
    "filters.exclude_personal_data": Words(
        "Leave out personal data", "What the rules find personal data in is kept out until it is redacted."
    ),
    "filters.personal_data_of_turn": Words(
        "Personal data in system text and tools counts", "It keeps out like that in the question and the answers."
    ),
    "approval.positive_feedback": Words("Thumbs up approves", "Without this a reviewer has to approve."),
    "approval.trusted_sources": Words("Trusted sources", "What comes from these needs no approval."),
    "approval.used_documents": Words(
        "Used documents with changes", "A document that was used approves its example, with changes of these sizes."
    ),
    "review.new_topic_below": Words(
        "A topic is new below (examples)", "What has a tag of fewer examples in the training set comes forward."
    ),
    "review.borderline": Words(
        "Borderline within (score)", "What has a score so near to that of medium relevance comes forward."
    ),
    "review.disputed": Words(
        "An approved answer that is disputed",
        "Somebody who is not trusted has corrected it: it waits for a decision, or it stands.",
    ),
    "relevance.high": Words("High from (score)", "A score is the sum of the weights of distinct words of the lexicon."),
    "relevance.medium": Words("Medium from (score)", "What is below is of low relevance."),
    "relevance.context": Words(
        "Least context (score)", "So much of it has to come from words that are not everyday words."
    ),
    "duplicates.near": Words(
        "Near-duplicates count", "Questions in almost the same words are one, of which the best answer is trained on."
    ),
    "duplicates.threshold": Words(
        "Near from (similarity)", "The share of their parts of four letters that two questions have in common."
    ),
    "duplicates.contradictions": Words(
        "Look for contradictions", "Answers to one question that disagree come forward."
    ),
    "duplicates.same_words": Words(
        "A correction replaces an answer of the same words",
        "Also where an editor has changed white space, line ends or accents.",
    ),
    "conversations.incomplete": Words(
        "What keeps a turn out", "Its conversation is not whole, or not fit to be learned from."
    ),
    "conversations.max_turns": Words("Longest context (turns)", "A turn after more turns is kept out as too long."),
    "conversations.max_chars": Words("Longest context (characters)", "A turn after more text is kept out as too long."),
    "conversations.short_chars": Words(
        "A short follow-up (characters)", "A question of so few characters has the relevance of its conversation."
    ),
    "conversations.flat": Words(
        "A follow-up in formats without turns", "Its conversation is written before it, or it is left out."
    ),
    "tags.synonyms": Words("Synonyms", "A tag, = and the tag that it is counted as, each pair on a line."),
    "texts.rules": Words(
        "Version of the rules", "Those that find personal data and near-duplicates; the latest finds most."
    ),
    "export.system": Words("System text of every line", "A line has this one where its example has none of its own."),
    "export.min_examples": Words("Smallest export (examples)", "A smaller training set is not exported."),
    "export.eval_share": Words("Share kept for evaluation", "Near-duplicates stay together on one side."),
    "export.changed_examples": Words(
        "Export after changes (rows)", "An export is made once so many rows have changed."
    ),
    "export.max_age_minutes": Words("Export after (minutes)", "Or so long after the first change."),
    "export.keep_versions": Words(
        "Versions kept", "Older exports go from the volume, but never what was trained on last."
    ),
    "training.at": Words("Train from (examples)", "A training needs so many examples."),
    "training.new_examples": Words("New since the last training", "And so many that the last training has not seen."),
    "training.goal": Words("Goal of the dashboard", "What the dashboard counts towards."),
}

_UNLESS_GIVEN: dict[str, Any] = {
    "filters.personal_data_of_turn": False,
    "review.disputed": "wait",
    "duplicates.same_words": False,
    "texts.rules": LATEST,
}
"""Settings for which the shapes have no default."""


@cache
def sections() -> list[Section]:
    """Every section with its settings, in the order in which people read them."""
    shapes = {field.name: field for field in structs.fields(Policy)}
    return [
        Section(name, words.title, words.text, UnsetType in get_args(shapes[name].type), _settings(name, shapes[name]))
        for name, words in SECTIONS.items()
    ]


def _settings(section: str, shape: structs.FieldInfo) -> list[Setting]:
    struct = next(
        one for one in (*get_args(shape.type), shape.type) if isinstance(one, type) and issubclass(one, Struct)
    )
    return [_setting(f"{section}.{field.name}", field) for field in structs.fields(struct)]


def _setting(name: str, field: structs.FieldInfo) -> Setting:
    words, limits, choices = SETTINGS[name], _limits(field.type), _choices(field.type)
    known = _UNLESS_GIVEN.get(name, None if field.default in (NODEFAULT, UNSET) else field.default)
    return Setting(field.name, words.title, words.text, _kind(field.type, choices), choices, *limits, known)


def _parts(hint: Any) -> list[Any]:
    """A type and everything that it is made of."""
    return [hint, *(part for inner in get_args(hint) if get_origin(hint) is not Literal for part in _parts(inner))]


def _choices(hint: Any) -> list[str | int]:
    return [choice for part in _parts(hint) if get_origin(part) is Literal for choice in get_args(part)]


def _limits(hint: Any) -> tuple[float | None, float | None]:
    metas = [part for part in _parts(hint) if isinstance(part, Meta)]
    lowest = [meta.ge for meta in metas if meta.ge is not None]
    highest = [meta.le for meta in metas if meta.le is not None]
    return (lowest[0] if lowest else None, highest[0] if highest else None)


def _kind(hint: Any, choices: list[str | int]) -> Kind:
    parts = _parts(hint)
    if any(get_origin(part) is tuple for part in parts):
        return "choices" if choices else "texts"
    if choices:
        return "choice"
    if any(get_origin(part) is dict for part in parts):
        return "pairs"
    return "flag" if bool in parts else "text" if str in parts else "number"
