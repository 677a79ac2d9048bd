"""A directory on this machine as the volume: every file is put in place whole, and on disk before it counts."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ..private_files import sync
from .volume import Report, VolumeError, checked

if TYPE_CHECKING:
    from ..settings import Settings

LEFTOVER_SECONDS = 3600
"""A temporary file that has not changed for so long belongs to a killed process."""

T = TypeVar("T")


def open_volume(settings: Settings) -> LocalVolume:
    """The directory of the setting `volume_dir`."""
    return LocalVolume(settings.volume)


class LocalVolume:
    """The volume below one directory, which is made when it is first written to."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.name = str(root)

    async def listing(self, prefix: str = "") -> dict[str, int]:
        """See `Volume.listing`; files that are still being written are not there yet."""
        return await self._do(f"list {prefix or 'the volume'}", self._listing, prefix)

    async def read(self, path: str) -> bytes | None:
        """See `Volume.read`."""
        return await self._do(f"read {path}", self._read, path)

    async def write(self, files: Mapping[str, Path], *, report: Report | None = None, move: bool = False) -> None:
        """See `Volume.write`; what was there stays until the new file is complete and synced."""
        total = await self._do("write", lambda: sum(source.stat().st_size for source in files.values()))
        done = 0
        for path, source in files.items():
            done += await self._do(f"write {path}", self._place, path, source, move)
            if report:
                report(done, total)
        await self._do("write", self._sync_directories, list(files))

    async def remove(self, path: str, *, recursive: bool = False) -> None:
        """See `Volume.remove`."""
        await self._do(f"remove {path}", self._remove, path, recursive)

    async def tidy(self) -> None:
        """See `Volume.tidy`."""
        await self._do("tidy", self._tidy)

    async def close(self) -> None:
        """See `Volume.close`."""

    async def _do(self, what: str, work: Callable[..., T], *args: object) -> T:
        try:
            return await asyncio.to_thread(work, *args)
        except OSError as error:
            retryable = error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ESTALE, errno.EBUSY, errno.EAGAIN}
            raise VolumeError(
                f"cannot {what} in {self.name}: {error.strerror or error}"
                f"{f' ({error.filename})' if error.filename else ''}; the old files are untouched",
                retryable=retryable,
            ) from error

    def _at(self, path: str) -> Path:
        return self.root / checked(path)

    def _listing(self, prefix: str) -> dict[str, int]:
        start = self._at(prefix) if prefix else self.root
        sizes = {file.relative_to(self.root).as_posix(): file.stat().st_size for file in _files(start)}
        return dict(sorted(sizes.items()))

    def _read(self, path: str) -> bytes | None:
        try:
            return self._at(path).read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None

    def _place(self, path: str, source: Path, move: bool) -> int:
        target = self._at(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        for leftover in target.parent.glob(f".{target.name}.*.part"):
            if leftover.stat().st_mtime < time.time() - LEFTOVER_SECONDS:
                leftover.unlink(missing_ok=True)
        temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
        try:
            if not (move and _moved(source, temporary)):
                shutil.copyfile(source, temporary)
            sync(temporary)
            size = temporary.stat().st_size
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
        return size

    def _tidy(self) -> None:
        for leftover in self.root.rglob(".*.part"):
            leftover.unlink(missing_ok=True)

    def _sync_directories(self, paths: list[str]) -> None:
        """Make the names of files outlive a power cut: their directories, up to the root."""
        within = {Path(), *(parent for path in paths for parent in Path(checked(path)).parents)}
        for directory in sorted(within, reverse=True):
            sync(self.root / directory)

    def _remove(self, path: str, recursive: bool) -> None:
        target = self._at(path)
        if recursive and target.is_dir() and not target.is_symlink():
            shutil.rmtree(target)
        else:
            target.unlink(missing_ok=True)


def _files(directory: Path) -> Iterator[Path]:
    for folder, _, names in os.walk(directory):
        for name in names:
            if not (name.startswith(".") and name.endswith(".part")):
                yield Path(folder, name)


def _moved(source: Path, target: Path) -> bool:
    """Rename a file to its place; False where it is on another file system."""
    try:
        source.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        return False
    return True
