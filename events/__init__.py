"""The facts, their encoding, the log that keeps them, and the client that publishes them.

Outside this project the package is called `rooflog` (the wheel `rooflog-client`); it needs msgspec and nats-py alone.
"""

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
