"""A trainer: what trains on the root file of a volume, and says how that ended."""

from __future__ import annotations

from typing import Literal, Protocol

from msgspec import Struct

from .volume import VolumeError

Outcome = Literal["running", "succeeded", "failed"]


class LostAnswer(VolumeError):
    """A training was asked for and no answer came: it may have been started, so look before you ask again."""

    def __init__(self, message: str) -> None:
        super().__init__(message, retryable=True)


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
