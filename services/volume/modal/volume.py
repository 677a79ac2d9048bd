"""A volume on Modal, of either version of its file system, through Modal's own client.

An upload is committed by the server when its last call returns: containers that start later see it, those that are
running see it after `volume.reload()`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..volume import Report, VolumeError, checked
from .connection import Connection, inside

if TYPE_CHECKING:
    import modal

SLOWEST = 512 * 1024
"""Bytes a second below which an upload counts as standing still; it has the step's deadline on top."""

TOGETHER = 32 * 1024 * 1024
"""Bytes that one batch uploads: progress is told, and a deadline kept, for each of them."""


class ModalVolume:
    """The volume of this name, which is made where it is missing."""

    def __init__(self, volume: str, connection: Connection) -> None:
        self.name = f"Modal volume {volume}"
        self._volume_name = volume
        self._connection = connection

    async def listing(self, prefix: str = "") -> dict[str, int]:
        """See `Volume.listing`."""
        volume, start = await self._volume(), checked(prefix) if prefix else ""
        entries = volume.iterdir.aio(f"/{start}", recursive=True)
        sizes_by_path: dict[str, int] = {}
        try:
            while entry := await self._connection.step(f"list {start or self.name}", anext(entries, None)):
                if entry.type == entry.type.FILE:
                    sizes_by_path[entry.path.strip("/")] = entry.size
        except VolumeError as error:
            if not _is(error, "NotFoundError"):
                raise
        finally:
            await entries.aclose()
        return dict(sorted(sizes_by_path.items()))

    async def read(self, path: str) -> bytes | None:
        """See `Volume.read`; every block has a deadline of its own."""
        volume = await self._volume()
        blocks = volume.read_file.aio(f"/{checked(path)}")
        content = bytearray()
        try:
            while block := await self._connection.step(f"read {path}", anext(blocks, None)):
                content += block
        except VolumeError as error:
            if _is(error, "FileNotFoundError"):
                return None
            raise
        finally:
            await blocks.aclose()
        return bytes(content)

    async def write(self, files: Mapping[str, Path], *, report: Report | None = None, move: bool = False) -> None:
        """See `Volume.write`; the files of a batch appear together, when all their contents are there."""
        targets = {checked(path): source for path, source in files.items()}
        try:
            sizes = {path: source.stat().st_size for path, source in targets.items()}
        except OSError as error:
            raise VolumeError(f"cannot read {error.filename}: {error.strerror}", retryable=False) from error
        volume, done = await self._volume(), 0
        for batch in _batches(sizes):
            size = sum(sizes[path] for path in batch)
            named = batch[0] if len(batch) == 1 else f"{batch[0]} and {len(batch) - 1} more"
            await self._connection.step(
                f"write {named} to {self.name}",
                _upload(volume, {path: targets[path] for path in batch}),
                seconds=self._connection.seconds + size / SLOWEST,
            )
            done += size
            if report:
                report(done, sum(sizes.values()))

    async def remove(self, path: str, *, recursive: bool = False) -> None:
        """See `Volume.remove`."""
        volume = await self._volume()
        try:
            await self._connection.step(f"remove {path}", volume.remove_file.aio(f"/{checked(path)}", recursive))
        except VolumeError as error:
            if not _is(error, "FileNotFoundError"):
                raise

    async def tidy(self) -> None:
        """See `Volume.tidy`: what Modal was sent and no file names is Modal's to remove."""

    async def close(self) -> None:
        """See `Volume.close`."""
        await self._connection.close()

    async def _volume(self) -> modal.Volume:
        """Look the volume up, each time: a handle outlives a volume that is deleted and made anew."""
        client = await self._connection.client()
        import modal

        environment = self._connection.environment
        volume = modal.Volume.from_name(
            self._volume_name, environment_name=environment, create_if_missing=True, client=client
        )
        missing = "make the environment with `modal environment create`, or set ROOFLOG_MODAL_ENVIRONMENT"
        await self._connection.step(
            f"find volume {self._volume_name} in {self._connection.where}", volume.hydrate.aio(), missing=missing
        )
        return volume


def _batches(sizes: Mapping[str, int]) -> Iterator[list[str]]:
    """The paths in the order given, cut so that a batch stays below TOGETHER or is a single file."""
    batch: list[str] = []
    for path, size in sizes.items():
        if batch and sum(sizes[p] for p in batch) + size > TOGETHER:
            yield batch
            batch = []
        batch.append(path)
    if batch:
        yield batch


async def _upload(volume: modal.Volume, files: Mapping[str, Path]) -> None:
    try:
        async with volume.batch_upload.aio(force=True) as batch:
            for path, source in files.items():
                batch.put_file(source, f"/{path}", mode=0o644)
    except BaseException:
        await asyncio.shield(_abandon_blocks())
        raise


async def _abandon_blocks() -> None:
    """Cancel the block uploads that Modal's client leaves running when one of them fails or is cancelled.

    Each would go on for eight minutes, or for ever where the server does not answer, and hold one of the 100
    connections that later uploads need.
    """

    async def cancel() -> None:
        for task in asyncio.all_tasks():
            if getattr(task.get_coro(), "__name__", "") == "put_missing_block":
                task.cancel()

    await inside(cancel)


def _is(error: VolumeError, name: str) -> bool:
    return type(error.__cause__).__name__ == name
