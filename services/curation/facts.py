"""Examples as the state knows them, and corrections of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from events import calls
from events.errors import InvalidFact, UnknownExample
from events.facts import CorrectionRecorded

from ..state.client import State

Example = Mapping[str, Any]
"""An example as the question `show` answers it."""


async def find(state: State, example_id: str) -> dict[str, Any]:
    """The example of an id. Raises UnknownExample."""
    example: dict[str, Any] | None = await state.ask("show", example_id=example_id)
    if example is None:
        raise UnknownExample(example_id)
    return example


def correction(
    corrected_response: str,
    *,
    actor: str,
    corrected_prompt: str | None = None,
    example: Example | None = None,
    example_id: str | None = None,
    original_prompt: str | None = None,
    original_response: str | None = None,
    reason: str | None = None,
    corrector: str | None = None,
    tags: Iterable[str] | None = None,
    project: str | None = None,
    at: datetime | None = None,
    correction_id: str | None = None,
    trace_id: str | None = None,
) -> CorrectionRecorded:
    """A correction of an example, which gives whatever is not given here, or of a prompt and answer given here.

    `corrected_prompt` is the question that the answer is for, where that is another one. Raises InvalidFact where
    neither gives prompt and answer.
    """
    known = example or {}
    prompt = known.get("prompt") if original_prompt is None else original_prompt
    response = known.get("response") if original_response is None else original_response
    if prompt is None or response is None:
        raise InvalidFact("invalid", "give example_id, or both original_prompt and original_response")
    return calls.correction(
        prompt,
        response,
        corrected_response,
        corrected_prompt=corrected_prompt,
        actor=actor,
        reason=reason,
        corrector=corrector,
        example_id=known.get("example_id", example_id),
        tags=known.get("tags", ()) if tags is None else tags,
        project=project or known.get("project_context", "general"),
        at=at,
        correction_id=correction_id,
        trace_id=trace_id,
    )
