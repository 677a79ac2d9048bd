"""Aliases: what 0.1.0 imported is known, and what is added to it goes on from there."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import msgspec

from events import calls
from events.log.log import Log
from services.imports import import_files

from .contract import written

Q, A = (
    {"role": "user", "content": "Which slope?"},
    {"role": "assistant", "content": "1/4 in per foot.", "refusal": None},
)
FOLLOW, B = {"role": "user", "content": "And for EPDM?"}, {"role": "assistant", "content": "The same."}


async def imported_by_0_1_0(log: Log, *messages: dict[str, Any]) -> str:
    """Publish the capture that 0.1.0 made of the last answer of a chat; its id."""
    digest = hashlib.sha256(msgspec.json.encode(messages, order="sorted")).hexdigest()
    question, answer = messages[-2:]
    fact = calls.capture(question["content"], answer["content"], actor="import", example_id=f"chat_{digest[:32]}")
    await log.publish([fact])
    return fact.example_id


async def test_what_0_1_0_imported_is_known(log: Log, tmp_path: Path) -> None:
    ids = [await imported_by_0_1_0(log, Q, A), await imported_by_0_1_0(log, Q, A, FOLLOW, B)]
    for more in ({}, {"conversation_id": "thread 7"}):
        path = written(tmp_path / "x.jsonl", [{"messages": [Q, A, FOLLOW, B], "created": 1742306400} | more])
        report = await import_files(log, [path])
        assert (report.new, report.existing, report.problems) == (0, 2, [])
    assert await log.last_sequence() == len(ids)


async def test_what_is_added_follows_what_is_known(log: Log, tmp_path: Path) -> None:
    known = await imported_by_0_1_0(log, Q, A)
    path = written(tmp_path / "x.jsonl", [{"messages": [Q, A, FOLLOW, B], "created": 1742306400}])
    report = await import_files(log, [path])
    assert (report.new, report.existing) == (1, 1)
    message = await log.at(2)
    assert message is not None
    added: Any = message.fact()
    assert (added.follows, added.conversation) == (known, known)
    again = await import_files(log, [path])
    assert (again.new, again.existing, again.problems) == (0, 2, [])


async def test_one_conversation_in_two_spellings_is_one(log: Log, tmp_path: Path) -> None:
    lines = [{"messages": [Q, answer], "created": 1742306400} for answer in (A, {k: A[k] for k in ("role", "content")})]
    report = await import_files(log, [written(tmp_path / "x.jsonl", lines)])
    assert (report.new, report.existing, report.problems) == (1, 1, [])


async def test_named_conversations_of_the_same_words_stay_apart(log: Log, tmp_path: Path) -> None:
    lines = [{"messages": [Q, A], "created": 1742306400, "conversation_id": name} for name in ("c1", "c2")]
    for new in (2, 0):
        report = await import_files(log, [written(tmp_path / "x.jsonl", lines)])
        assert (report.new, report.problems) == (new, [])
