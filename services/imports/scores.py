"""Scores: what somebody has said about a call of a model in another tool, as feedback or as a correction."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from msgspec import Struct

from events import calls
from events.facts import CorrectionRecorded, FeedbackGiven

from . import ratings
from .format import ACTOR, Left


class Opinion(Struct, frozen=True, kw_only=True):
    """An opinion on the call of a key, or on a whole trace; `is_human` tells whether a person gave it.

    `key` is None for one of a trace. `correction` is what the answer should have been. Without a time of its own, it is
    of the time of its call.
    """

    opinion_id: str
    key: str | None
    trace_id: str | None
    name: str
    value: Any
    at: datetime | None
    is_human: bool
    comment: str | None = None
    by: str | None = None
    correction: str | None = None

    @property
    def actor(self) -> str:
        """Who says it."""
        return ratings.name_of(self.by) or ACTOR

    def feedback(self, example_id: str) -> FeedbackGiven | Left:
        """The opinion on an example, or why it is none."""
        if not self.is_human:
            return Left.BY_MACHINE
        verdict = verdict_of(self.name, self.value)
        if verdict is None:
            return Left.UNCLEAR
        return calls.feedback(
            example_id,
            verdict,
            actor=self.actor,
            comment=self.comment or None,
            at=self.at,
            event_id=self._id("feedback", verdict, self.comment or ""),
        )

    def corrected(self, example_id: str, prompt: str, response: str) -> CorrectionRecorded:
        """The correction of an example with these texts."""
        return calls.correction(
            prompt,
            response,
            self.correction or "",
            actor=self.actor,
            reason=self.comment or None,
            example_id=example_id,
            at=self.at,
            correction_id=self._id("correction", self.correction or ""),
        )

    def _id(self, kind: str, *says: str) -> str:
        """The id of a fact, which another one has once the opinion says something else."""
        whole = "\0".join([kind, self.opinion_id, *says])
        digest = hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        return f"{kind}_{digest}"


def verdict_of(name: str, value: Any) -> ratings.Thumb | None:
    """What a score says of a whole answer: from -1 to 1, true or false, or a label; None where it says neither."""
    value = ratings.number_of(value)
    if not ratings.judges_whole(name):
        return None
    if isinstance(value, int | float) and not -1 <= value <= 1:
        return None  # of a scale that nobody knows
    try:
        return ratings.thumb(value)
    except ValueError:
        return None
