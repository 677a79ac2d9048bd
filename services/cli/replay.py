"""Commands that tell what was said: replay, history."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from events.errors import InputError, UnknownExample

from ..volume import VolumeError, open_volume
from .command import Outcome, Registered, Session, command, counted, plain

if TYPE_CHECKING:
    from ..state.client import State


class _Moment(click.ParamType[datetime]):
    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        from ..history.moment import time_of

        try:
            return time_of(value)
        except InputError as error:
            self.fail(str(error), param, ctx)


def _kinds() -> Iterable[str]:
    from ..history.replay import KINDS

    return KINDS


@command("replay", example="rooflog replay --kind correction.recorded --since 2025-03-18 --output corrections.parquet")
@click.option("--example", "example_id", help="Only what was said about one example.")
@click.option("--kind", "kinds", multiple=True, type=Registered(_kinds), help="Only this kind; may be repeated.")
@click.option("--by", "said_by", help="Only what this actor said.")
@click.option("--tag", help="Only captures and corrections that carry this tag.")
@click.option("--source", help="Only captures from this source (user_correction: corrections).")
@click.option("--from", "first", type=click.IntRange(min=1), default=1, help="From this sequence on.")
@click.option("--to", "last", type=click.IntRange(min=1), help="Up to this sequence.")
@click.option("--since", type=_Moment(), help="What the log received from this time on (UTC unless it says otherwise).")
@click.option("--until", type=_Moment(), help="What the log had received before this time.")
@click.option("--as-of", help="As if the log ended at this sequence or time.")
@click.option("--jsonl", "as_lines", is_flag=True, help="One JSON document a line, as it is read.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Write a Parquet file.")
@click.option("--follow", is_flag=True, help="Go on with what is said from now on; Ctrl-C ends it.")
async def replay(
    session: Session,
    as_lines: bool,
    output: Path | None,
    follow: bool,
    as_of: str | None,
    said_by: str | None,
    **filters: Any,
) -> Outcome:
    """Tell what was said, in the order of the log: as lines, JSON lines or Parquet, however long the log is."""
    from ..history.moment import sequence_of
    from ..history.parquet_file import ParquetFile
    from ..history.replay import Wanted
    from ..history.replay import replay as replayed

    if follow and (output or session.as_json):
        raise InputError("--follow never ends: use it with --jsonl, or alone")
    wanted = Wanted(actor=said_by, **filters)
    facts: list[dict[str, Any]] = []
    count = 0
    async with session.log() as log:
        if as_of is not None:
            try:
                seq = await sequence_of(log, as_of)
            except InputError as error:
                raise InputError(f"--as-of: {error}") from error
            wanted = msgspec.structs.replace(wanted, last=min(wanted.last or seq, seq))
        with ExitStack() as stack:
            file = stack.enter_context(ParquetFile(output)) if output else None
            async for rows in replayed(log, wanted, follow=follow):
                count += len(rows)
                if file:
                    file.add(rows)
                elif session.as_json:
                    facts += rows
                elif not _print(rows, as_lines):
                    break
    if output:
        return Outcome(
            {"status": "written", "output": str(output), "rows": count}, f"{counted(count, 'fact')} in {output}"
        )
    return Outcome({"facts": facts})


def _print(rows: list[dict[str, Any]], as_lines: bool) -> bool:
    """Write rows to standard output; False where nobody reads them any more."""
    if as_lines:
        data = msgspec.json.Encoder().encode_lines(rows)
    else:
        lines = [f"{r['seq']:>9}  {r['received_at'][:19]:19}  {r['example_id'] or '-':40}  {r['told']}" for r in rows]
        data = "".join(f"{_one_line(line)}\n" for line in lines).encode()
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return False
    return True


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() else " " if c.isspace() else "�" for c in text)


@command("history", example="rooflog history train_20250115_143000_1a2b3c4d")
@click.argument("example_id")
async def history(session: Session, example_id: str) -> Outcome:
    """Tell the whole story of an example in order: what was said, and the exports and trainings that it is in.

    It is read from the log itself. Of what was erased, the tombstone still tells that it was there.
    """
    from ..history.replay import row, told_of

    async with session.state() as (log, state):
        messages = await told_of(log, example_id)
        if not messages:
            raise UnknownExample(example_id)
        facts = [row(message) for message in messages]
        used, unread = await _used(session, state, example_id)
    lines = [f"[dim]{t['seq']:>8}  {_at(t)}[/dim]  {plain(t['told'])}" for t in facts]
    for export in used:
        seq = f"1–{export['last_seq']:,}"
        lines.append(
            f"[dim]{seq:>8}  {export['at'][:19].replace('T', ' ')}[/dim]  in export {export['export_digest'][:12]}: "
            f"{', '.join(export['lines'])}"
        )
        lines += [
            f"[dim]{t['seq']:>8}  {t['at'][:19].replace('T', ' ')}[/dim]  training {plain(t['call_id'] or '')} on it: "
            f"{t['outcome']}"
            for t in export["trainings"]
        ]
    if unread:
        lines.append(f"[yellow]exports could not be read: {plain(unread)}[/yellow]")
    return Outcome(
        {"example_id": example_id, "facts": facts, "exports": used, "volume_error": unread}, "\n".join(lines)
    )


def _at(fact: dict[str, Any]) -> str:
    return (fact["occurred_at"] or fact["received_at"] or "")[:19].replace("T", " ").ljust(19)


async def _used(session: Session, state: State, example_id: str) -> tuple[list[dict[str, Any]], str | None]:
    """The exports that hold an example, oldest first, with their trainings; or why they could not be read."""
    from ..exporter.provenance import Provenance

    try:
        volume = open_volume(session.settings)
        try:
            answer = await (await Provenance.of(state, volume)).of_example(example_id)
            return answer["in"][::-1], None
        finally:
            await volume.close()
    except VolumeError as error:
        return [], str(error)
