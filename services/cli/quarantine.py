"""Commands about quarantine: what could not be folded, why, and what to do about it."""

from __future__ import annotations

from typing import Any

import click
from rich.table import Table

from events.errors import InputError

from ..curation import quarantine as curated
from .command import Outcome, Session, after_option, command, plain


class _Quarantine(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group("quarantine", cls=_Quarantine, epilog="Example: rooflog quarantine list")
def quarantine() -> None:
    """Look at what could not be folded; it is kept whole and never guessed at."""


@command("list", example="rooflog quarantine list --category unknown_type")
@click.option("--category", type=click.Choice(list(curated.ADVICE)), help="Only this category.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="How many to show.")
@after_option
async def list_(session: Session, category: str | None, limit: int, after: int) -> Outcome:
    """List what is in quarantine, with the reason and whether this version could fold it now."""
    answer = await _listed(session, category, limit, after)
    table = Table("sequence", "category", "subject", "reason", box=None, header_style="bold")
    for item in answer["items"]:
        table.add_row(str(item["seq"]), item["category"], plain(item["subject"]), plain(item["reason"][:80]))
    ready = sum(item["can_be_folded_now"] for item in answer["items"])
    lines = [f"{answer['total']:,} in quarantine"]
    if ready:
        lines.append(f"[green]{ready} of them this version can fold now: `rooflog quarantine retry`[/green]")
    return Outcome(answer, "\n".join(lines), renderables=(table,) if answer["items"] else ())


async def _listed(session: Session, category: str | None, limit: int, after: int = 0) -> dict[str, Any]:
    async with session.state() as (log, state):
        return await curated.listed(log, state, category=category, limit=limit, after=after)


@command("show", example="rooflog quarantine show 1234")
@click.argument("seq", type=click.IntRange(min=1), metavar="SEQUENCE")
async def show(session: Session, seq: int) -> Outcome:
    """Show one message in quarantine, whole, with the reason and what to do about it."""
    async with session.state() as (_, state):
        kept: dict[str, Any] | None = await state.ask("kept", seq=seq)
    if kept is None:
        raise InputError(f"sequence {seq} is not in quarantine; `rooflog quarantine list` shows what is")
    advice = curated.ADVICE.get(kept["category"], "")
    body = kept["text"] if kept["text"] is not None else f"(not UTF-8) {kept['hex']}"
    lines = [
        f"[bold]{seq}[/bold] {plain(kept['subject'])}",
        f"{kept['category']}: {plain(kept['reason'])}",
        f"[yellow]{advice}[/yellow]",
        "",
        plain(body),
    ]
    return Outcome(kept | {"advice": advice}, "\n".join(lines))


@command("retry", example="rooflog quarantine retry")
async def retry(session: Session) -> Outcome:
    """Fold what an older version could not, each fact in its place in the log.

    What came after may depend on it, so the tables are rebuilt from the log beside the live ones. Where this version
    can fold no more than the last one, nothing is done.
    """
    before = await _listed(session, None, curated.MOST)
    ready = curated.ready(before)
    if not ready:
        text = f"{before['total']:,} in quarantine, none that this version can fold; see `rooflog quarantine show`"
        return Outcome({"status": "nothing_to_retry", "folded": [], "left": before["total"]}, text)
    from .rebuild import rebuilt

    async with session.log() as log:
        await rebuilt(session, log)
    after = await _listed(session, None, curated.MOST)
    folded = sorted(ready - {item["seq"] for item in after["items"]})
    value = {"status": "retried", "folded": folded, "left": after["total"]}
    return Outcome(value, f"{len(folded):,} folded in their place, {after['total']:,} left in quarantine")


for _command in (list_, show, retry):
    quarantine.add_command(_command)
