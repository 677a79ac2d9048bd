"""Withdrawal: find the exports and trainings that had contained an erased example, and remove their texts."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from events.errors import RooflogError
from projections.store import database
from projections.store.segments import Segment

from ..exporter import publication
from ..exporter.lock import alone
from ..exporter.manifest import LINEAGE, MANIFEST, directory_of
from ..exporter.provenance import lines_of
from ..scratch import forget_abandoned
from ..settings import Settings
from ..state.client import State
from ..state.owner import Files
from ..volume import Volume

KEPT = (MANIFEST, LINEAGE)
"""What stays of a withdrawn export: ids, sequences and digests, no text."""


class Contained(Struct):
    """The exports that had contained some examples; `untold` are those of which the volume has no lineage any more."""

    exports: list[dict[str, Any]] = field(default_factory=list)
    untold: list[str] = field(default_factory=list)

    @property
    def trainings(self) -> list[dict[str, Any]]:
        """The trainings on those exports."""
        return [
            training | {"export_digest": export["export_digest"]}
            for export in self.exports
            for training in export["trainings"]
        ]


async def containing(state: State, volume: Volume, ids: Sequence[str], since: int) -> Contained:
    """The exports that contain any of the examples, newest first; none before sequence `since` can.

    They contain it as a row of their own, or as a turn before one: `lines` are then those of that row.
    The lineage on the volume tells, also of exports that were broken off before the log knew them. Raises VolumeError.
    """
    exported = {export["export_digest"]: export for export in (await state.ask("exports"))["exports"]}
    on_volume = {path.split("/")[1] for path in await volume.listing("exports")}
    seqs = list((await state.ask("sequences", ids=list(ids))).values())
    contained = Contained()
    for digest in [*exported, *sorted(on_volume - exported.keys())]:
        export = exported.get(digest, {"at": None, "last_seq": None, "trainings": []})
        if export["last_seq"] is not None and export["last_seq"] < since:
            continue
        async with publication.LineageFile(volume, digest) as path:
            if path is None:
                contained.untold.append(digest)
            elif rows := _rows(path, ids, seqs):
                contained.exports.append(
                    {
                        "export_digest": digest,
                        "at": export["at"],
                        "last_seq": export["last_seq"],
                        "lines": {row["example_id"]: lines_of(row, export) for row in rows},
                        "trainings": export["trainings"],
                    }
                )
    return contained


def _rows(lineage: Path, ids: Sequence[str], seqs: Sequence[int]) -> list[dict[str, Any]]:
    con = database.connect(None)
    try:
        wanted = "list_contains($ids::VARCHAR[], example_id)"
        parameters: dict[str, Any] = {"path": str(lineage), "ids": list(ids)}
        if "context" in con.read_parquet(str(lineage)).columns:
            wanted += " OR list_has_any(context, $seqs::BIGINT[])"
            parameters["seqs"] = list(seqs)
        result = con.execute(f"SELECT * FROM read_parquet($path) WHERE {wanted} ORDER BY seq", parameters)
        names = [column[0] for column in result.description]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
    finally:
        con.close()


async def is_latest(volume: Volume, exports: Iterable[dict[str, Any]]) -> bool:
    """Whether the trainer reads one of the exports now."""
    latest = await publication.latest(volume)
    return any(export["export_digest"] == latest for export in exports)


async def texts_of(volume: Volume, contained: Contained) -> dict[str, list[str]]:
    """The files with texts of exports that had contained some examples, by export. Raises VolumeError."""
    digests = [*(export["export_digest"] for export in contained.exports), *contained.untold]
    return {digest: await _texts(volume, digest) for digest in digests}


async def _texts(volume: Volume, digest: str) -> list[str]:
    return [path for path in await volume.listing(directory_of(digest)) if path.rsplit("/", 1)[-1] not in KEPT]


async def segments_of(settings: Settings, state: State, seqs: Sequence[int]) -> list[str]:
    """The files of sealed segments that hold some messages."""
    folder = Files(settings.database).segments
    segments = [Segment(**each) for each in await state.ask("segments")]
    holding = [each for each in segments if any(each.first <= seq <= each.last for seq in seqs)]
    return [str(folder.file(each)) for each in holding]


async def withdraw(volume: Volume, exports: Iterable[dict[str, Any]], untold: Iterable[str]) -> list[str]:
    """Remove the texts of exports, also of those without a lineage. Returns the digests of exports that had texts.

    The export that the trainer reads now keeps its texts. Raises VolumeError.
    """
    latest = await publication.latest(volume)
    withdrawn = []
    for digest in [*(export["export_digest"] for export in exports), *untold]:
        texts = await _texts(volume, digest)
        if digest == latest or not texts:
            continue
        for path in texts:
            await volume.remove(path)
        withdrawn.append(digest)
    return withdrawn


async def tidy(settings: Settings, volume: Volume) -> None:
    """Remove what killed processes have left half-written; running ones remove it themselves."""
    forget_abandoned(settings.data_dir)
    with contextlib.suppress(RooflogError):
        async with alone(settings.data_dir, 0.0):
            await volume.tidy()
