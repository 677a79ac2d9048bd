"""Files of JSON lines: what is read of them, where each line is from, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, field

from events.errors import InputError
from events.facts import Fact

ACTOR = "import"


class Problem(Struct, frozen=True):
    """A line that could not be imported."""

    file: str
    line: int
    reason: str


class Report(Struct):
    """What an import did.

    `same_fact` are copies of corrections that the old store wrote as examples; `ignored` are spans of a trace that
    hold no answer, and turns of a chat that only call tools.
    """

    files: int = 0
    lines: int = 0
    new: int = 0
    existing: int = 0
    same_fact: int = 0
    ignored: int = 0
    problems: list[Problem] = field(default_factory=list)


class Line(Struct):
    """One line that is a JSON object."""

    file: Path
    number: int
    data: dict[str, Any]

    def problem(self, reason: object) -> Problem:
        """This line could not be imported, and why."""
        return Problem(str(self.file), self.number, str(reason))


Said = tuple[Fact, Line]
"""A fact, and the line that says it."""


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
            for number, raw in enumerate(file, 1):
                if not raw.strip():
                    continue
                report.lines += 1
                try:
                    data = msgspec.json.decode(raw, type=dict[str, Any])
                except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                    cut = "" if raw.endswith(b"\n") else "; the file ends in the middle of this line"
                    report.problems.append(Problem(str(path), number, f"not a JSON object: {error}{cut}"))
                else:
                    yield Line(path, number, data)
