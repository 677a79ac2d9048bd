"""A proof: the log verified, beside the manifests on the volume, and the result marked in the data directory."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from events.log.log import Log

from .. import marks
from ..marks import Mark
from ..settings import Settings
from ..state.client import State
from ..state.protocol import Progress
from ..volume import VolumeError, open_volume
from . import verification
from .verification import Anchor, Finding


class Proof(Struct, frozen=True):
    """What was found, since which mark, and why the manifests of the volume could not be read."""

    finding: Finding
    since: Mark | None = None
    volume_error: str | None = None

    def answer(self) -> dict[str, Any]:
        """What people and programs are told."""
        return {
            "status": "broken" if self.finding.problems else "verified",
            "since": msgspec.to_builtins(self.since),
            **msgspec.to_builtins(self.finding),
            "volume_error": self.volume_error,
        }


async def prove(
    settings: Settings, log: Log, state: State, *, incremental: bool = False, report: Progress | None = None
) -> Proof:
    """Verify the whole log, or what was said since the last proof of this data directory."""
    since = marks.last(settings.data_dir, "verified") if incremental else None
    manifests, unread = await _manifests(settings)
    finding = await verification.verify(log, state, since=since, published=manifests, report=report)
    broken = bool(finding.problems)
    if not broken:  # what was new is recorded now, for the next verification
        state.as_it_stands = False
        await state.ask("status")
    marks.set_mark(settings.data_dir, "found_broken" if broken else "verified", finding.last, finding.log_digest)
    if not broken and not incremental:  # an incremental one does not look at what was found
        marks.remove(settings.data_dir, "found_broken")
    return Proof(finding, since, unread)


async def _manifests(settings: Settings) -> tuple[list[Anchor], str | None]:
    """The digests in the manifests on the volume, or why they could not be read."""
    try:
        volume = open_volume(settings)
        try:
            return await verification.manifested(volume), None
        finally:
            await volume.close()
    except VolumeError as error:
        return [], str(error)
