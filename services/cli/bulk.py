"""Decisions on many examples: which a filter covers, what deciding on them would change, and the way back as one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, TypeVar

import click
from msgspec import Struct

from events.errors import InputError, InvalidFact, StaleRevision
from events.facts import Decision, ExampleDescribed
from events.log.log import Log

from ..curation import decisions
from ..curation.facts import Example
from ..curation.undoing import undoing
from ..state.client import State
from ..state.protocol import Progress
from .command import Outcome, Session, actor_option, command, counted, plain

if TYPE_CHECKING:  # tables are for their owner to load
    from projections.queries.coverage import Doing

D = TypeVar("D", bound=Decision | ExampleDescribed)

FILTERS = ("tag", "source", "project", "relevance", "why", "sign", "stage", "reason", "like", "since", "until", "text")
"""What examples can be filtered by, with the names and values of the lists."""

AT_ONCE = 1_000
"""Decisions whose predecessors are looked up together."""

where_option = click.option(
    "--where",
    multiple=True,
    metavar="NAME=VALUE",
    help=f"Instead of IDs: all that match; may be repeated. Names are {', '.join(FILTERS)}; stage=any is everywhere.",
)
plain_option = click.option("--plain", "is_plain", is_flag=True, help="With --where: leave out what needs a look.")
dry_run_option = click.option(
    "--dry-run", "is_preview", is_flag=True, help="With --where: tell what would change, and change nothing."
)


class Covered(Struct, frozen=True):
    """What a filter covers, each at its revision, and how many of them `changed` while it was read.

    `effect` is what a decision on all would do to the training set.
    """

    items: list[Example]
    changed: int
    total: int
    effect: dict[str, Any] | None


def filters(where: Sequence[str]) -> dict[str, str]:
    """Filters by their names. Raises InputError for an unknown name, or one that is given twice."""
    wanted: dict[str, str] = {}
    for one in where:
        name, _, value = one.partition("=")
        if name not in FILTERS or not value:
            raise InputError(f"--where {one}: give NAME=VALUE with one of the names {', '.join(FILTERS)}")
        if name in wanted:
            raise InputError(f"--where {one}: {name} is given twice")
        wanted[name] = value
    return wanted


def in_bulk(where: Mapping[str, str], reason: str | None = None) -> str:
    """The reason of a decision on many: it names the filters."""
    words = f"in bulk: {', '.join(f'{name} {value}' for name, value in where.items())}"
    return f"{reason} ({words})" if reason else words


async def covered(
    state: State,
    doing: Doing,
    where: Mapping[str, str],
    *,
    value: str | None = None,
    is_plain: bool = False,
    is_preview: bool = False,
) -> Covered:
    """Everything that filters cover, as it is now; of a preview only the first page."""
    asked: dict[str, Any] = {"doing": doing, "value": value, "plain": is_plain, **where}
    page = first = await state.ask("covered", **asked)
    items, changed = list(page["items"]), 0
    while page["after"] is not None and not is_preview:
        page = await state.ask("covered", **asked, after=page["after"], seen=first["checkpoint"])
        items, changed = items + page["items"], changed + page["changed"]
    return Covered(items, changed, first["total"], first["effect"])


async def decide_all(
    log: Log, facts: Sequence[D], revisions: Mapping[str, int], progress: Progress
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Say what is decided about each example; what is on the log, and what was refused as it had changed."""
    outcomes = await decisions.decide_all(
        facts, lambda fact: log.decide(fact, revision=revisions[fact.example_id]), (StaleRevision,), progress
    )
    pairs = list(zip(facts, outcomes, strict=True))
    return (
        [{"example_id": fact.example_id, "seq": seq} for fact, seq in pairs if not isinstance(seq, Exception)],
        [{"example_id": fact.example_id, "error": str(e)} for fact, e in pairs if isinstance(e, Exception)],
    )


