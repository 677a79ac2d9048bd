"""The exporter: the training set as the file that the deployed trainer reads, never seen half-written."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from projections.policy import Relevance

from .state import Progress, State

ROOT_FILE = "training_conversations.jsonl"
"""The name under which the deployed trainer looks for its data in the volume's root."""


class Line(msgspec.Struct, frozen=True):
    """One line of the file: the same keys and types on every line, as a `datasets.Dataset` needs."""

    prompt: str
    response: str
    system: str


async def export(
    state: State,
    volume: Path,
    *,
    min_examples: int | None = None,
    min_quality: Relevance | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Write the training set to the volume, or say that it is too small and leave the volume as it is.

    `min_examples` and `min_quality` (a relevance) are the policy's unless given. Raises OSError when the volume cannot
    be written; the old file is then untouched.
    """
    async with state.training_set(min_quality) as (head, batches):
        funnel, required = head.funnel, head.min_examples if min_examples is None else min_examples
        if funnel["unique"] < required:
            return {"status": "insufficient_data", "count": funnel["unique"], "required": required, "funnel": funnel}
        path = volume / ROOT_FILE
        await _replace(path, _lines(batches, head.system, funnel["unique"], progress))
    return {
        "status": "exported",
        "total_raw": funnel["captured"],
        "corrections": funnel["corrections"],
        "after_filtering": funnel["unique"],
        "output_path": str(path),
        "funnel": funnel,
        "last_seq": head.checkpoint,
        "log_digest": head.log_digest,
        "policy_digest": head.policy_digest,
    }


async def _lines(
    batches: AsyncIterator[pa.RecordBatch], system: str, total: int, progress: Progress | None
) -> AsyncIterator[bytes]:
    encoder = msgspec.json.Encoder()
    done = 0
    async for batch in batches:
        prompts, responses = (batch.column(name).to_pylist() for name in ("prompt", "response"))
        yield encoder.encode_lines([Line(p, r, system) for p, r in zip(prompts, responses, strict=True)])
        done += batch.num_rows
        if progress:
            progress(done, total)


async def _replace(path: Path, chunks: AsyncIterator[bytes]) -> None:
    """Write a file beside its place, sync it, and put it there in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            async for chunk in chunks:
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
