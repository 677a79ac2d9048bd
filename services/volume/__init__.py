"""Where exports go and who trains on them: one interface to a directory on this machine and to Modal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Literal, Protocol

from msgspec import Struct

from events.errors import RooflogError

if TYPE_CHECKING:
    from ..settings import Settings
    from .modal.connection import Connection

Report = Callable[[int, int], None]
"""Told how many bytes are written, of how many."""

Outcome = Literal["running", "succeeded", "failed"]


class VolumeError(RooflogError):
    """The volume or the trainer did not do what was asked; what was there before is still there."""

    def __init__(self, message: str, *, retryable: bool) -> None:
        """`retryable`: trying again later may help; otherwise a setting or a right has to change first."""
        super().__init__(message)
        self.retryable = retryable


class LostAnswer(VolumeError):
    """A training was asked for and no answer came: it may have been started, so look before you ask again."""

    def __init__(self, message: str) -> None:
        super().__init__(message, retryable=True)


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

    async def close(self) -> None:
        """Let go of connections."""


class Call(Struct, frozen=True):
    """A call of the trainer, whoever made it; `created_at` is the trainer's own clock, in seconds."""

    call_id: str
    created_at: float


class Trainer(Protocol):
    """Starts trainings and says how they ended. Everything raises VolumeError."""

    name: str
    """What messages call it, e.g. `roofing-training/fine_tune_roofing_model on Modal`."""

    async def spawn(self, **arguments: str | int) -> str:
        """Start a training and return its call id at once.

        Raises LostAnswer where nobody knows whether it was started; after any other VolumeError it was not.
        """

    async def calls(self) -> list[Call] | None:
        """The trainer's calls, the newest ones at least; None where it cannot tell."""

    async def outcome(self, call_id: str, timeout: float) -> tuple[Outcome, str]:
        """How a training stands, waiting up to `timeout` seconds for its end, and what it returned or why it failed."""

    async def close(self) -> None:
        """Let go of connections."""


def checked(path: str) -> str:
    """A path on a volume that names something below its root. Raises VolumeError."""
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or "\0" in path:
        raise VolumeError(f"{path!r} is no path on a volume; give a relative one without '..'", retryable=False)
    return "/".join(parts)


def open_volume(settings: Settings) -> Volume:
    """The volume that the settings name. Raises VolumeError where its client is not installed."""
    if settings.sink == "local":
        from .local import LocalVolume

        return LocalVolume(settings.volume)
    from .modal.volume import ModalVolume

    return ModalVolume(settings.modal_volume, _connection(settings))


def open_trainer(settings: Settings) -> Trainer | None:
    """The trainer that reads that volume, or None for a directory, which nothing on Modal can read."""
    if settings.sink == "local":
        return None
    from .modal.trainer import ModalTrainer

    return ModalTrainer(settings.modal_app, settings.modal_function, _connection(settings))


def _connection(settings: Settings) -> Connection:
    from .modal import connection

    connection.check()
    return connection.Connection(settings.modal_environment, settings.modal_seconds)
