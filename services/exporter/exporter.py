"""Exporting: from the training set of this moment to the volume, and a fact that says so."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from events.facts import TrainingSetExported
from events.log.log import Log
from events.subjects import subject_of
from projections.policy.policy import Relevance
from projections.queries.training_set import TrainingSet

from ..scratch import scratch
from ..state.client import State
from ..state.protocol import Progress
from ..volume import Volume
from . import publication, writer
from .changes import Changes, Known, compare
from .manifest import ROOT_FILE, Manifest, directory_of


class Exporter:
    """Makes exports and puts them on a volume; hold `alone` while using it."""

    def __init__(self, log: Log, state: State, volume: Volume, data_dir: Path, actor: str) -> None:
        self._log = log
        self.state = state
        self._data_dir = data_dir
        self._actor = actor
        self.volume = volume
        self.known = Known(volume)

    async def last(self) -> tuple[str, Manifest] | None:
        """The last export that is whole: the export of `latest.json`, if the log has its fact.

        The fact follows the last file. Without it the root file is not certain, so the export is made again.
        """
        digest = await publication.latest(self.volume)
        if digest is None or not await self._log.last([_subject(digest)]):
            return None
        manifest = await publication.manifest_of(self.volume, digest)
        return None if manifest is None else (digest, manifest)

    async def age(self, last: tuple[str, Manifest] | None) -> float:
        """How many seconds ago the last export was made, by its fact."""
        messages = await self._log.last([_subject(last[0])]) if last else {}
        return max((_seconds_since(message.fact().occurred_at) for message in messages.values()), default=0.0)

    async def changes(self, last: tuple[str, Manifest] | None, min_relevance: Relevance | None = None) -> Changes:
        """How the training set differs from the last export."""
        return await compare(self.state, self.known, last, min_relevance)

    async def export(
        self,
        *,
        min_examples: int | None = None,
        min_quality: Relevance | None = None,
        actor: str | None = None,
        progress: Progress | None = None,
    ) -> dict[str, Any]:
        """Bring the volume up to date, or say that the training set is too small and leave the volume as it is.

        `min_examples` and `min_quality` (a relevance) are the policy's unless given; `actor` is who asked for it. Where
        the rows and the policy are those of the last export, nothing is written. Raises VolumeError, with the old
        export intact.
        """
        if (last := await self.last()) is not None:
            changes = await compare(self.state, self.known, last, min_quality)
            if refused := _too_few(changes.head, min_examples):
                return refused
            if changes.is_same and await publication.is_whole(self.volume, *last):
                return _answer(self.volume, *last, changes.head.funnel, is_new=False)
        with scratch(self._data_dir) as staging:
            async with self.state.training_set(min_quality) as (head, batches):
                if refused := _too_few(head, min_examples):
                    return refused
                digest, manifest = await writer.write(staging, head, batches, progress)
            await publication.publish(self.volume, staging, digest, manifest)
        await self._log.publish([self._fact(digest, manifest, actor or self._actor)])
        await self._retain(head.export.keep_versions, digest)
        return _answer(self.volume, digest, manifest, head.funnel, is_new=True)

    async def _retain(self, keep: int, latest: str) -> None:
        """Remove what the policy no longer keeps; never the latest, what trains, or what was trained on last."""
        exports = (await self.state.ask("exports"))["exports"]
        trained = [
            (training["intended_seq"], export["export_digest"], training["outcome"])
            for export in exports
            for training in export["trainings"]
        ]
        running = {digest for _, digest, outcome in trained if outcome in ("intended", "started")}
        trained_last = max(((seq, digest) for seq, digest, outcome in trained if outcome != "failed"), default=None)
        protected = {latest, *running, *([trained_last[1]] if trained_last else [])}
        known = [export["export_digest"] for export in exports]
        await publication.retain(self.volume, keep, known, protected, {digest for _, digest, _ in trained})

    def _fact(self, digest: str, manifest: Manifest, actor: str) -> TrainingSetExported:
        counts = {f"{name}_{split}": n for name, splits in manifest.counts.items() for split, n in splits.items()}
        return TrainingSetExported(
            event_id=_event_id(digest),
            occurred_at=datetime.now(UTC),
            actor=actor,
            export_digest=digest,
            policy_digest=manifest.policy_digest,
            log_digest=manifest.log_digest,
            last_seq=manifest.last_seq,
            counts={"examples": manifest.examples} | counts,
            paths=(directory_of(digest), ROOT_FILE),
        )


async def export_apart(
    state: State,
    volume: Volume,
    staging: Path,
    *,
    min_examples: int | None = None,
    min_quality: Relevance | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Write an export without a fact: of a past state, to a volume that no trainer reads."""
    async with state.training_set(min_quality) as (head, batches):
        if refused := _too_few(head, min_examples):
            return refused
        digest, manifest = await writer.write(staging, head, batches, progress)
    await publication.publish(volume, staging, digest, manifest)
    return _answer(volume, digest, manifest, head.funnel, is_new=True)


def _answer(volume: Volume, digest: str, manifest: Manifest, funnel: dict[str, Any], *, is_new: bool) -> dict[str, Any]:
    return {
        "status": "exported",
        "unchanged": not is_new,
        "total_raw": funnel["captured"],
        "corrections": funnel["corrections"],
        "after_filtering": manifest.examples,
        "output_path": f"{volume.name}/{ROOT_FILE}",
        "export_digest": digest,
        "export_path": f"{volume.name}/{directory_of(digest)}",
        "counts": manifest.counts,
        "funnel": funnel,
        "last_seq": manifest.last_seq,
        "log_digest": manifest.log_digest,
        "policy_digest": manifest.policy_digest,
    }


def _too_few(head: TrainingSet, min_examples: int | None) -> dict[str, Any] | None:
    """The answer where the training set is smaller than the policy, or the caller, wants it."""
    required = head.export.min_examples if min_examples is None else min_examples
    count = head.funnel["unique"]
    if count >= required:
        return None
    return {"status": "insufficient_data", "count": count, "required": required, "funnel": head.funnel}


def _seconds_since(moment: datetime) -> float:
    return (datetime.now(UTC) - moment).total_seconds()


def _event_id(digest: str) -> str:
    """One export is one fact, however often and by whomever it is published."""
    return hashlib.sha256(f"exported {digest}".encode()).hexdigest()[:32]


def _subject(digest: str) -> str:
    return subject_of(
        TrainingSetExported(
            event_id=_event_id(digest),
            occurred_at=datetime.now(UTC),
            actor="-",
            export_digest=digest,
            policy_digest=digest,
            log_digest=digest,
            last_seq=0,
        )
    )
