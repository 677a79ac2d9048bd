"""Commands about tags: how an example is described, which tags there are, and a tag renamed everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import msgspec
from msgspec import Struct

from events.errors import InputError
from events.facts import ExampleDescribed

from ..curation import descriptions
from ..curation.facts import Example, find
from .bulk import decided, dry_run_option, filters, in_bulk, plain_option, where_option
from .command import Outcome, Session, actor_option, command, counted, plain

if TYPE_CHECKING:  # tables are for their owner to load
    from projections.queries.coverage import Doing


@command("describe", example="rooflog describe train_20250115_143000_1a2b3c4d --tag seam --untag general")
@click.argument("example_id", required=False)
@where_option
@plain_option
@dry_run_option
@click.option("--tag", "added", multiple=True, help="A tag that it has from now on; may be repeated.")
@click.option("--untag", "removed", multiple=True, help="A tag that it no longer has; may be repeated.")
@click.option("--project", help="The project it belongs to.")
@click.option("--exclude/--include", "is_excluded", default=None, help="Never train on it, or take that back.")
@click.option("--reason", help="Why.")
@click.option("--revision", type=click.IntRange(min=0), help="The revision you saw; refused if it is stale.")
@actor_option
async def describe(
    session: Session,
    example_id: str | None,
    where: tuple[str, ...],
    is_plain: bool,
    is_preview: bool,
    added: tuple[str, ...],
    removed: tuple[str, ...],
    project: str | None,
    is_excluded: bool | None,
    reason: str | None,
    revision: int | None,
) -> Outcome:
    """Change the tags or the project of an example, or of all that match, or exclude them from training.

    An approval stands. An example that is excluded is trained on again, if it was approved, once it is included.
    """
    include = None if is_excluded is None else not is_excluded
    if bool(example_id) == bool(where):
        raise InputError("give an ID, or --where")
    if example_id is None:
        if revision is not None:
            raise InputError("--revision belongs to an ID")
        many = _Many(filters(where), added, removed, project, include, reason)
        return await _describe_many(session, many, is_plain=is_plain, is_preview=is_preview)
    if is_plain or is_preview:
        raise InputError("--plain and --dry-run belong to --where")
    async with session.state() as (log, state):
        example = await find(state, example_id)
        wanted: dict[str, Any] = descriptions.changes(
            example, added=added, removed=removed, project=project, include=include
        )
        example_id = example["example_id"]
        fact = descriptions.description(example_id, actor=session.settings.who, reason=reason, **wanted)
        seen = example["revision"] if revision is None else revision
        seq = await log.decide(fact, revision=seen)
        tags = (await find(state, example_id))["tags"]
    value = {"status": "described", "example_id": example_id, "seq": seq, "tags": tags}
    return Outcome(value, f"described, sequence {seq}; its tags are {plain(', '.join(tags))}")


class _Many(Struct, frozen=True):
    """Which examples are described, and how."""

    where: dict[str, str]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    project: str | None
    include: bool | None
    reason: str | None


async def _describe_many(session: Session, many: _Many, *, is_plain: bool, is_preview: bool) -> Outcome:
    """Describe all that match. Raises InputError unless it is one change: it leaves out what is so already."""
    changes: list[tuple[Doing, str | None]] = [("tag", tag) for tag in many.added]
    changes += [("untag", tag) for tag in many.removed]
    changes += [("move", many.project)] if many.project else []
    changes += [("include" if many.include else "exclude", None)] if many.include is not None else []
    if len(changes) != 1:
        raise InputError("with --where give one change: one --tag, --untag, --project, --exclude or --include")
    ((doing, value),) = changes
    if doing in ("tag", "untag") and value is not None:
        async with session.state() as (_, state):
            value = (await state.ask("called", tag=value, limit=1))["tag"]

    def description(example: Example) -> ExampleDescribed:
        return descriptions.description(
            example["example_id"],
            actor=session.settings.who,
            added=[value] if doing == "tag" and value else (),
            removed=[value] if doing == "untag" and value else (),
            project=many.project,
            include=many.include,
            reason=in_bulk(many.where, many.reason),
        )

    return await decided(
        session, doing, "described", many.where, description, value=value, is_plain=is_plain, is_preview=is_preview
    )


@click.group("tags", epilog="Example: rooflog tags list")
def tags() -> None:
    """Tags: which there are, and a tag renamed everywhere."""


@command("list", example="rooflog tags list --limit 20")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="How many to show.")
@click.option("--after", type=click.IntRange(min=0), default=0, help="Go on behind so many.")
async def list_(session: Session, limit: int, after: int) -> Outcome:
    """List the tags by how many examples have each, the most frequent first."""
    async with session.state() as (_, state):
        answer = await state.ask("tags", limit=limit, after=after)
    from rich.table import Table

    table = Table("tag", "examples", "in training", "waiting", box=None, header_style="bold")
    for item in answer["items"]:
        table.add_row(plain(item["tag"]), *(f"{item[name]:,}" for name in ("total", "in_training", "waiting")))
    return Outcome(answer, counted(answer["total"], "tag"), renderables=(table,) if answer["items"] else ())


@command("rename", example="rooflog tags rename 'pitch pan' 'pitch pocket' --dry-run")
@click.argument("old")
@click.argument("new")
@click.option("--dry-run", "is_preview", is_flag=True, help="Tell how many examples it would change, and change none.")
@actor_option
async def rename(session: Session, old: str, new: str, is_preview: bool) -> Outcome:
    """Give every example with the tag OLD the tag NEW instead.

    Again after it was interrupted it does the rest. Examples that come later keep OLD: a synonym in the policy renames
    those too.
    """
    async with session.state() as (log, state):
        with session.progress("renaming") as progress:
            renamed = await descriptions.rename(
                log, state, old, new, actor=session.settings.who, is_preview=is_preview, progress=progress
            )
    value = {"status": "previewed" if is_preview else "renamed"} | msgspec.to_builtins(renamed)
    examples = counted(renamed.total if is_preview else renamed.described, "example")
    words = f"{examples} would be renamed" if is_preview else f"renamed the tag of {examples}"
    return Outcome(value, f"{words}: {plain(renamed.old)} to {plain(renamed.new)}")


tags.add_command(list_)
tags.add_command(rename)
