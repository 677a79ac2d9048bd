"""The registry of what the owner of the tables answers: questions, streams and commands."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa

from projections.queries import (
    coverage,
    dashboard,
    examples,
    notes,
    policy_preview,
    review_queue,
    training_set,
    undoing,
)
from projections.store import segments
from projections.store.database import Connection
from projections.tables import digest_chain, erasures, exports, policies, quarantine, restatements
from projections.texts import analysis
from projections.verdicts.memory import Reader


def _digest(con: Connection) -> dict[str, Any]:
    from projections.fold.content_digest import digest  # what folds is loaded by the owner of the tables alone

    return digest(con)


def first_argument(question: Callable[..., Any], reader: Reader) -> Reader | Connection:
    """What a question is asked of: the tables alone, or the columns before them where it says `reader`."""
    return reader if next(iter(inspect.signature(question).parameters)) == "reader" else reader.con


QUESTIONS: dict[str, Callable[..., Any]] = {
    "status": examples.status,
    "digest": _digest,
    "stats": examples.stats,
    "measured": dashboard.measured,
    "queue": examples.queue,
    "show": examples.show,
    "whole": examples.whole,
    "tagged": examples.tagged,
    "tags": examples.tags,
    "called": examples.called,
    "waiting": review_queue.waiting,
    "considered": review_queue.considered,
    "facets": review_queue.facets,
    "covered": coverage.covered,
    "before": undoing.before,
    "found": review_queue.found,
    "related": review_queue.related,
    "dashboard": dashboard.dashboard,
    "quarantined": dashboard.quarantined,
    "counted": dashboard.counted,
    "exports": exports.history,
    "sequences": examples.sequences,
    "chain": digest_chain.entries,
    "segments": segments.listed,
    "quarantine": quarantine.listed,
    "kept": quarantine.kept,
    "erasing": erasures.erasing,
    "repeating": erasures.repeating,
    "copying": restatements.copying,
    "selected": review_queue.selected,
    "inbox": notes.inbox,
    "policies": policies.history,
    "adoptions": policies.adoptions,
    "policy": policies.document,
    "preview": policy_preview.preview,
}
"""Questions with short answers. Each function takes a reader or a connection, and its arguments by keyword."""

STREAMS: dict[str, Callable[..., Iterator[bytes | pa.Table]]] = {
    "training_set": training_set.stream,
    "moved": policy_preview.moved,
    "analyses": analysis.stream,
}
"""Questions with long answers: a head as JSON, then pages of rows, all of one moment."""

COMMANDS: dict[str, Callable[..., Any]] = {
    "prepare": policy_preview.prepare,
}
"""Commands that change no content: they prepare what a coming fact will need."""