def previewed(covered: Covered) -> Outcome:
    """What a decision on all would do, for people and machines."""
    lines = [f"{counted(covered.total, 'example')} would be decided"]
    if covered.effect:
        enter, leave, stays, out = (covered.effect[name] for name in ("enter", "leave", "stays_in", "stays_out"))
        lines.append(
            f"{enter:,} would come into the training set, {leave:,} would leave it, {stays:,} would stay in it"
        )
        lines += [f"{n:,} would be kept out: {plain(name.replace('_', ' '))}" for name, n in out.items()]
    return Outcome({"status": "previewed", "total": covered.total, "effect": covered.effect}, "\n".join(lines))


async def decided(
    session: Session,
    doing: Doing,
    verb: str,
    where: Mapping[str, str],
    fact: Callable[[Example], D],
    *,
    value: str | None = None,
    is_plain: bool = False,
    is_preview: bool = False,
) -> Outcome:
    """Decide on everything that filters cover, or tell what that would change; `fact` says it about an example."""
    async with session.state() as (log, state):
        all_of = await covered(state, doing, where, value=value, is_plain=is_plain, is_preview=is_preview)
        if is_preview:
            return previewed(all_of)
        facts = [fact(item) for item in all_of.items]
        revisions = {item["example_id"]: item["revision"] for item in all_of.items}
        with session.progress("deciding") as progress:
            done, refused = await decide_all(log, facts, revisions, progress)
    lines = [f"{verb} {len(done):,}"] + [f"[red]{plain(refusal['error'])}[/red]" for refusal in refused]
    if all_of.changed:
        lines.append(f"{all_of.changed:,} left, as somebody changed them meanwhile")
    if done:
        seqs = [one["seq"] for one in done]
        lines.append(f"[dim]rooflog undo {min(seqs)} {max(seqs)} takes it back[/dim]")
    answer = {"status": verb, verb: done, "refused": refused, "changed": all_of.changed}
    return Outcome(answer, "\n".join(lines), code=1 if refused else 0)


@command("undo", example="rooflog undo 4711 8710 --dry-run")
@click.argument("first", type=click.IntRange(min=1))
@click.argument("last", type=click.IntRange(min=1), required=False)
@click.option("--by", help="Whose decisions; your own unless given.")
@click.option("--reason", help="Why they are undone.")
@click.option("--dry-run", "is_preview", is_flag=True, help="Tell how many it would take back, and take none.")
@actor_option
async def undo(
    session: Session, first: int, last: int | None, by: str | None, reason: str | None, is_preview: bool
) -> Outcome:
    """Take back what was decided or described from sequence FIRST to LAST: what held before holds again.

    An example about which more was said since stays as it is, and is counted.
    """
    who = session.settings.who
    async with session.state() as (log, state):
        decided_at = await _decided_at(log, first, last or first, by or who)
        if not decided_at:
            raise InputError(f"from {first} to {last or first} {by or who} has decided nothing")
        if is_preview:
            return Outcome(
                {"status": "previewed", "total": len(decided_at)},
                f"{counted(len(decided_at), 'decision')} to take back",
            )
        why = reason or f"undone: {first} to {last or first}"
        facts: list[Decision | ExampleDescribed] = []
        items = list(decided_at.items())
        for start in range(0, len(items), AT_ONCE):
            for before in await state.ask("before", items=items[start : start + AT_ONCE]):
                example_id = before["example_id"]
                facts.append(undoing(example_id, actor=who, revision=decided_at[example_id], before=before, reason=why))
        with session.progress("undoing") as progress:
            done, left = await decide_all(log, facts, decided_at, progress)
    words = f"undone {len(done):,}" + (f"; {len(left):,} left, as somebody said more about them since" if left else "")
    return Outcome({"status": "undone", "undone": done, "left": left}, words)


async def _decided_at(log: Log, first: int, last: int, by: str) -> dict[str, int]:
    """By example, the sequence of the last decision or description that somebody said in a stretch of the log."""
    seqs: dict[str, int] = {}
    async with aclosing(log.read(first - 1, min(last, await log.last_sequence()))) as lists:
        async for messages in lists:
            for message in messages:
                try:
                    fact = message.fact()
                except InvalidFact:
                    continue
                if isinstance(fact, Decision | ExampleDescribed) and fact.actor == by:
                    seqs[fact.example_id] = message.seq
    return seqs
