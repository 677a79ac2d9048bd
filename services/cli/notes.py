"""Commands of notes: say something about an example to the others, and read what was said."""

from __future__ import annotations

import click

from ..curation import notes
from ..curation.facts import find
from .command import Outcome, Session, actor_option, command, plain


@command("note", example='rooflog note train_20250115_143000_1a2b3c4d "is that the code of 2024? @ben"')
@click.argument("example_id")
@click.argument("text")
@actor_option
async def note(session: Session, example_id: str, text: str) -> Outcome:
    """Say something about an example to the others; it decides nothing. Whoever is named as @NAME finds it.

    The note belongs to the history of the example, and is erased with it.
    """
    async with session.state() as (log, state):
        example = await find(state, example_id)
        fact = notes.note(example["example_id"], text, actor=session.settings.who)
        seq = await log.note(fact)
    named = f", to {plain(', '.join(fact.mentions))}" if fact.mentions else ""
    return Outcome({"status": "noted", "example_id": fact.example_id, "seq": seq}, f"noted, sequence {seq}{named}")


@command("inbox", example="rooflog inbox --everybody")
@click.option("--everybody", is_flag=True, help="All notes, not only those that name you.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many to show.")
@actor_option
async def inbox(session: Session, everybody: bool, limit: int) -> Outcome:
    """List the notes that name you, the newest first."""
    from rich.table import Table

    of = None if everybody else session.settings.who
    async with session.state() as (_, state):
        answer = await state.ask("inbox", of=of, limit=limit)
    table = Table("sequence", "example", "who, and what", box=None, header_style="bold")
    for item in answer["items"]:
        table.add_row(str(item["seq"]), plain(item["example_id"]), plain(f"{item['actor']}: {item['note']}"))
    text = "" if answer["items"] else "no notes" if everybody else f"no note names {plain(session.settings.who)}"
    return Outcome(answer, text, renderables=(table,) if answer["items"] else ())
