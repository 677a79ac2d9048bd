"""The outcomes of many plays as a table and as JSON."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from msgspec import Struct

from .play import Outcome


class Line(Struct):
    """All plays of one fault; seconds are those until everything answered again."""

    fault: str
    seeds: int
    survived: int
    acknowledged: int
    lost: int
    doubled: int
    median_seconds: float | None
    max_seconds: float | None
    not_run: str | None
    problems: dict[int, list[str]]
    """Seed -> what went wrong."""


def lines(outcomes: Sequence[Outcome]) -> list[Line]:
    """The outcomes by fault."""
    return [_line(name, [o for o in outcomes if o.fault == name]) for name in dict.fromkeys(o.fault for o in outcomes)]


def _line(name: str, outcomes: Sequence[Outcome]) -> Line:
    seconds = [outcome.seconds for outcome in outcomes if outcome.seconds is not None]
    return Line(
        fault=name,
        seeds=len(outcomes),
        survived=sum(outcome.has_survived for outcome in outcomes),
        acknowledged=sum(outcome.acknowledged for outcome in outcomes),
        lost=sum(outcome.lost for outcome in outcomes),
        doubled=sum(outcome.doubled for outcome in outcomes),
        median_seconds=round(statistics.median(seconds), 1) if seconds else None,
        max_seconds=round(max(seconds), 1) if seconds else None,
        not_run=next((outcome.not_run for outcome in outcomes if outcome.not_run), None),
        problems={outcome.seed: outcome.problems for outcome in outcomes if outcome.problems},
    )


def table(report: Sequence[Line]) -> str:
    """The lines for people."""
    rows: list[tuple[str, ...]] = [
        ("fault", "survived", "acknowledged", "lost", "doubled", "back after, median", "max")
    ]
    for line in report:
        if line.not_run:
            rows.append((line.fault, f"not run: {line.not_run}", "", "", "", "", ""))
            continue
        counts = (f"{line.acknowledged:,}", str(line.lost), str(line.doubled))
        seconds = tuple("-" if value is None else f"{value:.1f} s" for value in (line.median_seconds, line.max_seconds))
        rows.append((line.fault, f"{line.survived} of {line.seeds}", *counts, *seconds))
    widths = [max(len(row[n]) for row in rows if "not run" not in row[1] or n == 0) for n in range(len(rows[0]))]
    shown = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    for line in report:
        for seed, problems in line.problems.items():
            shown += [
                f"\n{line.fault}, seed {seed}:",
                *(f"  {text}" for problem in problems for text in problem.splitlines()),
            ]
    return "\n".join(shown)
