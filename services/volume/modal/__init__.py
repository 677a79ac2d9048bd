"""The sink on Modal: its connection, volume and trainer. Nothing of it is imported before it is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...settings import Settings
    from .connection import Connection
    from .trainer import ModalTrainer
    from .volume import ModalVolume

NEEDS = "modal>=1.6,<1.7"


def open_volume(settings: Settings) -> ModalVolume:
    """The volume of the setting `modal_volume`. Raises VolumeError where Modal's client cannot be used."""
    from .volume import ModalVolume

    return ModalVolume(settings.modal_volume, _connection(settings))


def open_trainer(settings: Settings) -> ModalTrainer:
    """The function `modal_function` of the app `modal_app`. Raises VolumeError where Modal's client cannot be used."""
    from .trainer import ModalTrainer

    return ModalTrainer(settings.modal_app, settings.modal_function, _connection(settings))


def _connection(settings: Settings) -> Connection:
    from . import connection

    connection.check()
    return connection.Connection(settings.modal_environment, settings.modal_seconds)
