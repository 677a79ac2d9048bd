"""The ledger: the tombstones of a log in a file beside its backups, so that a restore erases again what was erased.

It lies in the folder that holds the backups, a line for each tombstone. A data directory remembers those folders.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path

import msgspec
from msgspec import Struct, structs

from events.codec import decode, encode
from events.errors import InvalidFact, RooflogError
from events.facts import ExampleErased
from events.log.log import Log
from events.message import Tombstones, erased_words
from events.subjects import subject_of

from ..private_files import sync, write_private
from . import erasure

LEDGER = "erased.jsonl"

FOLDERS = "backups.json"
"""The file of a data directory that names the folders with its backups."""


class Line(Struct, frozen=True):
    """A tombstone, as the log says it, and the log: what its first message adds to the running digest."""

    log: str
    tombstone: msgspec.Raw


class Again(Struct):
    """What a restore erased again; `ledger` is where it looked, and `is_missing` whether nothing was there."""

    ledger: str
    is_missing: bool = False
    tombstones: int = 0
    messages: int = 0


def beside(backup: Path) -> Path:
    """The ledger of a backup."""
    return backup.resolve().parent / LEDGER


def remember(data_dir: Path, backup: Path) -> None:
    """Remember where a backup is."""
    folders = _folders(data_dir)
    if (folder := str(backup.resolve().parent)) not in folders:
        write_private(data_dir / FOLDERS, msgspec.json.encode([*folders, folder]))


async def write_all(log: Log, data_dir: Path) -> tuple[list[str], list[str]]:
    """Bring the ledger of every remembered folder up to date: the ledgers that are, and why others are not."""
    written, problems = [], []
    known = await log.tombstones()
    for folder in _folders(data_dir):
        path = Path(folder) / LEDGER
        try:
            await write(log, path, known)
            written.append(str(path))
        except (OSError, RooflogError) as error:
            problems.append(f"{path}: {error}")
    return written, problems


async def write(log: Log, path: Path, known: Tombstones) -> None:
    """Bring one ledger up to date. A tombstone that was erased itself leaves it.

    A line stays as it is: the tombstone of a restored log lists less. Raises OSError, RooflogError."""
    this = await _identity(log)
    tombstones = [fact for seq, (_, fact) in known.facts.items() if seq not in known.wrong]
    gone = {message.parts.event_id for message in known.listed.values() if message.subject}
    before = {fact.event_id: line for line, fact in read(path) if fact.event_id not in gone}
    lines = before | {
        fact.event_id: Line(this, msgspec.Raw(encode(fact))) for fact in tombstones if fact.event_id not in before
    }
    await asyncio.to_thread(_replace, path, lines.values())


def _replace(path: Path, lines: Iterable[Line]) -> None:
    write_private(path, b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
    sync(path.parent)


async def erase_again(log: Log, path: Path) -> Again:
    """Erase from a log that was restored what the ledger says. It can be repeated. Raises RooflogError."""
    again = Again(str(path), is_missing=not path.exists())
    if again.is_missing:
        return again
    tombstones = await pending(log, path)
    held = await log.those(kept.seq for fact in tombstones for kept in fact.erased)
    facts = [
        structs.replace(fact, erased=erasure.held_of(fact, held), words=tuple(sorted(erased_words(fact))))
        for fact in tombstones
    ]
    published = await log.publish(facts)
    if published.refused:
        raise RooflogError(f"{path}: the tombstone was refused: {published.refused[0][1]}")
    again.tombstones, again.messages = len(published.new), (await erasure.remove(log)).messages
    return again


async def pending(log: Log, path: Path) -> list[ExampleErased]:
    """The tombstones of a ledger that a log lacks which is the same log."""
    this = await _identity(log)
    facts = [fact for line, fact in read(path) if line.log == this]
    known = await log.last([subject_of(fact) for fact in facts])
    return [fact for fact in facts if subject_of(fact) not in known]


async def _identity(log: Log) -> str:
    async for messages in log.read(0, 1):
        return messages[0].entry.hex()
    return ""


def read(path: Path) -> list[tuple[Line, ExampleErased]]:
    """The lines of a ledger; none where it is missing. Raises RooflogError where one is no tombstone."""
    lines: list[tuple[Line, ExampleErased]] = []
    if not path.exists():
        return lines
    for number, text in enumerate(path.read_bytes().splitlines(), 1):
        try:
            line = msgspec.json.decode(text, type=Line)
            fact = decode(bytes(line.tombstone))
        except (msgspec.MsgspecError, InvalidFact) as error:
            raise RooflogError(f"{path}:{number} is damaged: {error}") from error
        if not isinstance(fact, ExampleErased):
            raise RooflogError(f"{path}:{number} is damaged: it holds no tombstone")
        lines.append((line, fact))
    return lines


def _folders(data_dir: Path) -> list[str]:
    try:
        return msgspec.json.decode((data_dir / FOLDERS).read_bytes(), type=list[str])
    except FileNotFoundError:
        return []
