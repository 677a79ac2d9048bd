"""`make bench`: run stages, show and record what came of them; 1 where a limit is exceeded or a figure failed."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from rich.console import Console

from . import report
from .place import Place
from .registry import Stage
from .run import Outcome, measure
from .stages import STAGES
from .trees import trees

WIDTH = 200
"""Columns of the table where no terminal says how wide it is."""

INTERRUPTED = 130
"""The exit code after Ctrl-C; what was measured until then is shown and recorded."""


def main(arguments: Sequence[str], stages: Sequence[Stage] = STAGES) -> int:
    """Run the command; its exit code."""
    asked = _parsed(arguments)
    only = tuple(filter(None, asked.only.split(",")))
    known = {name for stage in stages for name in (stage.name, *(f"{stage.name}.{f.name}" for f in stage.figures))}
    if strange := [name for name in only if name not in known]:
        print(f"no figure {', '.join(strange)}; there are {', '.join(sorted(known))}", file=sys.stderr)
        return 2
    last = report.recorded(asked.count, asked.record)
    place = Place(asked.count, asked.seconds, Path(), Path(), asked.record.parent.absolute() / "prepared")
    outcome, is_whole = Outcome(), False
    with suppress(KeyboardInterrupt), trees() as every:
        for stage in stages:
            if figures := stage.chosen(only):
                print(f"{stage.name}: {stage.measures}", file=sys.stderr, flush=True)
                measure(stage, figures, place, every, asked.rounds or stage.rounds, outcome)
                report.record(outcome, asked.count, asked.record)
        is_whole = True
    report.show(outcome, last, Console(width=None if sys.stdout.isatty() else WIDTH))
    return int(any(result.has_failed for result in outcome.results)) if is_whole else INTERRUPTED


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--count", type=int, default=100_000, help="examples")
    parser.add_argument("--only", default="", help="stages or figures, with commas between them")
    parser.add_argument("--rounds", type=int, default=0, help="instead of those that each stage has")
    parser.add_argument("--seconds", type=float, default=6.0, help="of every load that arrives at a steady rate")
    parser.add_argument("--record", type=Path, default=report.RECORD, help="where the results are kept")
    return parser.parse_args(arguments)


def _end(*_: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # every process would compile the sources again
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell may have its background jobs ignore Ctrl-C
        signal.signal(number, _end)
    sys.exit(main(sys.argv[1:]))
