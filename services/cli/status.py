"""Commands that look: stats, status."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.table import Table

from projections.verdicts.reasons import REASONS, Stage

from ..access.secrets import Secrets
from ..exporter.client import ask
from ..state.client import runs
from .command import Outcome, Session, as_of_option, command, counted, plain, policy_option

_STAGES: tuple[tuple[Stage, str, str], ...] = (
    ("filters", "after filters", "filtered"),
    ("approval", "approved", "approved"),
    ("duplicates", "unique", "unique"),
)
"""Each stage, what is left after it in words, and the number of the funnel that counts it."""


def funnel_table(funnel: dict[str, Any], exported: int | None = None) -> Table:
    """The funnel for people: what is left after each stage and what each reason took away."""
    table = Table("", "examples", box=None, header_style="bold")
    table.columns[1].justify = "right"
    table.add_row("[bold]captured[/bold]", f"{funnel['captured']:,}")
    table.add_row("[bold]corrections[/bold]", f"{funnel['corrections']:,}")
    for stage, words, key in _STAGES:
        for reason in REASONS:
            if reason.stage == stage and (count := funnel["lost"].get(reason.name)):
                table.add_row(f"  [dim]− {reason.words}[/dim]", f"[dim]{count:,}[/dim]")
        table.add_row(f"[bold]{words}[/bold]", f"{funnel[key]:,}")
    if exported is not None:
        table.add_row("[bold green]exported[/bold green]", f"[bold green]{exported:,}[/bold green]")
    return table


@command("stats", example="rooflog stats --as-of 2025-03-18T12:00:00Z")
@as_of_option
@policy_option
async def stats(session: Session, as_of: str | None, policy: Path | None) -> Outcome:
    """Show how much there is and how much of it is trained on: funnel, sources, relevance, tags."""
    async with session.looking(as_of, policy) as (_, state):
        answer = await state.ask("stats")
    goal, unique = answer["training_goal"], answer["funnel"]["unique"]
    sources = Table("source", "examples", "in training", box=None, header_style="bold")
    for row in answer["by_source"]:
        name = plain(row["source"]) + (" ★" if row["high_value"] else "")
        sources.add_row(name, f"{row['total']:,}", f"{row['in_training']:,}")
    relevance = " · ".join(f"{name} {count:,}" for name, count in answer["relevance"].items())
    text = (
        f"{counted(answer['total'], 'example')}; {unique:,} in the training set — {_share(unique, goal)} of {goal:,}\n"
        f"relevance: {relevance}\nreview queue: {answer['review_queue']:,}"
    )
    return Outcome(answer, text, renderables=(funnel_table(answer["funnel"]), sources))


def _share(unique: int, goal: int) -> str:
    """How much of the goal is reached, rounded down as on the pages: it looks reached when it is."""
    return f"{100 * unique // goal} %" if goal else "-"


@command("status", example="rooflog status")
@click.option("--digest", is_flag=True, help="Also compute the content digest of the whole state.")
async def status(session: Session, digest: bool) -> Outcome:
    """Show what runs, how far the projection has followed the log, and whether anything is wrong."""
    async with session.state() as (log, state):
        running = await runs(log)
        last = await log.last_sequence()
        answer = await state.ask("status")
        if digest:
            answer |= await state.ask("digest")
        exporter = await ask(log, "status")
    lag = last - answer["checkpoint"]
    is_open = session.settings.nats_url is None and not Secrets(session.settings.data_dir).exist
    has_trouble = answer["quarantined"] or _needs_somebody(exporter) or is_open
    value = {
        "status": "attention" if has_trouble else "ok",
        "data_dir": str(session.settings.data_dir),
        "nats_url": log.access.shown,
        "embedded_server": session.settings.nats_url is None,
        "lets_everybody_in": is_open,
        "projector_running": running,
        "last_seq": last,
        "lag": max(0, lag),
        "exporter": exporter,
    } | answer
    lines = [
        f"data: {plain(value['data_dir'])}",
        f"log: {counted(last, 'fact')} at {plain(value['nats_url'])}"
        + (" (embedded)" if value["embedded_server"] else ""),
        f"projector: {'running' if running else 'not running (this command folded the log itself)'}, "
        f"at sequence {answer['checkpoint']:,}, {value['lag']:,} behind",
        f"examples: {answer['examples']:,}",
        _exporter_text(exporter),
    ]
    if is_open:
        lines.append("[bold red]OPEN: the log lets everybody in[/bold red]; run `rooflog secrets create`")
    if answer["quarantined"]:
        kinds = ", ".join(f"{count} {name}" for name, count in answer["quarantined"].items())
        lines.append(f"[bold red]QUARANTINE: {kinds}[/bold red]")
    if waiting := answer["waiting_for_example"]:
        lines.append(f"[yellow]waiting for an example that has not arrived: {counted(waiting, 'fact')}[/yellow]")
    if digest:
        lines.append(f"content digest: {answer['content_digest']}")
    return Outcome(value, "\n".join(lines))


def _needs_somebody(exporter: dict[str, Any] | None) -> bool:
    return exporter is not None and bool(exporter["error"] or exporter["uncertain"])


def _exporter_text(condition: dict[str, Any] | None) -> str:
    """How the exporter is, in a line or a few."""
    if condition is None:
        return "exporter: not running"
    line = f"exporter: {condition['state']} since {condition['since']}"
    if condition["checked_seq"]:  # else it has not been able to look yet
        export = f"last export {condition['last_export'][:12]}" if condition["last_export"] else "no export yet"
        line += f", {export}, {counted(condition['changed_rows'], 'example')} changed"
    if condition["due_at"]:
        line += f", the next is due at {condition['due_at']}"
    if condition["training"]:
        line += f"\ntraining: {plain(condition['training'])}"
    if condition["error"]:
        line += f"\n[bold red]{plain(condition['error'])}[/bold red]; the next try is at {condition['retry_at']}"
    for digest, why in condition["uncertain"].items():
        line += f"\n[bold red]UNCERTAIN {digest[:12]}: {plain(why)}[/bold red]"
    return line
