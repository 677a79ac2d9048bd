"""Commands for privacy: held tells what the log holds about somebody, erase takes it away for good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import msgspec
from rich.table import Table

from events.errors import InputError

from ..volume import open_volume
from .backup import unwritten
from .command import Outcome, Session, actor_option, command, counted, plain, sequences
from .exports import export_now

if TYPE_CHECKING:
    from events.log.log import Log

    from ..integrity.erasure import Erased, Plan
    from ..state.client import State

SHOWN = 50
"""Places in a table; --json has all of them."""


@command("held", example='rooflog held "Maria Kowalczyk" --json')
@click.argument("words")
async def held(session: Session, words: str) -> Outcome:
    """Tell everything that the log holds about a person: every text, comment, name and detail with some words.

    White space and case make no difference. The whole log is read. The exit code is 0 whatever is found.
    """
    from ..integrity import holdings

    async with session.log() as log:
        with session.progress("reading the log") as report:
            places = await holdings.held(log, words, report)
    examples = {example_id: None for place in places for example_id in place.ids}
    value = {
        "status": "held" if places else "nothing",
        "examples": list(examples),
        "places": msgspec.to_builtins(places),
    }
    if not places:
        return Outcome(value, "the log holds nothing with these words")
    table = Table("sequence", "kind", "about", "field", box=None, header_style="bold")
    for place in places[:SHOWN]:
        table.add_row(f"{place.seq:,}", place.kind, plain(", ".join(place.ids)), plain(place.field))
    count = f"{counted(len(places), 'place')} about {counted(len(examples), 'example')}"
    return Outcome(value, f"{count}; `rooflog erase --about` erases those examples", renderables=(table,))


@command("erase", example='rooflog erase train_20250115_143000_1a2b3c4d --reason "asked by the customer"')
@click.argument("example_ids", nargs=-1, metavar="[ID]...")
@click.option("--about", metavar="WORDS", help="Every example that `rooflog held` finds, with its comments.")
@click.option("--by", metavar="ACTOR", help="Every example that this actor captured or corrected.")
@click.option("--tag", help="Every example with this tag.")
@click.option("--project", help="Every example of this project.")
@click.option("--source", help="Every example from this source.")
@click.option("--conversation", help="Every turn of this conversation, with its corrections.")
@click.option("--reason", required=True, help="Why; it stays on the log for ever, so it must not repeat the text.")
@click.option(
    "--comments",
    is_flag=True,
    help="Erase every comment and reason about it with what was decided, not only those that quote it.",
)
@click.option(
    "--keep-copies", is_flag=True, help="Keep examples in the same words under other ids; --dry-run lists them."
)
@click.option("--dry-run", is_flag=True, help="Only show what would be erased: messages, files, exports, trainings.")
@click.option("--yes", is_flag=True, help="Erase all that a filter finds; without it nothing is erased.")
@actor_option
async def erase(
    session: Session,
    example_ids: tuple[str, ...],
    about: str | None,
    by: str | None,
    tag: str | None,
    project: str | None,
    source: str | None,
    conversation: str | None,
    reason: str,
    comments: bool,
    keep_copies: bool,
    dry_run: bool,
    yes: bool,
) -> Outcome:
    """Erase the text of examples for good, on the log and everywhere else; a tombstone says that it was there.

    Give IDs, or filters, of which all have to match. Corrections and copies in the same words repeat the text and are
    erased with it. Exports that had contained it lose their texts, and the volume gets one without it.
    It cannot be undone. Interrupted, the same command finishes it.
    """
    from ..integrity import erasure, ledger

    filters = {"actor": by, "tag": tag, "project": project, "source": source, "conversation": conversation}
    is_filter = about is not None or any(value is not None for value in filters.values())
    if bool(example_ids) == is_filter:
        raise InputError("give one or more IDs, or filters: --about, --by, --tag, --project, --source, --conversation")
    comments = comments or about is not None
    async with session.state() as (log, state):
        ids = await _chosen(session, log, state, about, filters) if is_filter else list(example_ids)
        if dry_run or (is_filter and not yes):
            plan = await erasure.plan_all(
                log, state, ids, reason=reason, with_comments=comments, keep_copies=keep_copies
            )
            return await _proposed(session, state, plan, is_asked=not dry_run)
        with session.progress("erasing") as report:
            choice = {"with_comments": comments, "keep_copies": keep_copies}
            done = await erasure.erase(
                log, state, ids, reason=reason, actor=session.settings.who, report=report, **choice
            )
        withdrawn = await _withdraw(session, log, state, done)
        ledgers, problems = await ledger.write_all(log, session.settings.data_dir)
    value = {
        "status": "erased",
        "example_ids": ids,
        "erased_ids": done.ids,
        "messages": done.messages,
        "comments_kept": done.comments_kept,
        "copies_kept": done.copies_kept,
        "restated": done.restated,
        "ledgers": ledgers,
        "ledger_problems": problems,
    } | withdrawn
    lines = [f"erased {plain(', '.join(done.ids))}: {counted(done.messages, 'message')} went from the log"]
    if done.comments_kept:
        kept = sequences(done.comments_kept)
        lines.append(f"comments were kept at {kept}; if they repeat the text, say it again with --comments")
    if done.copies_kept:
        lines.append(f"the same words stay as you chose: {plain(', '.join(done.copies_kept))}")
    if done.restated:
        lines.append(f"captures that had copied it were restated without it: {sequences(done.restated)}")
    lines += [*_withdrawn(withdrawn), *(f"{plain(path)} says so to whoever restores a backup" for path in ledgers)]
    return Outcome(value, "\n".join([*lines, *unwritten(problems)]))


async def _chosen(
    session: Session, log: Log, state: State, about: str | None, filters: dict[str, str | None]
) -> list[str]:
    """The examples that every filter finds, in the order of the log. Raises InputError where there are none."""
    from ..integrity import holdings

    ids: list[str] = await state.ask("selected", **filters)
    if about is not None:
        with session.progress("reading the log") as report:
            places = await holdings.held(log, about, report)
        held_ids = {example_id for place in places for example_id in place.ids}
        ids = [example_id for example_id in ids if example_id in held_ids]
    if not ids:
        raise InputError("no example matches; `rooflog held` tells what the log holds about somebody")
    return ids


async def _proposed(session: Session, state: State, plan: Plan, *, is_asked: bool) -> Outcome:
    """What an erasure would touch: messages, files, exports and trainings."""
    from ..integrity import withdrawal

    taken = {erased_id: [message.seq for message in messages] for erased_id, messages in plan.taken.items()}
    seqs = sorted([*(seq for listed in taken.values() for seq in listed), *plan.restated])
    volume = open_volume(session.settings)
    try:
        contained = await withdrawal.containing(state, volume, plan.ids, min(seqs, default=0))
        texts = await withdrawal.texts_of(volume, contained)
    finally:
        await volume.close()
    files = [str(session.settings.database), *await withdrawal.segments_of(session.settings, state, seqs)]
    files += [f"{volume.name}: {path}" for paths in texts.values() for path in paths]
    value: dict[str, Any] = {
        "status": "proposed",
        "erased_ids": plan.ids,
        "messages": taken,
        "copies": plan.copies,
        "comments_kept": [message.seq for message in plan.left],
        "restated": plan.restated,
        "files": files,
        "exports": contained.exports,
        "exports_untold": contained.untold,
        "trainings": contained.trainings,
    }
    lines = ["would erase"] + [f"{plain(erased_id)}: {sequences(listed)}" for erased_id, listed in taken.items()]
    if plan.copies:
        is_kept = plan.taken.keys().isdisjoint(plan.copies)
        choice = "they stay" if is_kept else "--keep-copies keeps them"
        lines.append(f"the same words under other ids: {plain(', '.join(plan.copies))}; {choice}")
    if plan.restated:
        lines.append(f"would restate without their copy of it: {sequences(plan.restated)}")
    lines += [f"file {plain(file)}" for file in files]
    lines += [f"export {export['export_digest'][:12]} contains it" for export in contained.exports]
    lines += [f"training {plain(t['call_id'] or t['number'])} has learned it" for t in contained.trainings]
    if is_asked:
        lines.append("[yellow]nothing was erased: say it again with --yes[/yellow]")
    return Outcome(value, "\n".join(lines), code=1 if is_asked else 0)


async def _withdraw(session: Session, log: Log, state: State, done: Erased) -> dict[str, Any]:
    """Take the text off the volume: a new export where the trainer still reads it, and nothing of it in older ones."""
    from ..integrity import withdrawal

    volume = open_volume(session.settings)
    try:
        await withdrawal.tidy(session.settings, volume)
        contained = await withdrawal.containing(state, volume, done.ids, done.first)
        again = None
        if await withdrawal.is_latest(volume, contained.exports):
            again = await export_now(session, log, state, {"min_examples": 0})
        withdrawn = await withdrawal.withdraw(volume, contained.exports, contained.untold)
    finally:
        await volume.close()
    return {
        "exports": contained.exports,
        "exports_untold": contained.untold,
        "trainings": contained.trainings,
        "withdrawn": withdrawn,
        "new_export": again and again["export_digest"],
    }


def _withdrawn(withdrawal: dict[str, Any]) -> list[str]:
    lines = [
        f"export {export['export_digest'][:12]} of {(export['at'] or 'nobody knows when')[:19]} had contained it"
        for export in withdrawal["exports"]
    ]
    lines += [
        f"[yellow]training {plain(t['call_id'] or t['number'])} ({t['outcome']}) was on export "
        f"{t['export_digest'][:12]} and has learned it[/yellow]"
        for t in withdrawal["trainings"]
    ]
    if withdrawal["exports_untold"]:
        older = counted(len(withdrawal["exports_untold"]), "older export")
        lines.append(f"the volume does not hold {older} any more that may have contained it")
    if withdrawal["withdrawn"]:
        lines.append(f"texts of {counted(len(withdrawal['withdrawn']), 'export')} went from the volume; lineage stays")
    if withdrawal["new_export"]:
        lines.append(f"export {withdrawal['new_export'][:12]} is without it")
    lines.append("backups that were made before still hold it: make a new one and delete them")
    return lines
