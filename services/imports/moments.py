"""Moments as sources write them: ISO 8601, or a number of seconds, milliseconds, micro- or nanoseconds since 1970."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

_NUMBER = re.compile(r"\s*\d{9,19}(\.\d+)?\s*")
_SCALES = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))
"""From which number on it counts so many parts of a second: seconds have reached 1e11 in the year 5138."""


def moment(value: Any, name: str) -> datetime:
    """The moment that a source writes; UTC where it does not say. Raises ValueError that calls it by the name."""
    try:
        if isinstance(value, str) and _NUMBER.fullmatch(value):
            value = float(value) if "." in value else int(value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value / next((parts for most, parts in _SCALES if value >= most), 1), UTC)
        read = datetime.fromisoformat(value)
    except (TypeError, ValueError, OverflowError, OSError):
        raise ValueError(f"{name} {value!r} is no time: give Unix seconds or 2025-01-15T14:30:00Z") from None
    return read if read.tzinfo else read.replace(tzinfo=UTC)
