"""The registry of checks: a new one is a function, and its line here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from events.deadline import within
from events.errors import RooflogError

from ..settings import Settings
from . import database, doors, exports, folder, keeping, machine, outbox, server, stream
from .check import Check, Trouble
from .installation import Installation, opened

CHECKS = (
    Check("python", machine.python, needs="nothing"),
    Check("packages", machine.packages, needs="nothing"),
    Check("data directory", folder.data_directory, needs="nothing"),
    Check("room", folder.room),
    Check("server", server.server),
    Check("secrets", server.secrets),
    Check("rights", server.rights, needs="server"),
    Check("stream", stream.stream, needs="server"),
    Check("cluster", stream.cluster, needs="log"),
    Check("clock", machine.clock, needs="log"),
    Check("database", database.database),
    Check("projector", database.projector, needs="log"),
    Check("services", database.services, needs="log"),
    Check("quarantine", database.quarantine),
    Check("exporter", exports.exporter, needs="log"),
    Check("volume", exports.volume),
    Check("backup", keeping.backup, needs="log"),
    Check("verification", keeping.verification, needs="log"),
    Check("gateway", doors.gateway),
    Check("ports", doors.ports),
    Check("outbox", outbox.outbox),
)
"""Every check, in the order in which troubles follow from one another."""

CHECK_SECONDS = 60.0


class Report(Struct, frozen=True):
    """The troubles under the names of their checks, and the checks for which something was missing."""

    troubles: tuple[tuple[str, Trouble], ...]
    skipped: tuple[str, ...]


async def examine(settings: Settings, *, now: datetime | None = None, outboxes: Sequence[Path] = ()) -> Report:
    """Make every check. One that fails itself is a trouble."""
    troubles: list[tuple[str, Trouble]] = []
    skipped = []
    async with opened(settings, now or datetime.now(UTC), outboxes) as seen:
        for check in CHECKS:
            if not seen.has(check.needs):
                skipped.append(check.name)
                continue
            try:
                troubles += await within(CHECK_SECONDS, _made(check, seen))
            except (RooflogError, OSError) as error:
                why = str(error) or f"no answer within {CHECK_SECONDS:.0f} seconds"
                troubles.append((check.name, Trouble(f"it could not be looked at: {why}", "mend that first")))
    return Report(tuple(troubles), tuple(skipped))


async def _made(check: Check, seen: Installation) -> list[tuple[str, Trouble]]:
    return [(check.name, trouble) async for trouble in check.look(seen)]
