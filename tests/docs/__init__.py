"""The documents: those that are generated from the code, the site made of all, and what their rules are checked with."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"
"""Every file in it is generated from the code."""
