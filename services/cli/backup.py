"""Commands that keep the log safe: backup, restore."""

from __future__ import annotations

import asyncio
import signal
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from events.errors import InputError

from .. import marks
from ..log_lines import log_to_stderr
from ..settings import interval
from .command import Outcome, Session, command, counted, plain

if TYPE_CHECKING:
    from ..integrity.backup import Manifest

_FOLDER = click.Path(path_type=Path, file_okay=False)


class Interval(click.ParamType[timedelta]):
    """A time between two things, such as 24h."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """The time; fails with what to give."""
        try:
            return interval(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


@command("backup", example="rooflog backup /srv/backups --every 24h --keep 7")
@click.argument("words", nargs=-1, required=True, metavar="[verify] DIR")
@click.option(
    "--every",
    type=Interval(),
    metavar="TIME",
    help="Go on: a backup in a folder of its own below DIR after each such time, as 30m, 24h or 7d. Ctrl-C ends it.",
)
@click.option(
    "--keep", type=click.IntRange(min=1), default=7, show_default=True, help="With --every: so many of them stay."
)
async def backup(session: Session, words: tuple[str, ...], every: timedelta | None, keep: int) -> Outcome:
    """Write a backup of the log into a new folder, while everything runs; `verify` tries one.

    The database is not part of it: it follows from the log. A backup keeps what is erased later; make a new one after
    an erasure and delete the older ones. Beside the folder, `erased.jsonl` says what was erased. With --every older
    backups are removed once the newest can be read back; a backup is due by the age of the newest, whatever was ended.

    `rooflog backup verify DIR` restores a backup into a temporary place with a server of its own, folds it, compares
    all digests, says what it holds, and leaves nothing.
    """
    is_drill = len(words) == 2 and words[0] == "verify"
    if (len(words) > 1 and not is_drill) or (is_drill and every is not None):
        raise InputError("give one folder, or `verify` and the folder of a backup")
    folder = Path(words[-1])
    if is_drill:
        return await _drilled(session, folder)
    if every is not None:
        return await _scheduled(session, folder, every, keep)
    made, written, problems = await _made(session, folder)
    lines = [f"backed up sequences 1 to {made.last_seq:,} ({made.bytes:,} bytes) to {plain(folder)}"]
    lines.append(f"running digest: {made.log_digest}")
    if made.missing:
        lines.append(f"[yellow]missing: {counted(len(made.missing), 'message')}; `rooflog verify` tells which[/yellow]")
    lines += unwritten(problems)
    value = {"status": "backed_up", "folder": str(folder), "ledgers": written, "ledger_problems": problems}
    return Outcome(value | _document(made), "\n".join(lines))


async def _made(session: Session, folder: Path) -> tuple[Manifest, list[str], list[str]]:
    """A new backup, the ledgers that were brought up to date, and why others were not."""
    from ..integrity import backup as backups
    from ..integrity import ledger

    async with session.log() as log:
        with session.progress("backing up") as report:
            made = await backups.backup(log, folder, report)
        marks.set_mark(session.settings.data_dir, "backed_up", made.last_seq, made.log_digest)
        ledger.remember(session.settings.data_dir, folder)
        return made, *await ledger.write_all(log, session.settings.data_dir)


async def _scheduled(session: Session, folder: Path, every: timedelta, keep: int) -> Outcome:
    """Backups until a signal comes."""
    from ..integrity import rotation

    log_to_stderr("backup", session.settings.log_format)

    async def make(place: Path) -> Manifest:
        made, _, problems = await _made(session, place)
        for problem in problems:
            rotation.logger.warning("restoring a backup beside %s brings back what was erased", problem)
        return made

    stopping = asyncio.Event()
    for signum in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signum, stopping.set)
    await rotation.go_on(make, folder, every, keep, stopping)
    return Outcome({"status": "stopped"}, "stopped")


async def _drilled(session: Session, folder: Path) -> Outcome:
    """What a backup holds, once it was restored and thrown away."""
    from ..integrity.drill import drill

    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))  # which takes away what was made
    with session.progress("restoring") as report:
        done = await drill(folder, report)
    made, funnel, again = done.manifest, done.stats["funnel"], done.erased_again
    lines = [
        f"[green]sound[/green]: {plain(folder)} of {made.at} gives sequences 1 to {made.last_seq:,}",
        f"it would hold {counted(done.stats['total'], 'example')}, {funnel['unique']:,} of them in the training set, "
        f"and {done.stats['review_queue']:,} for reviewers",
        f"running digest: {done.log_digest}",
        f"content digest: {done.content_digest}",
    ]
    if made.missing:
        lines.append(f"[yellow]missing: {counted(len(made.missing), 'message')}[/yellow]")
    if done.quarantined:
        lines.append(f"[yellow]in quarantine: {counted(sum(done.quarantined.values()), 'message')}[/yellow]")
    if again.is_missing:
        lines.append(f"[yellow]{plain(again.ledger)} is missing: what was erased after it would be back[/yellow]")
    else:
        lines.append(f"erased again, as {plain(again.ledger)} says: {counted(again.tombstones, 'tombstone')}")
    value = {"status": "sound", "folder": str(folder), "backup": _document(made)}
    details = {name: value for name, value in msgspec.to_builtins(done).items() if name != "manifest"}
    return Outcome(value | details, "\n".join(lines))


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
