"""Descriptions are facts, made alike for whoever describes; a tag is renamed to the end, whatever interrupts it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from events.errors import InputError, InvalidFact
from events.facts import ExampleErased
from events.log.log import Log
from services.curation import descriptions
from services.curation.decisions import Unchanged
from services.settings import Settings
from services.state.client import open_state

from ..conftest import NOW, capture

EXAMPLE: dict[str, Any] = {"tags": ["Lap", "tpo"], "project_context": "Depot", "include_in_training": True}
NOTHING: dict[str, Any] = {"added": (), "removed": (), "project": None, "include": None}
MANY = 1_500
"""More examples than one page holds."""


def test_only_what_is_otherwise_is_said() -> None:
    wanted: dict[str, Any] = {"added": ["TPO", "Seam"], "removed": ["lap "], "project": "Depot", "include": False}
    changed: dict[str, Any] = descriptions.changes(EXAMPLE, **wanted)
    assert changed == {"added": ["seam"], "removed": ["Lap"], "project": None, "include": False}
    fact = descriptions.description("a", actor="ann", **changed)
    assert (fact.added_tags, fact.removed_tags, fact.include_in_training) == (("seam",), ("Lap",), False)


def test_a_tag_that_it_does_not_have_cannot_be_removed() -> None:
    with pytest.raises(InputError, match="it has no tag 'pvc'; it has Lap, tpo"):
        descriptions.changes(EXAMPLE, **NOTHING | {"removed": ["pvc"]})


def test_a_description_that_says_nothing_is_refused() -> None:
    with pytest.raises(Unchanged, match="described as it was"):
        descriptions.description("a", actor="ann")
    with pytest.raises(InvalidFact, match="has no words"):
        descriptions.description("a", actor="ann", added=[" "])


class Interrupted(Exception):
    """Stands for whatever ends a rename between two pages."""


async def test_a_rename_goes_on_where_it_was_interrupted(log: Log, tmp_path: Path) -> None:
    await log.publish(capture(f"How deep is pan {n}?", tags=("pan",), example_id=f"e{n}") for n in range(MANY))
    async with open_state(Settings(data_dir=tmp_path), log) as state:

        def interrupt(done: int, total: int) -> None:
            raise Interrupted

        with pytest.raises(Interrupted):
            await descriptions.rename(log, state, "pan", "pocket", actor="ann", progress=interrupt)
        assert await log.last_sequence() == MANY + 1_000
        renamed = await descriptions.rename(log, state, "pan", "pocket", actor="ann")
        assert (renamed.total, renamed.described) == (MANY - 1_000, MANY - 1_000)
        assert await log.last_sequence() == 2 * MANY
        tags = {item["tag"]: item["total"] for item in (await state.ask("tags"))["items"]}
        assert (tags["pocket"], "pan" in tags) == (MANY, False)


async def test_what_was_erased_is_not_renamed(log: Log, tmp_path: Path) -> None:
    plain = [capture(f"Which colour has car {n}?", "Blue.", example_id=f"e{n}") for n in range(2)]
    await log.publish([*plain, ExampleErased(event_id="x", occurred_at=NOW, actor="ann", example_id="e0", reason="")])
    async with open_state(Settings(data_dir=tmp_path), log) as state:
        renamed = await descriptions.rename(log, state, "general", "cars", actor="ann")
        assert (renamed.total, renamed.described) == (1, 1)


async def test_two_renames_at_once_say_nothing_twice(log: Log, tmp_path: Path) -> None:
    await log.publish([capture("How deep is a pan?", tags=("pan",), example_id="e1")])
    async with open_state(Settings(data_dir=tmp_path), log) as state:
        page = await state.ask("called", tag="pan")
        await descriptions.rename(log, state, "pan", "pocket", actor="ann")
        (late,) = (descriptions._renaming(item, "pan", "pocket", "ben") for item in page["items"])
        assert (await log.publish([late])).new == ()
