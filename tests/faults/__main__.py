"""`make faults`: play faults on whole installations, and show what survived; 1 where something did not."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from .play import Outcome, play
from .registry import Fault, load
from .report import lines, table


def main(arguments: Sequence[str]) -> int:
    """Play the faults that were asked for; Ctrl-C shows what was played until then."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help="how often each fault is played")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--fault", default="", help="words of the names of the faults to play, with commas between")
    parser.add_argument("--json", type=Path, help="write the outcomes into this file as well")
    options = parser.parse_args(arguments)
    chosen = _chosen(load(), options.fault)
    if not chosen:
        parser.error(f"no fault is called {options.fault!r}; there are {', '.join(load())}")
    outcomes: list[Outcome] = []
    try:
        for fault in chosen:
            for seed in range(options.first, options.first + min(options.seeds, fault.most or options.seeds)):
                outcomes.append(play(fault, seed))
                _tell(outcomes[-1])
                if outcomes[-1].not_run:
                    break
    except KeyboardInterrupt:
        sys.stderr.write("\n")
    report = lines(outcomes)
    if options.json:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2))
    sys.stdout.write(f"\n{table(report)}\n")
    return 1 if any(outcome.problems for outcome in outcomes) else 0


def _chosen(faults: dict[str, Fault], words: str) -> list[Fault]:
    """The faults whose names hold any of the words; all where there are none."""
    wanted = [word.strip() for word in words.split(",") if word.strip()]
    return [fault for name, fault in faults.items() if not wanted or any(word in name for word in wanted)]


def _tell(outcome: Outcome) -> None:
    how = "survived" if outcome.has_survived else outcome.not_run or f"FAILED: {outcome.problems[0]}"
    sys.stderr.write(f"{outcome.fault}, seed {outcome.seed}: {how} ({outcome.seconds} s)\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
