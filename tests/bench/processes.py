"""The processes of a run: each side has one, and none is left behind, however the run ends."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec import structs

from .place import Place, encoded
from .registry import Side

LEAVE_SECONDS = 60.0
"""How long a side may take to end what it has started."""


class SideError(Exception):
    """A side has failed; the message has its last words."""


class Process:
    """A running side."""

    def __init__(self, side: Side, place: Place) -> None:
        """Start it. Raises SideError where it does not get ready."""
        self._errors = place.scratch / "errors.txt"
        with self._errors.open("w") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.bench.side", side.function, encoded(place)],
                cwd=place.tree,
                env=os.environ | {"PYTHONPATH": str(place.tree)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,  # Ctrl-C is for the run, which ends its sides one after the other
            )

    def ready(self) -> None:
        """Wait until it can measure. Raises SideError."""
        self._answer()

    def measure(self, number: int) -> dict[str, Any]:
        """The values of a round. Raises SideError."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(f"{number}\n")
            self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._process.wait(LEAVE_SECONDS)
            words = self._errors.read_text().strip().splitlines()
            raise SideError(words[-1] if words else f"it ended with {self._process.returncode}")
        values: dict[str, Any] = json.loads(line)
        return values

    def end(self, *, at_once: bool) -> None:
        """Have it end: when it is done with what it does, or now."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        if at_once:
            self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(LEAVE_SECONDS)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


@contextmanager
def running(side: Side, place: Place) -> Iterator[Process]:
    """A side with a scratch directory of its own; with it goes all that it has started."""
    scratch = Path(tempfile.mkdtemp(prefix="rooflog-bench-"))
    is_over = False
    try:
        process = Process(side, structs.replace(place, scratch=scratch))
        try:
            process.ready()
            yield process
            is_over = True
        finally:
            process.end(at_once=not is_over)
    finally:
        kill_users(scratch)
        shutil.rmtree(scratch, ignore_errors=True)


def kill_users(directory: Path) -> None:
    """Kill every process that has a directory in its arguments or its environment, and wait until it is gone."""
    while users := list(users_of(directory)):
        for pid in users:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def users_of(directory: Path) -> Iterator[int]:
    """The processes of this user that have a directory in their arguments or their environment."""
    for home in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            known = (home / "cmdline").read_bytes() + b"\0" + (home / "environ").read_bytes()
            if os.fsencode(directory) in known and int(home.name) != os.getpid():
                yield int(home.name)
