"""Where heavy work is done: this machine, a Ray cluster or Modal."""

from __future__ import annotations

from .engines import CHOICES, ENGINES, Engine, opened

__all__ = ["CHOICES", "ENGINES", "Engine", "opened"]
