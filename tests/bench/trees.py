"""The trees that sides run in: this one, and that of the first release, from this repository's history."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

from .processes import SideError
from .registry import OURS

ROOT = Path(__file__).parents[2]

COMMIT = "c4a7d15^"
"""Where the first release, 0.1.0, stands in the history."""

PACKAGES = ("events", "projections", "services")


class Trees:
    """The trees of a run, made when the first side asks for them."""

    def __init__(self, scratch: Path) -> None:
        self._released = scratch / "0.1.0"

    def tree(self, name: str) -> Path:
        """Where a tree is. Raises SideError where there is no history to take it from."""
        if name == OURS:
            return ROOT
        if not self._released.exists():
            _extract(self._released)
        return self._released


@contextmanager
def trees() -> Iterator[Trees]:
    """Trees in a temporary directory."""
    with tempfile.TemporaryDirectory(prefix="rooflog-bench-") as name:
        yield Trees(Path(name))


def _extract(target: Path) -> None:
    """The product of 0.1.0 with the benchmarks of today."""
    command = ["git", "archive", COMMIT, *PACKAGES]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    if done.returncode:
        raise SideError("no 0.1.0 here: the history of the repository is not there")
    with tarfile.open(fileobj=BytesIO(done.stdout)) as archive:
        archive.extractall(target, filter="data")
    shutil.copytree(ROOT / "tests" / "bench", target / "tests" / "bench")
    (target / "tests" / "__init__.py").touch()
