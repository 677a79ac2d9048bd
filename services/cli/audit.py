"""Commands for auditors: verify, audit."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.table import Table

from ..scratch import scratch
from ..volume import open_volume
from .command import Outcome, Session, command, counted, plain, sequences

if TYPE_CHECKING:
    from ..integrity.audit import Audited
    from ..integrity.verification import Finding


SHOWN = 50
"""Problems in a table; --json has all of them."""


@command("verify", example="rooflog verify --incremental")
@click.option("--incremental", is_flag=True, help="Only what was said since the last verification of this directory.")
async def verify(session: Session, incremental: bool) -> Outcome:
    """Prove that the log is what it was: recompute its running digest and compare it with what was recorded.

    It is compared with what the projector recorded of every message and with the digests of all exports, on the log and
    on the volume. A message that was changed, moved, put in or taken out is named by its sequence; the exit code is 1.
    """
    from ..integrity import proof

    started = time.monotonic()
    async with session.state(as_it_stands=True) as (log, state):
        with session.progress("verifying") as report:
            proved = await proof.prove(session.settings, log, state, incremental=incremental, report=report)
    seconds = time.monotonic() - started
    verified, unread, broken = proved.finding, proved.volume_error, bool(proved.finding.problems)
    value = proved.answer() | {"seconds": round(seconds, 3)}
    rate = f"{(verified.messages + verified.erased) / seconds:,.0f} a second" if seconds else ""
    lines = [
        _read(verified, rate),
        f"compared with the projector's record and {counted(len(verified.exports), 'digest')} of exports "
        "(those on the log, and those in the manifests on the volume)",
        f"running digest: {verified.log_digest}",
    ]
    if unread:
        lines.append(f"[yellow]manifests on the volume were not compared: {plain(unread)}[/yellow]")
    if verified.unfinished:
        seqs = sequences(verified.unfinished[:SHOWN])
        lines.append(f"[yellow]an erasure is not finished: the log still holds {seqs}; erase again[/yellow]")
    lines += [f"[yellow]the tombstone at {p.seq:,}: {p.detail}[/yellow]" for p in verified.wrong_tombstones[:SHOWN]]
    lines += [f"[yellow]the restatement at {p.seq:,}: {p.detail}[/yellow]" for p in verified.wrong_restatements[:SHOWN]]
    if not broken:
        return Outcome(value, "\n".join([*lines, "[green]verified: nothing was changed[/green]"]))
    table = Table("sequence", "problem", "what is wrong", box=None, header_style="bold")
    for problem in verified.problems[:SHOWN]:
        seqs = f"{problem.seq:,}" if problem.seq == problem.last else f"{problem.seq:,} to {problem.last:,}"
        table.add_row(seqs, problem.kind, plain(problem.detail))
    lines.append(f"[red]the log is not what it was: {counted(len(verified.problems), 'finding')}[/red]")
    return Outcome(value, "\n".join(lines), code=1, renderables=(table,))


def _read(verified: Finding, rate: str) -> str:
    """How much of the log was read."""
    if verified.first > verified.last:
        return f"nothing is new after sequence {verified.last:,}"
    return (
        f"read {counted(verified.messages, 'message')} from sequence {verified.first:,} to {verified.last:,} ({rate}); "
        f"{verified.erased:,} erased, known by their tombstones"
    )


@command("audit", example="rooflog audit 3f9c2a71 --data-dir restored")
@click.argument("export", metavar="EXPORT")
async def audit(session: Session, export: str) -> Outcome:
    """Make an export anew from the log alone and compare it with the published one, byte for byte.

    EXPORT is the folder of an export, or (the start of) its digest on the volume. Facts 1 to N are folded into a fresh
    database: on another machine the log (see `rooflog restore`) and the export are enough.
    """
    from ..integrity import audit as audits

    async with session.log() as log:
        with scratch(session.settings.data_dir) as home, session.progress("auditing") as report:
            folder = Path(export)
            if not folder.is_dir():
                volume = open_volume(session.settings)
                try:
                    folder = await audits.fetch(volume, export, home)
                finally:
                    await volume.close()
            audited = await audits.audit(session.settings, log, folder, report)
    value = audited.answer()
    name = f"export {audited.export_digest[:12]} of facts 1 to {audited.last_seq:,}"
    if audited.is_same:
        files = counted(len(audited.files), "file")
        text = f"[green]{name}: made anew from the log, {files}, the same byte for byte[/green]"
        return Outcome(value, text)
    table = Table("file", "is", box=None, header_style="bold")
    for file, fate in audited.files.items():
        table.add_row(plain(file), fate)
    return Outcome(value, "\n".join([f"[red]{name} is not what the log gives[/red]", *_why(audited)]), code=1,
                   renderables=(table,))  # fmt: skip


def _why(audited: Audited) -> list[str]:
    """What explains that an export cannot be made anew."""
    lines = []
    if not audited.is_same_log:
        lines.append("it was made from another log: see which message was changed with `rooflog verify`")
    elif not audited.is_same_policy:
        lines.append("it was made under another policy than the log had adopted by then")
    if audited.erased:
        seqs = sequences(audited.erased[:SHOWN])
        lines.append(f"texts of its range were erased since ({seqs}): with them it cannot be made any more")
    lines += [f"{name}: it was made by {was}, this is {now}" for name, (was, now) in audited.versions.items()]
    return lines
