"""Files of JSON lines, read as a stream: what is on each line, and where it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

import msgspec
from msgspec import Struct

from events.errors import InputError, InvalidFact
from events.limits import check_json

from .report import Problem, Report

LONGEST = 64 * 2**20
"""Bytes of a line at most: a trace may hold many spans, and one line at a time is in memory."""

CONTAINERS = 500_000
"""Lists and objects of a line at most: a trace has many, and each takes more memory than it has bytes."""


class Line(Struct):
    """One line that is a JSON object."""

    file: Path
    number: int
    data: dict[str, Any]

    def problem(self, reason: str) -> Problem:
        """This line could not be imported, and why."""
        return Problem(str(self.file), self.number, reason)


def files(paths: Iterable[Path]) -> list[Path]:
    """The files, and every `*.jsonl` below the folders. Raises InputError."""
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            files += sorted(path.rglob("*.jsonl"))
        elif path.exists():
            files.append(path)
        else:
            raise InputError(f"{path} is not there; give a file of JSON lines or a folder that holds some")
    return list(dict.fromkeys(files))


def read(files: list[Path], report: Report) -> Iterator[Line]:
    """Every line that is a JSON object; the others are problems of the report."""
    for path in files:
        report.files += 1
        with path.open("rb") as file:
            for number, raw in enumerate(_raw(file), 1):
                if not raw.strip():
                    continue
                report.lines += 1
                if len(raw) > LONGEST:
                    report.problems.append(Problem(str(path), number, f"longer than {LONGEST:,} bytes"))
                    continue
                try:
                    check_json(raw, containers=CONTAINERS, deepest=CONTAINERS)
                    data = msgspec.json.decode(raw, type=dict[str, Any])
                except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, InvalidFact) as error:
                    cut = "" if raw.endswith(b"\n") else "; the file ends in the middle of this line"
                    report.problems.append(Problem(str(path), number, f"not a JSON object: {error}{cut}"))
                else:
                    yield Line(path, number, data)


def _raw(file: IO[bytes]) -> Iterator[bytes]:
    """The lines of a file; of one that is longer than `LONGEST` only the start."""
    while raw := file.readline(LONGEST + 1):
        yield raw
        while len(raw) > LONGEST and not raw.endswith(b"\n"):
            raw = file.readline(LONGEST + 1)
