"""The command line: a module for each kind of command, each of which is loaded when it is used."""

from __future__ import annotations

from .commands import main

__all__ = ["main"]
