"""What goes wrong with an engine before it has begun."""

from __future__ import annotations

from events.errors import RooflogError


class EngineError(RooflogError):
    """Heavy work cannot be done where it was asked for; nothing has begun."""
