"""What the gateway and the process of an errand say to each other, a JSON document a line."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

LINE_BYTES = 8 * 2**20
"""A line from the process at most."""


class Errand(Struct, frozen=True):
    """What to do, by its name, with its arguments."""

    name: str
    args: dict[str, Any]


class Step(Struct):
    """How far it is; `result` or `error` at the end."""

    done: int = 0
    total: int = 0
    result: dict[str, Any] | None = None
    error: str | None = None
