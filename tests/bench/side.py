"""One side of a stage, in a process of its own: `python -m tests.bench.side MODULE:FUNCTION PLACE`.

It says when it is ready, then reads the number of a round from standard input and writes its values, as one line of
JSON each. It ends where its input ends, and at SIGTERM, with everything that it has started.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

import events

from .place import Place, decoded

NOTE, PEAK = "note", "peak"
"""Two values that are no figures: a line for the reader, and MiB of another process than the side's own."""


def peak(pid: int | str = "self") -> float:
    """The most memory that a process has had, in MiB; what the kernel calls its high water mark."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0


def main(function: str, place: Place) -> None:
    """Measure one round for every line of input."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever prints does so beside the answers
    module, name = function.split(":")
    open_side = getattr(importlib.import_module(f"tests.bench.sides.{module}"), name)
    assert Path(events.__file__).is_relative_to(place.tree), f"{events.__file__} is not in {place.tree}"
    with open_side(place) as measure:
        print(json.dumps({"ready": True}), file=answers)
        for line in sys.stdin:
            values: dict[str, Any] = measure(int(line))
            print(json.dumps({PEAK: peak()} | values), file=answers)


def _end(*_: object) -> NoReturn:
    raise SystemExit(1)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _end)
    main(sys.argv[1], decoded(sys.argv[2], Place))
