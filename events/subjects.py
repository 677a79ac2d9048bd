"""Ids and subjects: where on the log a fact belongs, which filter finds it, and what a subject says."""

from __future__ import annotations

import re
import secrets
from datetime import datetime
from typing import NamedTuple
from uuid import uuid4

from .errors import InvalidFact
from .facts import CorrectionRecorded, Fact

STREAM = "TRAINING"
ROOT = "training"
EVERYTHING = f"{ROOT}.>"
ADOPTIONS = f"{ROOT}.policy.adopted.*.*"
EXPORTS = f"{ROOT}.training_set.exported.*.*"
TOMBSTONES = f"{ROOT}.example.erased.*.*"
RESTATEMENTS = f"{ROOT}.example.restated.*.*"

_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,128}")


def new_event_id() -> str:
    """A random id of 128 bits."""
    return uuid4().hex


def new_example_id(at: datetime, kind: str = "train") -> str:
    """An id such as `train_20250115_143000_1a2b3c4d5e6f7081`: readable by people, 64 random bits for machines."""
    return f"{kind}_{at:%Y%m%d_%H%M%S}_{secrets.token_hex(8)}"


def subject_of(fact: Fact) -> str:
    """The one subject of this fact: `training.<noun>.<verb>.<example or other id>.<event id>`."""
    return f"{ROOT}.{fact.noun}.{fact.verb}.{fact.about}.{fact.event_id}"


class Subject(NamedTuple):
    """The parts of a subject; all are empty where it has not the shape of a fact's subject."""

    noun: str = ""
    verb: str = ""
    about: str = ""
    event_id: str = ""

    @property
    def kind(self) -> str:
        """What kind of fact belongs there, such as `example.captured`; empty where none does."""
        return f"{self.noun}.{self.verb}" if self.noun else ""

    @property
    def correction_id(self) -> str | None:
        """The id of the correction that belongs there: a correction is an example itself, by its event id."""
        return self.event_id if self[:2] == (CorrectionRecorded.noun, CorrectionRecorded.verb) else None

    @property
    def ids(self) -> tuple[str, ...]:
        """The examples, or the one other thing, that a fact on this subject is about."""
        return tuple(dict.fromkeys(filter(None, (self.about, self.correction_id))))


def parse(subject: str) -> Subject:
    """The parts of a subject of the stream."""
    root, *parts = subject.split(".")
    return Subject(*parts) if root == ROOT and len(parts) == len(Subject._fields) else Subject()


def about(any_id: str) -> str:
    """The filter for every fact about one example, export or other id."""
    return f"{ROOT}.*.*.{checked(any_id)}.*"


def captured_on(example_id: str, event_id: str) -> str:
    """The subject of a capture."""
    return f"{ROOT}.example.captured.{example_id}.{event_id}"


def captures_of(example_id: str) -> list[str]:
    """The filters for the captures of one example, as they were said first and as they were restated."""
    return [f"{ROOT}.example.{verb}.{checked(example_id)}.*" for verb in ("captured", "restated")]


def correction(correction_id: str) -> str:
    """The filter for the fact that recorded one correction, whatever example it is about."""
    return f"{ROOT}.correction.recorded.*.{checked(correction_id)}"


def event(fact: Fact) -> str:
    """The filter for facts of this kind and event id, whatever they are about."""
    return f"{ROOT}.{fact.noun}.{fact.verb}.*.{checked(fact.event_id)}"


def checked(token: str) -> str:
    """The id itself; raises InvalidFact where it cannot be a token of a subject."""
    if not _TOKEN.fullmatch(token):
        raise InvalidFact("invalid", f"{token!r} is not an id: letters, digits, _ and -, 128 characters at most")
    return token
