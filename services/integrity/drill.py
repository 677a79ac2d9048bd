"""A restore drill: a backup is restored and folded in a place that is thrown away, and says what it holds."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from msgspec import Struct

from events.errors import RooflogError
from events.log.log import Log

from ..runtime.nats_server import EmbeddedServer
from ..state.owner import Owner
from ..state.protocol import Progress
from . import backup as backups
from . import ledger
from .backup import Manifest

ROOM = 4
"""So many times the bytes of the log a drill needs: the log, its tables, and both once more while they are written."""


class Drilled(Struct, frozen=True):
    """What came out of a backup: what it says of itself, what was erased again, and what the tables then held."""

    manifest: Manifest
    erased_again: ledger.Again
    last_seq: int
    log_digest: str
    content_digest: str
    quarantined: dict[str, int]
    stats: dict[str, Any]
    seconds: float


async def drill(folder: Path, report: Progress | None = None) -> Drilled:
    """Restore a backup into a place that is thrown away, fold it, and compare all digests; nothing of it stays.

    Raises RooflogError where the backup cannot be restored, where what came out differs, or where room is missing.
    """
    began, manifest = time.monotonic(), backups.load(folder)
    with _place(manifest) as place, EmbeddedServer(place) as server:
        log = await Log.connect(server.access(), name="rooflog-drill", create=False)
        try:
            await backups.restore(log, folder, report=report)
            again = await ledger.erase_again(log, ledger.beside(folder))
            last = await log.last_sequence()
            log_digest, _ = await backups.digest_of(log, last)
            owner = Owner(place / "rooflog.duckdb")
            try:
                await owner.catch_up(log, report)
                status, stats = owner.answer("status", {}), owner.answer("stats", {})
                content = owner.answer("digest", {})["content_digest"]
            finally:
                owner.close()
        finally:
            await log.close()
    if (status["checkpoint"], status["log_digest"]) != (last, log_digest):
        raise RooflogError(
            f"the tables that were folded from {folder} stand at {status['checkpoint']:,} with the running digest "
            f"{status['log_digest']}, and the log ends at {last:,} with {log_digest}; use another backup"
        )
    seconds = round(time.monotonic() - began, 3)
    return Drilled(manifest, again, last, log_digest, content, status["quarantined"], stats, seconds)


@contextmanager
def _place(manifest: Manifest) -> Iterator[Path]:
    """A data directory that is thrown away. Raises RooflogError where its disk has no room."""
    with TemporaryDirectory(prefix="rooflog-drill-") as temporary:
        needed, free = ROOM * manifest.state["bytes"], shutil.disk_usage(temporary).free
        if free < needed:
            raise RooflogError(
                f"the drill needs {needed:,} bytes in {Path(temporary).parent}, and {free:,} are free; make room, or "
                "set TMPDIR to a folder on another disk"
            )
        yield Path(temporary, "data")
