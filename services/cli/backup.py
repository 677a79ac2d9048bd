"""Commands that keep the log safe: backup, restore."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from .. import marks
from .command import Outcome, Session, command, counted, plain

if TYPE_CHECKING:
    from ..integrity.backup import Manifest

_FOLDER = click.Path(path_type=Path, file_okay=False)


@command("backup", example="rooflog backup /srv/backups/2025-03-18")
@click.argument("folder", type=_FOLDER, metavar="DIR")
async def backup(session: Session, folder: Path) -> Outcome:
    """Write a backup of the log into a new folder, while everything runs.

    The database is not part of it: it follows from the log. A backup keeps what is erased later; make a new one after
    an erasure and delete the older ones. Beside the folder, `erased.jsonl` says what was erased.
    """
    from ..integrity import backup as backups
    from ..integrity import ledger

    async with session.log() as log:
        with session.progress("backing up") as report:
            made = await backups.backup(log, folder, report)
        marks.set_mark(session.settings.data_dir, "backed_up", made.last_seq, made.log_digest)
        ledger.remember(session.settings.data_dir, folder)
        written, problems = await ledger.write_all(log, session.settings.data_dir)
    lines = [f"backed up sequences 1 to {made.last_seq:,} ({made.bytes:,} bytes) to {plain(folder)}"]
    lines.append(f"running digest: {made.log_digest}")
    if made.missing:
        lines.append(f"[yellow]missing: {counted(len(made.missing), 'message')}; `rooflog verify` tells which[/yellow]")
    lines += unwritten(problems)
    value = {"status": "backed_up", "folder": str(folder), "ledgers": written, "ledger_problems": problems}
    return Outcome(value | _document(made), "\n".join(lines))


def unwritten(problems: list[str]) -> list[str]:
    """What to tell of ledgers that could not be written."""
    return [
        f"[yellow]restoring a backup beside {plain(problem)} brings back what was erased[/yellow]"
        for problem in problems
    ]


@command("restore", example="rooflog restore /srv/backups/2025-03-18 --data-dir new")
@click.argument("folder", type=_FOLDER, metavar="DIR")
async def restore(session: Session, folder: Path) -> Outcome:
    """Make the log anew from a backup, with its sequences and times, and prove that it is the same.

    It overwrites nothing: the data directory or server must not hold a log with facts. What was erased since the
    backup, as `erased.jsonl` beside it says, is erased again before anything else.
    """
    from ..integrity import backup as backups
    from ..integrity import ledger

    async with session.log("admin", create=False) as log:
        with session.progress("restoring") as report:
            made = await backups.restore(log, folder, session.settings.replicas, report)
        again = await ledger.erase_again(log, ledger.beside(folder))
    lines = [f"restored sequences 1 to {made.last_seq:,} from {plain(folder)}; the running digest is the same"]
    if again.is_missing:
        lines.append(
            f"[yellow]{plain(again.ledger)} is missing: what was erased after this backup is back; "
            "erase it again[/yellow]"
        )
    elif again.tombstones:
        erased = f"{counted(again.tombstones, 'tombstone')}, {counted(again.messages, 'message')}"
        lines.append(f"erased again what was erased after this backup: {erased}, as {plain(again.ledger)} says")
    value = {"status": "restored", "folder": str(folder), "erased_again": msgspec.to_builtins(again)}
    return Outcome(value | _document(made), "\n".join(lines))


def _document(made: Manifest) -> dict[str, object]:
    fields: dict[str, object] = msgspec.to_builtins(made)
    return {name: value for name, value in fields.items() if name not in ("config", "state")}
