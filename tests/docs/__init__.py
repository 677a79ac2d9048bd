"""The documents: what is generated from the code, the site made of all pages, and the checks of their rules."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"
"""Every file in it is generated from the code."""


@cache
def tracked() -> frozenset[str]:
    """Every file of the repository, and every folder that holds one."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    files = {name for name in names if (ROOT / name).is_file()}
    folders = {"/".join(name.split("/")[:depth]) for name in files for depth in range(1, name.count("/") + 1)}
    return frozenset(files | folders)
