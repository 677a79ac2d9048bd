"""An assistant's process for the tests: captures, writes down every id that it was given, and ends or is killed."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from events import Rooflog
from tests.services.conftest import ANSWER


def main(url: str, outbox: str, ids: str, count: int, seconds: float) -> None:
    client = Rooflog(url, outbox=outbox)
    told = os.open(ids, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for number in range(count):
        example_id = client.capture(f"What is the minimum slope of roof {number}?", ANSWER)
        os.write(told, f"{example_id}\n".encode())
        time.sleep(seconds / count)


def returned(ids: Path) -> list[str]:
    """The ids that a process was given before it ended."""
    return [line.strip() for line in ids.read_text().splitlines(keepends=True) if line.endswith("\n")]


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), float(sys.argv[5]))
