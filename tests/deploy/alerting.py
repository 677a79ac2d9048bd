"""What real services show while they are well and while something is broken, as time goes on, and which alerts fire."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import httpx
import pytest
from msgspec import Struct
from prometheus_client.parser import text_string_to_metric_families

OBSERVATION = Path(__file__).parents[2] / "deploy" / "observation"
RULES = OBSERVATION / "alerts.yml"
UNPACKED = Path(__file__).parents[2] / ".venv" / "prometheus" / "usr" / "bin"
"""Where `make prometheus` puts Debian's package."""

WELL_MINUTES = 70
BROKEN_MINUTES = 95

Key = tuple[tuple[str, str], ...]
Get = Callable[[], str]


class Scrape(Struct, frozen=True):
    """What every target showed at a moment; None where it did not answer."""

    at: float
    texts: dict[str, str | None]

    def series(self) -> dict[Key, float]:
        """Every sample by its name and labels, and `up` as Prometheus itself adds it."""
        samples: dict[Key, float] = {}
        for job, text in self.texts.items():
            place = {"job": job, "instance": job}
            samples[_key("up", place)] = float(text is not None)
            for family in text_string_to_metric_families(text or ""):
                for sample in family.samples:
                    if not sample.name.endswith(("_bucket", "_created")):
                        samples[_key(sample.name, sample.labels | place)] = float(sample.value)
        return samples


def scrape(targets: Mapping[str, Get]) -> Scrape:
    """Ask all targets, each a job and how it is asked."""
    texts: dict[str, str | None] = {}
    for job, get in targets.items():
        try:
            texts[job] = get()
        except (OSError, httpx.HTTPError):
            texts[job] = None
    return Scrape(time.monotonic(), texts)


def tool(name: str) -> str:
    """A program of Prometheus; the test is skipped where there is none."""
    path = shutil.which(name, path=str(UNPACKED)) or shutil.which(name)
    if path is None:
        pytest.skip(f"no {name} here; `make prometheus` brings it")
    return path


def fired(well: Scrape, broken: list[Scrape], folder: Path) -> tuple[set[str], set[str]]:
    """The alerts that fire while everything is well for an hour, and those that fire while it is broken as long.

    The scrapes of what is broken are a minute apart; then counters go on as in the last two, and ages grow.
    """
    series = _series(well, broken)
    ends = WELL_MINUTES - 1, WELL_MINUTES + BROKEN_MINUTES - 1
    return _firing(series, ends[0], WELL_MINUTES, folder), _firing(series, ends[1], BROKEN_MINUTES, folder)


def _series(well: Scrape, broken: list[Scrape]) -> list[dict[str, str]]:
    before, shown = well.series(), [each.series() for each in broken]
    seconds = broken[-1].at - broken[-2].at
    made = []
    for key in sorted(before.keys() | {key for each in shown for key in each}):
        values: list[float | None] = [_aged(key, before.get(key), 60.0 * m) for m in range(WELL_MINUTES)]
        if dict(key)["__name__"].endswith("_total") or before.get(key) == 0:
            values = [before.get(key)] * WELL_MINUTES
        values += [each.get(key) for each in shown]
        last, slope = values[-1], _slope(key, values[-2], values[-1], seconds)
        values += [None if last is None else last + slope * 60 * m for m in range(1, BROKEN_MINUTES - len(shown) + 1)]
        made.append({"series": _written(key), "values": " ".join(_points(values))})
    return made


def _aged(key: Key, value: float | None, later: float) -> float | None:
    is_age = dict(key)["__name__"].endswith("_age_seconds")
    return None if value is None else value + later if is_age else value


def _slope(key: Key, first: float | None, second: float | None, seconds: float) -> float:
    """How a series goes on by the second: counters as they did, and what counts seconds with the clock."""
    name = dict(key)["__name__"]
    if first is None or second is None or second <= first:
        return 0.0
    if name.endswith("_total"):
        return (second - first) / seconds
    return 1.0 if name.startswith("rooflog_") and name.endswith("_seconds") else 0.0


def _points(values: Iterable[float | None]) -> list[str]:
    """The values as promtool reads them: a series that is not shown any more is stale."""
    points, is_shown = [], False
    for value in values:
        points.append("_" if value is None and not is_shown else "stale" if value is None else repr(value))
        is_shown = value is not None
    return [point.replace("inf", "Inf") for point in points]


def _firing(series: list[dict[str, str]], minute: int, minutes: int, folder: Path) -> set[str]:
    """The alerts that fired in some minutes up to one. Promtool says what it got where nothing is expected."""
    expression = f'group by (alertname) (max_over_time(ALERTS{{alertstate="firing"}}[{minutes - 1}m]))'
    test = {
        "rule_files": [str(RULES)],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": series,
                "promql_expr_test": [{"expr": expression, "eval_time": f"{minute}m", "exp_samples": []}],
            }
        ],
    }
    file = folder / f"minute{minute}.yml"
    file.write_text(json.dumps(test))
    done = subprocess.run([tool("promtool"), "test", "rules", file], capture_output=True, text=True, check=False)
    output = done.stdout + done.stderr
    if done.returncode == 0:
        return set()
    assert "exp:" in output, output
    got = output.partition("got:")[2]
    return {part.split('"')[1] for part in got.split("alertname=")[1:]}


def _key(name: str, labels: Mapping[str, str]) -> Key:
    return tuple(sorted({"__name__": name, **labels}.items()))


def _written(key: Key) -> str:
    labels = dict(key)
    name = labels.pop("__name__")
    return f"{name}{{{','.join(f'{label}={json.dumps(value)}' for label, value in labels.items())}}}"
