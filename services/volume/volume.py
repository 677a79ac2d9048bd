"""A volume: the files of exports by their path, wherever they lie."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Protocol

from events.errors import RooflogError

Report = Callable[[int, int], None]
"""Told how many bytes are written, of how many."""


class VolumeError(RooflogError):
    """The volume or the trainer did not do what was asked; what was there before is still there."""

    def __init__(self, message: str, *, retryable: bool) -> None:
        """`retryable`: trying again later may help; otherwise a setting or a right has to change first."""
        super().__init__(message)
        self.retryable = retryable


class Volume(Protocol):
    """Files by their path from the volume's root, with `/` between the parts. Everything raises VolumeError."""

    name: str
    """What messages call it, e.g. `/srv/volume` or `Modal volume roofing-training-data`."""

    async def listing(self, prefix: str = "") -> dict[str, int]:
        """Path and size in bytes of every file below the directory `prefix`, in order; empty where there is none."""

    async def read(self, path: str) -> bytes | None:
        """A whole file, as it is now; None where there is none."""

    async def write(self, files: Mapping[str, Path], *, report: Report | None = None, move: bool = False) -> None:
        """Put finished local files in place, each whole or not at all, replacing what is there.

        All are in place afterwards. After an error some may be: write what points at others in a later call. With
        `move` the local files are the volume's to keep and may be gone afterwards; each may be named once only.
        """

    async def remove(self, path: str, *, recursive: bool = False) -> None:
        """Remove a file, or with `recursive` a directory and all in it; not an error where there is none."""

    async def tidy(self) -> None:
        """Remove what writes that were killed left behind; nobody may be writing meanwhile."""

    async def close(self) -> None:
        """Let go of connections."""


def checked(path: str) -> str:
    """A path on a volume that names something below its root. Raises VolumeError."""
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or "\0" in path:
        raise VolumeError(f"{path!r} is no path on a volume; give a relative one without '..'", retryable=False)
    return "/".join(parts)
