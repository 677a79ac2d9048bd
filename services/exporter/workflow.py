"""What the exporter does, step by step, for the service and for a command that works without it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from msgspec import Struct

from events.errors import RooflogError
from events.log.log import Log
from events.traceparent import current

from .. import tracing
from ..scratch import forget_abandoned
from ..settings import Settings
from ..state.client import State
from ..state.protocol import Progress
from ..volume import SINKS, VolumeError, open_trainer, open_volume
from .changes import Known, between, unseen
from .exporter import Exporter
from .lock import LOCK_SECONDS, alone
from .manifest import Manifest
from .provenance import Provenance
from .training import Attempt, Trainings, is_running, last_trained, why_not


class Look(Struct, frozen=True, kw_only=True):
    """A look at what has changed since the last export, in rows and seconds."""

    checkpoint: int
    rows: int
    examples: int
    required: int
    is_same: bool
    is_due: bool
    max_age_seconds: float
    export_age: float
    last_export: str | None
    last_seq: int


class Steps:
    """The steps of one exporter; `trainings` is None where nobody trains."""

    def __init__(self, exporter: Exporter, trainings: Trainings | None) -> None:
        self.volume = exporter.volume.name
        self.trainer = trainings.trainer.name if trainings else None
        self._exporter = exporter
        self._trainings = trainings
        self._exported = ""
        """The trace of the last export of this process."""

    @property
    def uncertain(self) -> dict[str, str]:
        """Exports of which nobody can tell whether their training was started, and why."""
        return self._trainings.uncertain if self._trainings else {}

    async def look(self) -> Look:
        """What has changed, and whether the policy says that it is enough."""
        last = await self._exporter.last()
        changes = await self._exporter.changes(last)
        head, export = changes.head, changes.head.export
        is_new_policy = last is not None and last[1].policy_digest != head.policy_digest
        return Look(
            checkpoint=head.checkpoint,
            rows=changes.rows,
            examples=head.funnel["unique"],
            required=export.min_examples,
            is_same=changes.is_same,
            is_due=last is None or is_new_policy or changes.rows >= export.changed_examples,
            max_age_seconds=60.0 * export.max_age_minutes,
            export_age=await self._exporter.age(last),
            last_export=last[0] if last else None,
            last_seq=last[1].last_seq if last else 0,
        )

    async def export(
        self, args: dict[str, Any], progress: Progress | None, *, parent: str = "", links: Sequence[str] = ()
    ) -> dict[str, Any]:
        """Export now, whatever has changed; `parent` and `links` are traces that the export belongs to."""
        with tracing.span("export", parent=parent, links=links):
            self._exported = current()
            return await self._exporter.export(
                min_examples=args.get("min_examples"),
                min_quality=args.get("min_quality"),
                actor=args.get("actor"),
                progress=progress,
            )

    async def compare(self, digest: str, before: str) -> dict[str, int]:
        """How an export differs from one before it (`changes.between`). Raises InputError."""
        return await between(Known(self._exporter.volume), digest, before)

    async def lineage(self, asked: str, limit: int, after: int) -> dict[str, Any]:
        """Where a row comes from, or where an example went (`Provenance.of_anything`). Raises UnknownRow."""
        provenance = await Provenance.of(self._exporter.state, self._exporter.volume)
        return await provenance.of_anything(asked, limit, after)

    async def follow(self) -> list[Attempt] | None:
        """Bring what the log says about trainings up to date; None where nobody trains."""
        if self._trainings is None:
            return None
        last = await self._exporter.last()
        return await self._trainings.follow(last[0] if last else None)

    async def is_settling(self) -> bool:
        """Should an export wait, because it is open whether a training on the last export was started?"""
        return self._trainings is not None and await self._trainings.is_settling()

    async def train_if_due(self, attempts: list[Attempt]) -> bool:
        """Start a training on the latest export if the policy wants one and none is under way."""
        last = await self._exporter.last()
        if self._trainings is None or last is None or is_running(attempts):
            return False
        if any(attempt.export_digest == last[0] for attempt in attempts):
            return False
        if await self._why_not(last, attempts):
            return False
        with tracing.span("train", links=[self._exported]):
            return await self._trainings.start(last[0]) is not None

    async def train(self, args: dict[str, Any], parent: str = "") -> dict[str, Any]:
        """Start a training on the latest export; `force` does so whatever the policy says, and again.

        `parent` is the trace that it belongs to.
        """
        force = bool(args.get("force"))
        if self._trainings is None:
            sinks = " or ".join(sink.name for sink in SINKS.values() if sink.trainer)
            raise RooflogError(
                f"nobody trains on this volume; set ROOFLOG_SINK={sinks}, or start your trainer on the root file "
                "yourself"
            )
        last = await self._exporter.last()
        attempts = await self._trainings.follow(last[0] if last else None)
        if last is None:
            raise RooflogError("there is no export to train on yet; `rooflog export` makes one")
        of_this_export = [attempt for attempt in attempts if attempt.export_digest == last[0]]
        answer: dict[str, Any] = {"export_digest": last[0], "examples": last[1].examples}
        if is_running(attempts):
            running = next(attempt for attempt in reversed(attempts) if attempt.outcome == "started")
            return answer | {"status": "running", "call_id": running.call_id, "running_on": running.export_digest}
        if not force:
            if of_this_export:
                newest = of_this_export[-1]
                return answer | {"status": "already_trained", "outcome": newest.outcome, "call_id": newest.call_id}
            if reason := await self._why_not(last, attempts):
                return answer | {"status": "not_due", "reason": reason}
        with tracing.span("train", parent=parent, links=[self._exported]):
            started = await self._trainings.start(last[0], len(of_this_export) + 1, args.get("actor"))
        if started is None:
            raise RooflogError("somebody else has just said that they start this training; see `rooflog exports`")
        return answer | {"status": "started", "call_id": started.call_id, "number": started.number}

    async def _why_not(self, last: tuple[str, Manifest], attempts: list[Attempt]) -> str | None:
        policy = (await self._exporter.changes(last)).head.training
        new = await unseen(self._exporter.known, last[0], last_trained(attempts))
        return why_not(last[1].examples, new, policy.at, policy.new_examples)


@asynccontextmanager
async def opened(
    settings: Settings, log: Log, state: State, actor: str, seconds: float = LOCK_SECONDS
) -> AsyncIterator[Steps]:
    """The steps of the only exporter of a data directory. Raises VolumeError, or Busy where it is not alone."""
    async with alone(settings.data_dir, seconds):
        forget_abandoned(settings.data_dir)
        volume, trainer = open_volume(settings), open_trainer(settings)
        try:
            exporter = Exporter(log, state, volume, settings.data_dir, actor)
            yield Steps(exporter, Trainings(log, state, trainer, actor) if trainer else None)
        finally:
            with contextlib.suppress(VolumeError):
                await volume.close()
                if trainer:
                    await trainer.close()
