"""Commands about quarantine: what could not be folded, why, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from events.errors import InputError, InvalidFact

from .command import Outcome, Session, after_option, command, plain

if TYPE_CHECKING:
    from events.message import Message

ADVICE = {
    "malformed": "whoever publishes on this subject sends no JSON fact; find them by the subject and mend them",
    "unknown_type": "a newer rooflog said it: upgrade this one, then fold it in its place with a rebuild",
    "invalid": "a field is missing or wrong; have it said again, as a new fact, by whoever said it",
    "wrong_subject": "it was published on another subject than its content belongs on; have it said again",
    "wrong_tombstone": "find out who said it; it erases nothing, and `rooflog verify` names it",
    "wrong_restatement": "find out who said it; it changes nothing, and `rooflog verify` names it",
    "duplicate_example": "the id was taken; capture it again under an id of its own",
    "invalid_policy": "it was not adopted; mend the policy and adopt it again with `rooflog policy adopt`",
    "missing": "somebody deleted it; `rooflog verify` tells more, a backup may still hold it",
}
"""What to do about each category."""


class _Quarantine(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group("quarantine", cls=_Quarantine, epilog="Example: rooflog quarantine list")
def quarantine() -> None:
    """Look at what could not be folded; it is kept whole and never guessed at."""


@command("list", example="rooflog quarantine list --category unknown_type")
@click.option("--category", type=click.Choice(list(ADVICE)), help="Only this category.")
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
    """What is in quarantine, each with whether this version could fold it."""
    async with session.state() as (log, state):
        answer: dict[str, Any] = await state.ask("quarantine", category=category, limit=limit, after=after)
        for item in answer["items"]:
            message = await log.at(item["seq"])
            item["can_be_folded_now"] = message is not None and _decodes(message, item["category"])
    return answer


def _decodes(message: Message, category: str) -> bool:
    """Would this version fold what an older one could not decode?"""
    if category not in ("unknown_type", "invalid", "malformed", "wrong_subject"):
        return False
    try:
        message.fact()
    except InvalidFact:
        return False
    return True


@command("show", example="rooflog quarantine show 1234")
@click.argument("seq", type=click.IntRange(min=1), metavar="SEQUENCE")
async def show(session: Session, seq: int) -> Outcome:
    """Show one message in quarantine, whole, with the reason and what to do about it."""
    async with session.state() as (_, state):
        kept: dict[str, Any] | None = await state.ask("kept", seq=seq)
    if kept is None:
        raise InputError(f"sequence {seq} is not in quarantine; `rooflog quarantine list` shows what is")
    advice = ADVICE.get(kept["category"], "")
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
    before = await _listed(session, None, MOST)
    ready = {item["seq"] for item in before["items"] if item["can_be_folded_now"]}
    if not ready:
        text = f"{before['total']:,} in quarantine, none that this version can fold; see `rooflog quarantine show`"
        return Outcome({"status": "nothing_to_retry", "folded": [], "left": before["total"]}, text)
    from .rebuild import rebuilt

    async with session.log() as log:
        await rebuilt(session, log)
    after = await _listed(session, None, MOST)
    folded = sorted(ready - {item["seq"] for item in after["items"]})
    value = {"status": "retried", "folded": folded, "left": after["total"]}
    return Outcome(value, f"{len(folded):,} folded in their place, {after['total']:,} left in quarantine")


MOST = 10_000
"""Messages in quarantine that are looked at."""

for _command in (list_, show, retry):
    quarantine.add_command(_command)
