"""Bringing over what people have: the old store, chat logs and traces. The same facts however often they are read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from events.facts import CorrectionRecorded, ExampleCaptured, Fact
from events.log.log import Log
from events.subjects import subject_of

from . import chats, spans, store
from .lines import Line, Problem, Report, Said, files, read

__all__ = ["Problem", "Report", "import_files"]

SLICE = 5_000
"""Facts published between two reports of progress."""

FORMATS: dict[str, Callable[[list[Line], Report], list[Said]]] = {
    "messages": chats.facts,
    "resourceSpans": spans.facts,
    "": store.facts,
}
"""The key by which a line is known, and who reads it; the old store's lines have no such key."""


async def import_files(log: Log, paths: Iterable[Path], progress: Callable[[int, int], None] | None = None) -> Report:
    """Import files, or every `*.jsonl` below folders; bad lines are reported and everything else is imported.

    Raises InputError for a path that is not there, and what `Log.publish` raises.
    """
    report = Report()
    sorted_out: dict[str, list[Line]] = {key: [] for key in FORMATS}
    for line in read(files(paths), report):
        sorted_out[next(key for key in FORMATS if key in line.data or not key)].append(line)
    said = [each for key, facts in FORMATS.items() for each in facts(sorted_out[key], report)]
    said.sort(key=lambda pair: pair[0].occurred_at)
    for start in range(0, len(said), SLICE):
        await _publish(log, said[start : start + SLICE], report)
        if progress:
            progress(min(start + SLICE, len(said)), len(said))
    report.problems.sort(key=lambda problem: (problem.file, problem.line))
    return report


async def _publish(log: Log, said: list[Said], report: Report) -> None:
    published = await log.publish(fact for fact, _ in said)
    report.new += len(published.new)
    refused, existing = dict(published.refused), set(published.existing)
    known = await log.last([subject_of(fact) for fact, _ in said if fact.event_id in existing])
    for fact, line in said:
        if reason := refused.get(fact.event_id):
            report.problems.append(line.problem(reason))
        elif fact.event_id in existing and _text(known[subject_of(fact)].fact()) != _text(fact):
            report.problems.append(
                line.problem(f"{fact.event_id} is already in the log with another text; give this one its own id")
            )
    report.existing += len(published.existing)


def _text(fact: Fact) -> tuple[Any, ...]:
    if isinstance(fact, ExampleCaptured):
        return fact.prompt, fact.response
    if isinstance(fact, CorrectionRecorded):
        return fact.original_prompt, fact.original_response, fact.corrected_response
    return ()
