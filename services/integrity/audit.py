"""Audit: an export is made anew from the log alone and compared byte for byte with the published one.

It needs the log and the export, not the database that the export was made from.
"""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, field

from events.errors import InputError
from events.log.log import Log
from projections.policy.policy import shipped

from ..exporter import writer
from ..exporter.manifest import MANIFEST, Manifest, digest_of, directory_of
from ..history.as_of import as_of
from ..scratch import scratch
from ..settings import Settings
from ..state.protocol import Progress
from ..volume import Volume


class Audited(Struct, kw_only=True):
    """What came of an audit; `files` are those of the manifest and whether they are the same, byte for byte.

    `erased` are sequences of the export's range whose text is gone since: an export that used them cannot be made anew.
    """

    export_digest: str
    last_seq: int
    is_same: bool = False
    is_same_log: bool = False
    is_same_policy: bool = False
    versions: dict[str, tuple[str, str]] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    erased: list[int] = field(default_factory=list)

    def answer(self) -> dict[str, Any]:
        """What people and programs are told."""
        return {"status": "same" if self.is_same else "different", **msgspec.to_builtins(self)}


async def fetch(volume: Volume, start: str, target: Path) -> Path:
    """Copy what the volume has of an export, named by the start of its digest, to a folder. Raises InputError."""
    on_volume = {path.split("/")[1] for path in await volume.listing("exports")}
    digests = [digest for digest in on_volume if digest.startswith(start)]
    if len(digests) != 1:
        how = f"{len(digests)} exports start with" if digests else "no export is called"
        raise InputError(f"{how} {start!r} on {volume.name}; `rooflog exports` lists them")
    home = directory_of(digests[0])
    for path in await volume.listing(home):
        data = await volume.read(path)
        if data is not None:
            file = target / path.removeprefix(f"{home}/")
            if not _is_inside(target, path.removeprefix(f"{home}/")):
                raise InputError(f"{volume.name} lists {path!r}, which leads out of the export")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
    return target


async def audit(settings: Settings, log: Log, export: Path, progress: Progress | None = None) -> Audited:
    """Fold facts 1 to N into a fresh database, export, and compare. Raises InputError where there is no export."""
    path = export / MANIFEST
    try:
        data = path.read_bytes()
        manifest = msgspec.json.decode(data, type=Manifest)
    except (OSError, msgspec.MsgspecError) as error:
        raise InputError(f"{export} is no export of this version: {MANIFEST}: {error}") from error
    audited = Audited(export_digest=digest_of(data), last_seq=manifest.last_seq)
    audited.erased = sorted(
        seq
        for seq, message in (await log.erased()).items()
        if seq <= manifest.last_seq and message.erased and not message.erased.restated
    )
    with scratch(settings.data_dir) as staging:
        async with (
            as_of(settings, log, manifest.last_seq, progress, unless_adopted=shipped(manifest.policy_digest)) as state,
            state.training_set(manifest.min_relevance) as (head, batches),
        ):
            _, again = await writer.write(staging, head, batches)
        _compare_heads(audited, manifest, again)
        audited.files = await asyncio.to_thread(_compare, export, staging, manifest, again)
    as_then = msgspec.structs.replace(again, software=manifest.software, libraries=manifest.libraries)
    audited.is_same = as_then == manifest and set(audited.files.values()) == {"same"}
    return audited


def _compare_heads(audited: Audited, manifest: Manifest, again: Manifest) -> None:
    audited.is_same_log = again.log_digest == manifest.log_digest
    audited.is_same_policy = again.policy_digest == manifest.policy_digest
    versions = {"software": (manifest.software, again.software)}
    versions |= {name: (manifest.libraries.get(name, "?"), made) for name, made in again.libraries.items()}
    audited.versions = {name: pair for name, pair in versions.items() if pair[0] != pair[1]}


def _compare(export: Path, staging: Path, manifest: Manifest, again: Manifest) -> dict[str, str]:
    """Every file of the manifest and its fate.

    It is `same`, `different`, `gone` (not there any more), `damaged` (not as published), or `outside`: a name that
    leads out of the export is not followed.
    """
    fates = {}
    for name, file in manifest.files.items():
        if not _is_inside(export, name):
            fates[name] = "outside"
            continue
        published, made = _sha256(export / name), _sha256(staging / name)
        if made != file.sha256:
            fates[name] = "different"
        elif published is None:
            fates[name] = "gone"
        else:
            fates[name] = "same" if published == file.sha256 else "damaged"
    return fates | dict.fromkeys(again.files.keys() - manifest.files.keys(), "different")


def _is_inside(folder: Path, name: str) -> bool:
    """Whether a file of this name lies in a folder, and neither it nor its folders are links."""
    home, path = folder.resolve(), folder / name
    is_plain = not Path(name).is_absolute() and ".." not in Path(name).parts and path.resolve() == home / name
    return is_plain and (path.is_file() or not path.exists())


def _sha256(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None
