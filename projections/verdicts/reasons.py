"""Reasons: why an example is not in the training set, is approved or waits for review, with the words for people."""

from __future__ import annotations

from typing import Literal, get_args

from msgspec import Struct

from ..policy.causes import CAUSE_BIT, Cause

Stage = Literal["filters", "approval", "duplicates"]
"""The stages of the pipeline in their order; each takes away what fails for one of its reasons."""


class Reason(Struct, frozen=True):
    """Why an example is not trained on: its name in every answer, the stage that finds it, and its words."""

    name: str
    stage: Stage
    words: str


class Basis(Struct, frozen=True):
    """What an approval may rest on, or why an example is incomplete: its name in every answer, and its words."""

    name: str
    words: str


class Place(Struct, frozen=True):
    """Why an example waits for review: its number in the order of the queue, its name in every answer, its words."""

    number: int
    name: str
    words: str


REASONS = (
    Reason("too_short", "filters", "too short"),
    Reason("low_relevance", "filters", "not about roofing"),
    Reason("excluded_source", "filters", "failed response"),
    Reason("excluded_by_author", "filters", "excluded from training"),
    Reason("personal_data", "filters", "personal data"),
    Reason("superseded_by", "filters", "answer was corrected"),
    Reason("erased", "filters", "erased"),
    Reason("too_long", "filters", "too long to be read whole"),
    Reason("incomplete", "filters", "no whole conversation"),
    Reason("rejected", "approval", "rejected by a reviewer"),
    Reason("not_approved", "approval", "not approved (yet)"),
    Reason("duplicate_of", "duplicates", "duplicate"),
)
"""The reasons in the order of the pipeline."""

CAUSES = (
    Basis("missing", "an earlier turn is missing"),
    Basis("erased", "an earlier turn was erased"),
    Basis("too_long", "the conversation is too long"),
    Basis("withheld", "an earlier answer is not to be learned"),
    Basis("personal_data", "an earlier turn holds personal data"),
    Basis("attachment", "it has an attachment that a trainer of texts cannot see"),
    Basis("cut_off", "the answer was cut off"),
    Basis("refusal", "the answer is a refusal"),
    Basis("tool_call", "it only calls a tool"),
)
"""The causes for which an example is `incomplete`, in the order of their bits (`policy.CAUSES`)."""

WORDS = {reason.name: reason.words for reason in REASONS}

BIT = {reason.name: 1 << number for number, reason in enumerate(REASONS)}
"""The bit of each reason that is set in `reasons` of a verdict."""

OF_STAGE = {stage: sum(BIT[reason.name] for reason in REASONS if reason.stage == stage) for stage in get_args(Stage)}
"""The bits of the reasons of each stage."""

FIRST = "reasons & -reasons"
"""SQL for the bit of the first of the `reasons` of a verdict: bits are in the order of the pipeline."""

APPROVALS = (
    Basis("reviewer", "a reviewer approved it"),
    Basis("feedback", "somebody gave it a thumbs up"),
    Basis("trusted_source", "its source is trusted"),
    Basis("use", "the document was used"),
)
"""What an approval may rest on, strongest first."""

PLACES = (
    Place(1, "correction", "Correction"),
    Place(2, "negative_feedback", "Thumbs down"),
    Place(3, "new_topic", "New topic"),
    Place(4, "edge_case", "Edge case"),
    Place(5, "not_reviewed", "Not reviewed"),
)
"""Why an example waits for review, the most urgent first."""

SIGNS = (
    Basis("correction", "Correction"),
    Basis("negative_feedback", "Thumbs down"),
    Basis("contradiction", "Contradiction"),
    Basis("personal_data", "Personal data"),
    Basis("to_look_at", "Name or address"),
    Basis("new_topic", "New topic"),
    Basis("borderline", "Relevance near the limit"),
)
"""What speaks for a look at an example that waits. One example may have several, whatever its place is."""

QUEUE = {place.number: place.name for place in PLACES}

NEW_TOPIC = next(place.number for place in PLACES if place.name == "new_topic")


def names(bits: int) -> list[str]:
    """The names of the reasons of a bit set, in the order of the pipeline."""
    return [name for name, bit in BIT.items() if bits & bit]


def causes(bits: int) -> list[Cause]:
    """The names of the causes of a bit set."""
    return [cause for cause, bit in CAUSE_BIT.items() if bits & bit]
