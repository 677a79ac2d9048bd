"""The preview: what it counts is what an import then does, and it publishes nothing."""

from __future__ import annotations

from pathlib import Path

import msgspec

from events.log.log import Log
from services.imports import Preview, import_files

STORE = Path(__file__).parent / "store"
CHATS = Path(__file__).parent / "chats.jsonl"


async def test_a_preview_says_what_an_import_does(log: Log) -> None:
    await import_files(log, [CHATS])
    before = await log.last_sequence()
    preview = Preview()
    foreseen = await import_files(log, [STORE, STORE / "corrections.jsonl", CHATS], preview=preview)
    assert await log.last_sequence() == before
    assert sum(kind.count for kind in preview.kinds.values()) == foreseen.new
    assert msgspec.to_builtins(await import_files(log, [STORE, CHATS])) == msgspec.to_builtins(foreseen)


async def test_a_preview_shows_three_examples_of_each_kind(log: Log) -> None:
    preview = Preview()
    await import_files(log, [STORE], preview=preview)
    assert preview.kinds.keys() == {"example.captured.v1", "feedback.given.v1", "correction.recorded.v1"}
    for kind in preview.kinds.values():
        assert len(kind.examples) == min(kind.count, 3)
        assert all(example.startswith(str(STORE)) for example in kind.examples)
