"""Where exports go and who trains on them: one interface, and a registry of the sinks that have it."""

from __future__ import annotations

from .sinks import SINKS, Sink, open_trainer, open_volume
from .trainer import Call, LostAnswer, Outcome, Trainer
from .volume import Report, Volume, VolumeError, checked

__all__ = [
    "SINKS",
    "Call",
    "LostAnswer",
    "Outcome",
    "Report",
    "Sink",
    "Trainer",
    "Volume",
    "VolumeError",
    "checked",
    "open_trainer",
    "open_volume",
]
