"""What can be said: the facts, their bytes, the log they go to, and the client that says them.

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
