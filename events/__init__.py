"""The facts, their encoding, the log that keeps them, and the client that publishes them.

Outside this project the package is called `rooflog` (the wheel `rooflog-client`); it needs msgspec and nats-py alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .client.client import FeedbackReceived, Rooflog
    from .client.delivery import Stats
    from .errors import InvalidFact, OutboxError, OutboxFull, RooflogError, Unreachable

__all__ = [
    "FeedbackReceived",
    "InvalidFact",
    "OutboxError",
    "OutboxFull",
    "Rooflog",
    "RooflogError",
    "Stats",
    "Unreachable",
]


def __getattr__(name: str) -> Any:
    """Load the client where somebody asks for it: who only reads facts needs neither threads nor nats-py."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import errors
    from .client import client, delivery

    for module in (errors, delivery, client):
        if hasattr(module, name):
            return getattr(module, name)
    raise AttributeError(name)
