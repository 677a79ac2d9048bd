"""The side that runs on Modal: `modal deploy services/heavy/modal_app.py` puts this rooflog there, for heavy work.

Give the command from a checkout of the version that asks for the work, with the same version of Python.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import modal

ROOT = Path(__file__).resolve().parent.parent.parent
"""The checkout; in a container there is none, and nothing of it is read."""

HOME = "/rooflog"
"""Where this rooflog lies in a container."""

CONTAINERS = int(os.environ.get("ROOFLOG_MODAL_CONTAINERS", "64"))
"""At most at a time; each has one processor."""

PAGE_SECONDS = 1_800
"""How long a page may take."""

image = modal.Image.debian_slim(python_version=f"{sys.version_info.major}.{sys.version_info.minor}")
image = image.pip_install_from_requirements(str(ROOT / "requirements.lock"), extra_options="--require-hashes --no-deps")
image = image.env({"PYTHONPATH": HOME})
for folder in ("events", "projections", "services"):
    # A checkout has more than Python and TOML, and none of it decides anything.
    ignored = ~modal.FilePatternMatcher("**/*.py", "**/*.toml")
    image = image.add_local_dir(str(ROOT / folder), f"{HOME}/{folder}", ignore=ignored)

app = modal.App("rooflog-heavy", include_source=False)


@app.function(image=image, cpu=1.0, memory=1024, timeout=PAGE_SECONDS, max_containers=CONTAINERS)
def perform(order: Any) -> Any:
    """Work on a page; see `projections.work.jobs`."""
    from projections.work.jobs import perform as performed

    return performed(order)
