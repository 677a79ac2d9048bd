"""Checks of the tables and of the services that fold and read them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec

from events.deadline import within
from events.message import legible
from events.requests import Question

from ..runtime import processes
from ..state.lag import LAG_SECONDS, lag
from ..state.protocol import ASK
from .check import Trouble, of
from .installation import ANSWER_SECONDS, Installation

_REBUILD = "run `rooflog rebuild` to make it anew from the log"

LISTEN_SECONDS = 0.5
"""How long a second answer to a question is waited for."""


async def database(seen: Installation) -> AsyncIterator[Trouble]:
    """It can be read, and was folded from this log by this version."""
    path, tables = seen.settings.database, seen.tables
    if tables.damage:
        yield Trouble(tables.damage.partition("; ")[0], _REBUILD)
    if tables.versions:
        age = "a newer" if _is_newer(tables.versions) else "an older"
        other = "install that version again, or " if age == "a newer" else ""
        yield Trouble(f"{path} was written by {age} rooflog", other + _REBUILD)
    if tables.status is not None and tables.subject is not None and seen.log is not None and seen.stream is not None:
        checkpoint, last = tables.status["checkpoint"], seen.stream["state"]["last_seq"]
        message = await seen.log.at(checkpoint) if 0 < checkpoint <= last else None
        if checkpoint > last or (message is not None and legible(message.subject) != tables.subject):
            yield Trouble(
                f"{path} was folded from another log: it stands at {checkpoint:,}, and this one ends at {last:,}",
                "choose the data directory that belongs to the log, restore the log that is missing, or remove the "
                "file to fold it anew",
            )


async def projector(seen: Installation) -> AsyncIterator[Trouble]:
    """It runs where services do, and is not far behind."""
    assert seen.log is not None  # noqa: S101
    holder = processes.holder_of(seen.settings.database.with_suffix(".lock"))
    if isinstance(seen.projector, Exception):
        yield of(seen.projector, "see the log of the projector, and start it again")
    elif seen.projector is None and seen.tables.is_held and seen.is_served:
        yield Trouble(
            f"{processes.described(holder)} has the database, and no projector answers at this log",
            "end that process, or give it a data directory of its own: it may be a service of another NATS server",
        )
    elif seen.projector is None and (seen.is_served or seen.exporter is not None):
        yield Trouble("no projector answers", "start it with `rooflog up` or `rooflog projector`, and see what it says")
    elif seen.projector is not None and seen.stream is not None:
        behind = await lag(seen.log, seen.projector["checkpoint"])
        if behind.seconds > LAG_SECONDS:
            yield Trouble(
                f"the projector is {behind.behind:,} facts and {behind.seconds:,.0f} seconds behind",
                "see its log and the load of the machine; it catches up by itself where it folds",
            )


async def services(seen: Installation) -> AsyncIterator[Trouble]:
    """One projector answers at the log, not two with a data directory each."""
    assert seen.log is not None  # noqa: S101
    if seen.projector is None:
        return
    answers = asyncio.Queue[object]()
    inbox = seen.log.client.new_inbox()
    try:
        async with seen.log.subscribed(inbox, answers.put):
            await seen.log.send((f"{ASK}.status", msgspec.json.encode(Question()), None), reply=inbox)
            await within(ANSWER_SECONDS, answers.get())
            await within(LISTEN_SECONDS, answers.get())
    except TimeoutError:
        return
    yield Trouble("two projectors answer at this log", "end the one that is not in the data directory of your services")


async def quarantine(seen: Installation) -> AsyncIterator[Trouble]:
    """Nothing is in quarantine."""
    kept = (seen.tables.status or {}).get("quarantined") or {}
    if kept:
        kinds = ", ".join(f"{count} {name}" for name, count in kept.items())
        yield Trouble(
            f"messages are in quarantine: {kinds}",
            "`rooflog quarantine list` shows them, and `rooflog quarantine show` says what to do about each",
        )


def _is_newer(theirs: str) -> bool:
    """Whether versions of tables are of a newer rooflog: a table is newer, or is one that this version lacks."""
    from projections.fold.tables import versions

    ours = dict(_versions(versions()))
    return any(number > ours.get(name, -1) for name, number in _versions(theirs))


def _versions(text: str) -> list[tuple[str, int]]:
    pairs = [word.partition("=") for word in text.split()]
    return [(name, int(number)) for name, _, number in pairs if number.isdecimal()]
