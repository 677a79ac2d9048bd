"""An assistant's process for the tests: captures, writes down every id that it was given, and ends or is killed."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from events import Rooflog
from events.client.outbox import MAX_BYTES
from tests.services.conftest import ANSWER

DROPPED = "dropped "
"""Before the id of a capture that the client counted as dropped."""


def main(url: str, outbox: str, ids: str, count: int, seconds: float, max_bytes: int = MAX_BYTES) -> None:
    """Capture so many in so many seconds, unless SIGTERM comes before that."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    client = Rooflog(url, outbox=outbox, max_bytes=max_bytes)
    told = os.open(ids, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    dropped = 0
    for number in range(count):
        example_id = client.capture(f"What is the minimum slope of roof {number}?", ANSWER)
        before, dropped = dropped, client.stats().dropped
        os.write(told, f"{DROPPED if dropped > before else ''}{example_id}\n".encode())
        time.sleep(seconds / count)


def returned(ids: Path) -> list[str]:
    """The ids that a process was given before it ended, without those that were dropped."""
    return [line for line in _lines(ids) if not line.startswith(DROPPED)]


def dropped(ids: Path) -> list[str]:
    """The ids of captures that were dropped, as the client said at once."""
    return [line.removeprefix(DROPPED) for line in _lines(ids) if line.startswith(DROPPED)]


def _lines(ids: Path) -> list[str]:
    return [line.strip() for line in ids.read_text().splitlines(keepends=True) if line.endswith("\n")]


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), float(sys.argv[5]), *map(int, sys.argv[6:]))
