"""The office that the benchmarks listen to: captures, feedback, decisions and corrections, in any version's facts."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from events.facts import (
    CorrectionRecorded,
    ExampleApproved,
    ExampleCaptured,
    ExampleRejected,
    Fact,
    FeedbackGiven,
    Metadata,
)

from .texts import Texts

CAPTURES, FEEDBACK, DECISIONS = 0.6, 0.25, 0.1
"""Shares of mixed facts; the rest are corrections."""

SOURCES = ("production_query", "chat_interaction", "rfi_generation", "spec_interpretation", "verified_calculation",
           "detail_decision", "error")  # fmt: skip

PREPARED = "prepared"
"""The label of the office that filled the prepared databases."""


class Office:
    """Facts of one office; the same label gives the same facts, and another one gives other ids."""

    def __init__(self, label: str, known: int = 0, start: datetime = datetime(2025, 1, 1, tzinfo=UTC)) -> None:
        """`known` captures of the prepared office may be spoken about, beside this one's own."""
        self.label = label
        self.captured = 0
        self._known = known
        self._said = 0
        self._at = start
        self._texts = Texts(label)
        self._random = random.Random(f"facts {label}")
        self._recent: deque[ExampleCaptured] = deque(maxlen=1_000)

    def capture(self) -> ExampleCaptured:
        """A question and its answer."""
        example_id = f"train_{self.label}_{self.captured:08}"
        self.captured += 1
        pick = self._random.choice
        spent = Metadata(skill_used="qa", tier_handled="groq", latency_ms=float(self._random.randrange(200, 9_000)))
        fact = ExampleCaptured(
            example_id=example_id, prompt=self._texts.question(), response=self._texts.answer(), metadata=spent,
            source=pick(SOURCES), project_context=f"p{self._random.randrange(50)}", **self._envelope(example_id),
        )  # fmt: skip
        self._recent.append(fact)
        return fact

    def feedback(self) -> FeedbackGiven:
        """A thumbs up, or one time in five down."""
        feedback: Any = "positive" if self._random.random() < 0.8 else "negative"
        return FeedbackGiven(example_id=self._example(), feedback=feedback, **self._envelope())

    def decision(self) -> ExampleApproved | ExampleRejected:
        """A reviewer's decision, three of four an approval."""
        if self._random.random() < 0.75:
            return ExampleApproved(example_id=self._example(), revision=0, **self._envelope())
        return ExampleRejected(example_id=self._example(), revision=0, reason="wrong", **self._envelope())

    def correction(self) -> CorrectionRecorded:
        """What a recent answer should have been."""
        about = self._random.choice(self._recent)
        return CorrectionRecorded(
            example_id=about.example_id, original_prompt=about.prompt, original_response=about.response,
            corrected_response=f"Better: {self._texts.answer()}", reason="wrong", **self._envelope(),
        )  # fmt: skip

    def mixed(self) -> Iterator[Fact]:
        """Facts without end, of every kind."""
        while True:
            share = self._random.random()
            if share < CAPTURES or not self._recent:
                yield self.capture()
            elif share < CAPTURES + FEEDBACK:
                yield self.feedback()
            elif share < CAPTURES + FEEDBACK + DECISIONS:
                yield self.decision()
            else:
                yield self.correction()

    def _example(self) -> str:
        n = self._random.randrange(self._known + self.captured)
        label, number = (PREPARED, n) if n < self._known else (self.label, n - self._known)
        return f"train_{label}_{number:08}"

    def _envelope(self, event_id: str = "") -> dict[str, Any]:
        self._said += 1
        self._at += timedelta(seconds=20)
        return {"event_id": event_id or f"said_{self.label}_{self._said:08}", "occurred_at": self._at, "actor": "ann"}
