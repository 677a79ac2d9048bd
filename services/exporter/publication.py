"""Exports on a volume: published in an order that never shows half an export, read, and removed when they are old."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

import msgspec

from ..volume import Volume
from .manifest import LATEST, LINEAGE, MANIFEST, ROOT_FILE, SFT_TRAIN, Latest, Manifest, directory_of, latest_of


async def publish(volume: Volume, staged: Path, digest: str, manifest: Manifest) -> None:
    """Put a staged export on the volume: its files, its manifest, `latest.json`, then the trainer's root file.

    Whatever breaks off in between, the root file is a whole export. Files of an earlier try are not sent again: the
    digest in their path says what they hold. The staged files go to the volume and may be gone from their place.
    Raises VolumeError.
    """
    home = directory_of(digest)
    present = await volume.listing(home)
    missing = {
        name: staged / name for name, file in manifest.files.items() if present.get(f"{home}/{name}") != file.bytes
    }
    if missing:
        await volume.write({f"{home}/{name}": file for name, file in missing.items()}, move=True)
    await volume.write({f"{home}/{MANIFEST}": staged / MANIFEST})
    latest = staged / LATEST
    latest.write_bytes(msgspec.json.format(msgspec.json.encode(latest_of(digest, manifest)), indent=2) + b"\n")
    await volume.write({LATEST: latest})
    await volume.write({ROOT_FILE: staged / ROOT_FILE}, move=True)


async def latest(volume: Volume) -> str | None:
    """The digest of the export that `latest.json` names; None where it cannot be read."""
    data = await volume.read(LATEST)
    try:
        return msgspec.json.decode(data, type=Latest).digest if data else None
    except msgspec.MsgspecError:
        return None


async def manifest_of(volume: Volume, digest: str) -> Manifest | None:
    """The manifest of an export; None where the volume has none of this format."""
    data = await volume.read(f"{directory_of(digest)}/{MANIFEST}")
    try:
        return msgspec.json.decode(data, type=Manifest) if data else None
    except msgspec.MsgspecError:
        return None


async def is_whole(volume: Volume, digest: str, manifest: Manifest) -> bool:
    """Has the volume every file of the latest export, and the root file, in the right size?"""
    sizes = await volume.listing()
    home = directory_of(digest)
    wanted = {f"{home}/{name}": file.bytes for name, file in manifest.files.items()}
    wanted[ROOT_FILE] = manifest.files[SFT_TRAIN].bytes
    return all(sizes.get(path) == size for path, size in wanted.items())


async def retain(volume: Volume, keep: int, known: Iterable[str], protected: set[str], traced: set[str]) -> list[str]:
    """Remove old exports; the digests that were removed.

    `known` are the exports that the log knows, newest first: `keep` of them stay, and those in `protected`. Of the
    `traced` ones (that were trained on) manifest and lineage stay for ever: they hold ids and sequences, no texts.
    What the log does not know was broken off and goes.
    """
    on_volume: dict[str, list[str]] = {}
    for path in await volume.listing("exports"):
        on_volume.setdefault(path.split("/")[1], []).append(path)
    staying = protected.union(list(known)[:keep])
    removed = []
    for digest, paths in on_volume.items():
        if digest in staying:
            continue
        kept = {f"{directory_of(digest)}/{name}" for name in (MANIFEST, LINEAGE)} if digest in traced else set()
        if not kept:
            await volume.remove(directory_of(digest), recursive=True)
        for path in paths if kept else ():
            if path not in kept:
                await volume.remove(path)
        if set(paths) - kept:
            removed.append(digest)
    return removed


class LineageFile:
    """The lineage of an export as a local Parquet file, for as long as this is open; its path is None without one."""

    def __init__(self, volume: Volume, digest: str) -> None:
        self._volume = volume
        self._path = f"{directory_of(digest)}/{LINEAGE}"
        self._home: tempfile.TemporaryDirectory[str] | None = None

    async def __aenter__(self) -> Path | None:
        """Read it from the volume. Raises VolumeError."""
        data = await self._volume.read(self._path)
        if data is None:
            return None
        self._home = tempfile.TemporaryDirectory(prefix="rooflog-")
        path = Path(self._home.name, LINEAGE)
        path.write_bytes(data)
        return path

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._home:
            self._home.cleanup()
