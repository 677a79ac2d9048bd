"""Commands for operators and auditors: erase."""

from __future__ import annotations

import click

from .. import erasure
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
