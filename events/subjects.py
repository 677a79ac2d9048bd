"""Ids and subjects: where on the log a fact belongs, and which filter finds it again."""

from __future__ import annotations

import re
import secrets
from datetime import datetime
from uuid import uuid4

from .errors import InvalidFact
from .facts import Fact

STREAM = "TRAINING"
ROOT = "training"
EVERYTHING = f"{ROOT}.>"
ADOPTIONS = f"{ROOT}.policy.adopted.*.*"
EXPORTS = f"{ROOT}.training_set.exported.*.*"
TOMBSTONES = f"{ROOT}.example.erased.*.*"

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


def about(any_id: str) -> str:
    """The filter for every fact about one example, export or other id."""
    return f"{ROOT}.*.*.{checked(any_id)}.*"


def capture_of(example_id: str) -> str:
    """The filter for the captures of one example."""
    return f"{ROOT}.example.captured.{checked(example_id)}.*"


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
