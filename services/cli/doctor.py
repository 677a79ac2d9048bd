"""The command doctor: what is wrong with an installation, and the cure."""

from __future__ import annotations

import os
from pathlib import Path

import click

from .command import Outcome, Session, command, counted, plain


@command("doctor", example="rooflog doctor --outbox /var/lib/assistant/outbox")
@click.option(
    "--outbox",
    "outboxes",
    multiple=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Also look at the outbox of a client on this machine; without it at that of ROOFLOG_OUTBOX_DIR, where set.",
)
async def doctor(session: Session, outboxes: tuple[Path, ...]) -> Outcome:
    """Say "sound", or what is wrong with this installation and how it is cured; then the exit code is 1.

    It looks and changes nothing, whether or not anything runs. Run it as the user of the services, with their settings.
    """
    from ..doctor.checks import CHECKS, examine

    given = os.environ.get("ROOFLOG_OUTBOX_DIR")
    report = await examine(session.settings, outboxes=outboxes or ((Path(given),) if given else ()))
    troubles = [{"check": name, "what": t.what, "cure": t.cure} for name, t in report.troubles]
    value = {
        "status": "trouble" if troubles else "sound",
        "data_dir": str(session.settings.data_dir),
        "troubles": troubles,
        "checked": [check.name for check in CHECKS if check.name not in report.skipped],
        "skipped": list(report.skipped),
    }
    lines = [
        f"[bold red]{trouble['check']}[/bold red]: {plain(trouble['what'])}\n  cure: {plain(trouble['cure'])}"
        for trouble in troubles
    ]
    if report.skipped:
        lines.append(f"[yellow]not looked at: {', '.join(report.skipped)}[/yellow]")
    if not troubles:
        lines.append(f"[green]sound[/green]: {counted(len(value['checked']), 'check')} of {plain(value['data_dir'])}")
    return Outcome(value, "\n".join(lines), code=1 if troubles else 0)
