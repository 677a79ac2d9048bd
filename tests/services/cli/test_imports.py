"""What a command loads: each takes as long to start as its modules take to load."""

from __future__ import annotations

import subprocess
import sys


def test_a_command_does_not_load_what_folds() -> None:
    code = "import sys, services.cli; print([name for name in sys.modules if name.startswith('projections.fold')])"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == "[]\n"
