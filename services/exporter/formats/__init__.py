"""The registry of export formats: a new format is a module with its rows, and an entry here."""

from __future__ import annotations

from .dpo import DPO
from .format import Format
from .kto import KTO
from .messages import MESSAGES
from .sft import SFT

FORMATS = (SFT, MESSAGES, DPO, KTO)

ROOT = SFT
"""The format that the deployed trainer reads, from the root of the volume."""

LINES = {column: mask for format_ in FORMATS for column, mask in format_.lines.items()}
"""The columns of the lineage that number lines, and the mask of the rows that each numbers."""

MASKS = tuple(dict.fromkeys(LINES.values()))
"""The masks that formats choose their rows by."""


def described() -> list[str]:
    """A line for each format: its name, what it holds, and what trainers call it."""
    return [f"{format_.name}: {format_.title} ({format_.trainers})." for format_ in FORMATS]


__all__ = ["FORMATS", "LINES", "MASKS", "ROOT", "Format", "described"]
