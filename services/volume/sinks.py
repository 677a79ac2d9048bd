"""The registry of sinks: a new sink is a module that opens its volume, and an entry here."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec import Struct

from . import local, modal
from .trainer import Trainer
from .volume import Volume

if TYPE_CHECKING:
    from ..settings import Settings


class Sink(Struct, frozen=True, kw_only=True):
    """A place that exports go to, and how the settings open it.

    Opening connects to nothing yet. It raises VolumeError where `needs` is not installed.
    """

    name: str
    """The value of the setting `sink`."""
    description: str
    volume: Callable[[Settings], Volume]
    trainer: Callable[[Settings], Trainer] | None = None
    """Opens the trainer that reads the volume; None where nothing trains on it by itself."""
    needs: str | None = None
    """What pip installs for it; the extra of this requirement has the name of the sink."""


_ENTRIES = (
    Sink(name="local", description="the directory volume_dir", volume=local.open_volume),
    Sink(
        name="modal",
        description="a volume on Modal, with a trainer deployed there",
        volume=modal.open_volume,
        trainer=modal.open_trainer,
        needs=modal.NEEDS,
    ),
)

SINKS = {sink.name: sink for sink in _ENTRIES}

CHOICES = " or ".join(f"{sink.name} ({sink.description})" for sink in _ENTRIES)
"""What the setting may be, for people."""


def open_volume(settings: Settings) -> Volume:
    """The volume that the settings name. Raises VolumeError where its client is not installed."""
    return SINKS[settings.sink].volume(settings)


def open_trainer(settings: Settings) -> Trainer | None:
    """The trainer that reads that volume; None where the sink has none. Raises VolumeError."""
    opened = SINKS[settings.sink].trainer
    return opened(settings) if opened else None
