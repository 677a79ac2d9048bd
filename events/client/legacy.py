"""The old collector's names on the new client: replacing the class is a change of import.

    from rooflog.legacy import TrainingDataCollector

The old store's directory, given as the first argument, becomes the place of the outbox; the log's address comes from
ROOFLOG_NATS_URL. What the old store holds is brought over with `rooflog import`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Unpack

import msgspec

from ..calls import Turn
from ..errors import RooflogError
from .client import Rooflog

STATS_SECONDS = 1.0


class TrainingDataCollector:
    """`capture`, `add_feedback`, `record_correction` and `get_stats` as they were; everything else is in `rooflog`."""

    def __init__(self, storage_path: str | Path | None = None, *, rooflog: Rooflog | None = None) -> None:
        self.rooflog = rooflog or Rooflog(outbox=Path(storage_path) / "outbox" if storage_path else None)

    def capture(
        self,
        prompt: str,
        response: str,
        source: str = "chat_interaction",
        skill_used: str | None = None,
        tier_handled: str | None = None,
        latency_ms: float | None = None,
        tokens_in: int | None = None,
        tokens_out: int | None = None,
        tags: Iterable[str] | None = None,
        project_context: str | None = None,
        *,
        tier: str | None = None,
        project: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        include_in_training: bool = True,
        **turn: Unpack[Turn],
    ) -> str:
        """An interaction took place; its example id. `metadata` may carry what has a name of its own, and more.

        New: `turn`, the place in a conversation and what came with the question, as in `Rooflog.capture`.
        """
        known: dict[str, Any] = {
            "skill_used": skill_used,
            "tier_handled": tier_handled or tier,
            "latency_ms": latency_ms,
            "tokens_in": tokens_in,
            "tokens_out": tokens_out,
        }
        more = dict(metadata or {})
        known = {name: more.pop(name, None) if value is None else value for name, value in known.items()}
        return self.rooflog.capture(
            prompt,
            response,
            source=source,
            tags=tags or (),
            project=project_context or project or "general",
            details={"metadata": more} if more else None,
            include_in_training=include_in_training,
            **known,
            **turn,
        )

    def add_feedback(self, example_id: str, feedback: str, comment: str | None = None) -> dict[str, Any]:
        """Thumbs up or down; `request_correction` in the answer says: ask the user what would have been right."""
        received = self.rooflog.feedback(example_id, feedback, comment=comment)  # type: ignore[arg-type]
        return {"status": "recorded"} | msgspec.structs.asdict(received)

    def record_correction(
        self,
        original_prompt: str,
        original_response: str,
        corrected_response: str,
        correction_reason: str | None = None,
        corrector: str | None = None,
        tags: Iterable[str] | None = None,
        *,
        example_id: str | None = None,
    ) -> str:
        """The answer should have been this; the correction's id. New: `example_id`, of the answer that was wrong."""
        return self.rooflog.correct(
            original_prompt,
            original_response,
            corrected_response,
            reason=correction_reason,
            corrector=corrector,
            example_id=example_id,
            tags=tags or (),
        )

    def get_stats(self) -> dict[str, Any]:
        """The training data's statistics, where the projector answers within a second, and the `delivery` to it."""
        delivery = msgspec.to_builtins(self.rooflog.stats())
        try:
            return self.rooflog.training_stats(STATS_SECONDS) | {"delivery": delivery}
        except RooflogError as error:
            return {"delivery": delivery, "unavailable": str(error)}

    def flush(self) -> bool:
        """Everything to the log; True when it is there. The old buffer needed this, the outbox does not."""
        return self.rooflog.flush()

    def close(self) -> bool:
        """Flush and stop publishing. The next process publishes what still waits."""
        return self.rooflog.close()
