"""Commands for operators and auditors: erase, verify."""

from __future__ import annotations

import time
from typing import Any

import click
import msgspec
from rich.table import Table

from .. import erasure, verification
from .command import Outcome, Session, actor_option, command, plain


@command("erase", example='rooflog erase train_20250115_143000_1a2b3c4d --reason "asked by the customer"')
@click.argument("example_id")
@click.option("--reason", required=True, help="Why; it stays on the log for ever, so it must not repeat the text.")
@click.option(
    "--comments",
    is_flag=True,
    help="Erase every comment and reason about it with what was decided, not only those that quote it.",
)
@click.option("--dry-run", is_flag=True, help="Only show what would be erased.")
@actor_option
async def erase(session: Session, example_id: str, reason: str, comments: bool, dry_run: bool) -> Outcome:
    """Erase the text of an example for good, on the log and everywhere else; a tombstone says that it was there.

    Corrections of it and exact copies repeat the text and are erased with it. It cannot be undone. Interrupted, the
    same command finishes it.
    """
    async with session.state() as (log, state):
        if dry_run:
            found = await erasure.plan(log, state, example_id, with_comments=comments)
            seqs = {one: [message.seq for message in said] for one, said in found.taken.items()}
            value = {"status": "proposed", "example_id": example_id, "erased_ids": found.ids, "messages": seqs}
            lines = [f"{plain(one)}: sequences {', '.join(map(str, said)) or 'none'}" for one, said in seqs.items()]
            return Outcome(value, "\n".join(["would erase", *lines]))
        with session.progress("erasing") as report:
            value = await erasure.erase(
                log, state, example_id, reason=reason, actor=session.settings.who, with_comments=comments, report=report
            )
    lines = [f"erased {plain(', '.join(value['erased_ids']))}: {value['messages']} messages went from the log"]
    if value["comments_kept"]:
        kept = ", ".join(map(str, value["comments_kept"]))
        lines.append(f"comments at sequences {kept} were kept; if they repeat the text, say it again with --comments")
    return Outcome(value, "\n".join(lines))


SHOWN = 50
"""Problems in a table; --json has all of them."""


@command("verify", example="rooflog verify --incremental")
@click.option("--incremental", is_flag=True, help="Only what was said since the last verification of this directory.")
async def verify(session: Session, incremental: bool) -> Outcome:
    """Prove that the log is what it was: recompute its running digest and compare it with what was recorded.

    It is compared with what the projector recorded of every message and with the digests of all exports. A message that
    was changed, moved, put in or taken out is named by its sequence, and the exit code is 1.
    """
    path = session.settings.data_dir / "verified.json"
    since = verification.load(path) if incremental else None
    started = time.monotonic()
    async with session.state(as_it_stands=True) as (log, state):
        with session.progress("verifying") as report:
            found = await verification.verify(log, state, since=since, report=report)
            if not found.problems:  # what was new is recorded now, for the next verification
                state.as_it_stands = False
                await state.ask("status")
    seconds = time.monotonic() - started
    broken = bool(found.problems)
    if not broken:
        verification.save(path, found)
    value: dict[str, Any] = {"status": "broken" if broken else "verified", "since": since} | msgspec.to_builtins(found)
    value = msgspec.to_builtins(value) | {"seconds": round(seconds, 3)}
    rate = f"{(found.messages + found.erased) / seconds:,.0f} a second" if seconds else ""
    lines = [
        f"read {found.messages:,} messages from sequence {found.first:,} to {found.last:,} ({rate}); "
        f"{found.erased:,} erased ones by their tombstones",
        f"compared with the projector's record and {len(found.exports)} exports",
        f"running digest: {found.log_digest}",
    ]
    if found.unfinished:
        seqs = ", ".join(map(str, found.unfinished[:SHOWN]))
        lines.append(f"[yellow]an erasure is not finished: sequences {seqs} are still there; erase them again[/yellow]")
    if not broken:
        return Outcome(value, "\n".join([*lines, "[green]verified: nothing was changed[/green]"]))
    table = Table("sequence", "problem", "what is wrong", box=None, header_style="bold")
    for one in found.problems[:SHOWN]:
        seqs = f"{one.seq:,}" if one.seq == one.last else f"{one.seq:,} to {one.last:,}"
        table.add_row(seqs, one.kind, plain(one.detail))
    lines.append(f"[red]the log is not what it was: {len(found.problems):,} findings[/red]")
    return Outcome(value, "\n".join(lines), code=1, renderables=(table,))
