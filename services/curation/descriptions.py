"""Descriptions as facts: the tags, the project and the exclusion of an example, and a tag renamed everywhere."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime

from msgspec import Struct

from events import tags
from events.errors import InputError, RooflogError
from events.facts import ExampleDescribed
from events.log.log import Log
from events.subjects import new_event_id

from ..state.client import State
from ..state.protocol import Progress
from .decisions import Unchanged
from .facts import Example


def description(
    example_id: str,
    *,
    actor: str,
    added: Iterable[str] = (),
    removed: Iterable[str] = (),
    project: str | None = None,
    include: bool | None = None,
    reason: str | None = None,
    event_id: str | None = None,
    at: datetime | None = None,
) -> ExampleDescribed:
    """The example has tags more or fewer, is of a project, is to be trained on or not; None stays what it is.

    `removed` are tags as the example has them. Raises Unchanged where nothing is given, InvalidFact for a blank tag.
    """
    fact = ExampleDescribed(
        event_id=event_id or new_event_id(),
        occurred_at=at or datetime.now(UTC),
        actor=actor,
        example_id=example_id,
        added_tags=tags.distinct(added),
        removed_tags=tuple(dict.fromkeys(removed)),
        project_context=project,
        include_in_training=include,
        reason=reason,
    )
    if not (fact.added_tags or fact.removed_tags) and project is None and include is None:
        raise Unchanged("it is described as it was; give a tag, a project, or whether it is to be trained on")
    return fact


def changes(
    example: Example,
    *,
    added: Iterable[str],
    removed: Iterable[str],
    project: str | None,
    include: bool | None,
) -> dict[str, object]:
    """What of some wishes is not so yet, as arguments of `description`. Raises InputError for a tag that is missing."""
    known: list[str] = example["tags"]
    fewer = [_as_written(known, tag) for tag in removed]
    return {
        "added": [tag for tag in tags.distinct(added) if tag not in known],
        "removed": fewer,
        "project": None if project == example["project_context"] else project,
        "include": None if include == example["include_in_training"] else include,
    }


def _as_written(known: list[str], tag: str) -> str:
    """A tag as an example has it. Raises InputError where it does not."""
    same = [other for other in known if other == tag] or [o for o in known if tags.normal(o) == tags.normal(tag)]
    if not same:
        raise InputError(f"it has no tag {tag!r}; it has {', '.join(known)}")
    return same[0]


class Renamed(Struct, frozen=True):
    """A tag as examples have it, what it is called now, how many had it, and how many of them were described."""

    old: str
    new: str
    total: int
    described: int


async def rename(
    log: Log,
    state: State,
    old: str,
    new: str,
    *,
    actor: str,
    is_preview: bool = False,
    progress: Progress | None = None,
) -> Renamed:
    """Give every example with a tag another one instead, page by page; again after a kill it does the rest.

    The facts of an example take their ids from what they say and its revision, so that none is said twice. Raises
    InputError where no example has the tag, or where both are one tag.
    """
    (new,) = tags.distinct([new])
    page = await state.ask("called", tag=old)
    old, total, done = page["tag"], page["total"], 0
    if not total:
        raise InputError(f"no example has the tag {old!r}; `rooflog tags list` shows which there are")
    if (await state.ask("called", tag=new, limit=1))["tag"] == old:
        raise InputError(f"{old!r} and {new!r} are one tag under the policy that holds")
    while not is_preview:
        facts = [_renaming(item, old, new, actor) for item in page["items"]]
        published = await log.publish(facts)
        if published.refused:
            raise RooflogError(f"the tag of {published.refused[0][0]} was not renamed: {published.refused[0][1]}")
        done += len(published.new)
        if progress:
            progress(done, total)
        if page["after"] is None:
            break
        page = await state.ask("called", tag=old, after=page["after"])
    return Renamed(old, new, total, done)


def _renaming(item: Example, old: str, new: str, actor: str) -> ExampleDescribed:
    renaming = f"rename {old} {new} {item['example_id']} {item['revision']}"
    return description(
        item["example_id"],
        actor=actor,
        added=[new],
        removed=[old],
        event_id=hashlib.sha256(renaming.encode("utf-8", "surrogatepass")).hexdigest()[:32],
    )
