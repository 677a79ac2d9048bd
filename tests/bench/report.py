"""What a run shows: the table, its record as JSON, and what differs from the last run of the same size."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from .run import Outcome, Result, Values
from .trees import ROOT

RECORD = ROOT / ".make" / "bench" / "LAST.json"
"""The last result of every figure, by the number of examples: `{"100000": {"batch.feedback": {…}}}`."""

ERROR_CHARS = 60
"""Characters of an error in the table."""

Record = dict[str, Any]


def table(outcome: Outcome, last: dict[str, Record]) -> Table:
    """Every figure in a row."""
    heads = ("figure", "rooflog", "baseline", "ratio", "limit", "MiB", "baseline's", "than last", "the baseline")
    shown = Table(*heads, box=None, title_justify="left")
    for result in outcome.results:
        figure = result.figure
        ratio = "" if result.ratio is None else f"{result.ratio:.3g} {_spread(result.ratios)}"
        marked = f"[red]{ratio}[/red]" if result.is_beyond else ratio
        goal = "" if figure.goal is None else f" ({figure.goal:g} {figure.unit})"
        limit = ("" if figure.limit is None else f"{figure.limit:g}") + (
            f"[red]{goal}[/red]" if result.misses else goal
        )
        shown.add_row(
            result.name, _shown(result.ours, figure.unit), _shown(result.baseline, figure.unit), marked, limit,
            _memory(result.ours), _memory(result.baseline), change(result, last.get(result.name)), figure.baseline,
        )  # fmt: skip
    return shown


def change(result: Result, last: Record | None) -> str:
    """Whether the ratio is better or worse than in a record, where their rounds do not overlap."""
    if last is None or not result.ratios or not last["ratios"]:
        return ""
    before = last["ratios"]
    if min(result.ratios) > max(before):
        word = "better" if result.figure.is_rate else "worse"
    elif max(result.ratios) < min(before):
        word = "worse" if result.figure.is_rate else "better"
    else:
        return "same"
    return f"{word} ({last['ratio']:.3g})"


def recorded(count: int, file: Path = RECORD) -> dict[str, Record]:
    """The last results of a size, by the name of the figure."""
    return _read(file).get(str(count), {})


def record(outcome: Outcome, count: int, file: Path = RECORD) -> None:
    """Keep the results; figures that this run has not measured stay as they are."""
    every = _read(file)
    now, commit = datetime.now(UTC).isoformat(timespec="seconds"), _commit()
    every.setdefault(str(count), {}).update(
        {
            result.name: {
                "at": now,
                "commit": commit,
                "unit": result.figure.unit,
                "ours": result.ours,
                "baseline": result.baseline,
                "what": result.figure.baseline,
                "ratio": result.ratio,
                "ratios": result.ratios,
                "limit": result.figure.limit,
                "goal": result.figure.goal,
                "failed": result.has_failed,
            }
            for result in outcome.results
        }
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(msgspec.json.format(msgspec.json.encode(every), indent=1))


def show(outcome: Outcome, last: dict[str, Record], console: Console) -> None:
    """Print the table, what its sides have noted, and what is wrong."""
    console.print(table(outcome, last))
    for note in outcome.notes:
        console.print(note, markup=False, highlight=False)
    for result in outcome.results:
        if result.has_failed:
            why = result.ours.error or f"{result.ratio:.3g} is beyond {result.figure.limit:g}"
            console.print(f"[red]{result.name}: {escape(why)}[/red]", highlight=False)


def _read(file: Path) -> dict[str, dict[str, Record]]:
    return msgspec.json.decode(file.read_bytes(), type=dict[str, dict[str, Record]]) if file.exists() else {}


def _shown(values: Values, unit: str) -> str:
    if values.error:
        return f"[red]{escape(values.error[:ERROR_CHARS])}[/red]"
    return f"{_figure(values.median)}{unit if unit.startswith('/') else f' {unit}'} {_spread(values.rounds)}"


def _spread(rounds: tuple[float, ...]) -> str:
    return f"[dim]{_figure(min(rounds))}–{_figure(max(rounds))}[/dim]" if len(rounds) > 1 else ""


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _memory(values: Values) -> str:
    return f"{values.peak:,.0f}" if values.peak else ""


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
