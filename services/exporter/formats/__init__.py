"""The registry of export formats: a new format is a module with its rows, and an entry here."""

from __future__ import annotations

from collections.abc import Iterable

from . import messages
from .dpo import DPO
from .format import Format
from .kto import KTO
from .messages import MESSAGES
from .prompt_completion import PROMPT_COMPLETION
from .sft import SFT

FORMATS = (SFT, MESSAGES, DPO, KTO, PROMPT_COMPLETION)

ALONE = (SFT, messages.ALONE, DPO, KTO)
"""The formats under a policy that says nothing of conversations, where every turn stands alone."""

ROOT = SFT
"""The format that the deployed trainer reads, from the root of the volume."""


def of(in_context: bool) -> tuple[Format, ...]:
    """The formats of an export, by whether its policy exports turns with what came before them."""
    return FORMATS if in_context else ALONE


def numbered(formats: Iterable[Format]) -> dict[str, str]:
    """The columns of the lineage that number lines of formats, and the mask of the rows that each numbers."""
    return {column: mask for format_ in formats for column, mask in format_.lines.items()}


LINES = numbered(FORMATS)

MASKS = tuple(dict.fromkeys(LINES.values()))
"""The masks that formats choose their rows by."""


def described() -> list[str]:
    """A line for each format: its name, what it holds, and what trainers call it."""
    return [f"{format_.name}: {format_.title} ({format_.trainers})." for format_ in FORMATS]


__all__ = ["ALONE", "FORMATS", "LINES", "MASKS", "ROOT", "Format", "described", "numbered", "of"]
