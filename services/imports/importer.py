"""The import: lines of any known format become facts, once, in the order of their times."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from events.codec import decode
from events.errors import InvalidFact
from events.facts import Fact
from events.traceparent import Record as LogRecord

from . import registry
from .aliases import Aliases
from .changes import Changes
from .format import Alias, Format, Left, Own, Part, Record, Repeated
from .lines import Line, read
from .preview import Preview
from .report import Problem, Report, reason_of
from .sources import Source, listed
from .spool import Names, Spool, Spooled

if TYPE_CHECKING:
    from events.log.log import Log

SLICE = 5_000
"""Facts published between two reports of progress."""


async def import_files(
    log: Log,
    paths: Iterable[Path],
    progress: Callable[[int, int], None] | None = None,
    preview: Preview | None = None,
) -> Report:
    """Import files, those below folders, or standard input; bad lines are reported and everything else is imported.

    With a preview nothing is published, and the report is that of an import now.

    Raises InputError for a path that is not there, and what `Log.publish` raises.
    """
    report = Report()
    with ExitStack() as stack:
        sources = await asyncio.to_thread(lambda: stack.enter_context(listed(paths, report)))
        spool = stack.enter_context(Spool(sources))
        steps = read_into(spool, sources, report)
        while await asyncio.to_thread(_advance, steps):
            pass
        spooled, done, aliases = spool.in_order(), 0, Aliases(spool.own)
        while facts := list(islice(spooled, SLICE)):
            resolved, repeated = await aliases.resolved(log, facts)
            report.same_fact += repeated
            await _publish(log, resolved, report, preview)
            done += len(facts)
            if progress:
                progress(done, len(spool))
    report.problems = sorted(dict.fromkeys(report.problems), key=lambda problem: (problem.file, problem.line))
    return report


def _advance(steps: Iterator[None]) -> bool:
    """Do some steps, few enough that a command can be ended between them; were there any?"""
    return len(list(islice(steps, SLICE))) > 0


def read_into(spool: Spool, sources: list[Source], report: Report) -> Iterator[None]:
    """Add the facts of every line to a spool, a line a step; what is left out or wrong goes to the report."""
    for record in parsed(sources, report):
        if record is not None:
            try:
                facts = [part for part in record.parts if isinstance(part, Fact)]
                spool.add(facts, record.record.line, _names(record.parts))
                _count(record.parts, report)
            except Exception as error:
                report.problems.append(record.record.problem(reason_of(error)))
        yield


class Parsed(Struct, frozen=True):
    """A record with what it says and leaves out."""

    record: Record
    parts: list[Part]


def parsed(sources: list[Source], report: Report) -> Iterator[Parsed | None]:
    """What every record says, and None for a step that is none; what is wrong goes to the report.

    The files are read twice: lines may belong together, and a format sees all of them before it reads one.
    """
    with ExitStack() as stack:
        formats = {format_: format_() for format_ in registry.FORMATS}
        for format_ in formats.values():
            stack.callback(format_.close)
        refused: dict[tuple[Source, int], str] = {}
        for line in read(sources, Report()):
            try:
                formats[registry.of(line.data)].survey(line)
            except Exception as error:
                refused[line.source, line.place] = reason_of(error)
            yield None
        for line in read(sources, report):
            if reason := refused.get((line.source, line.place)):
                report.problems.append(line.problem(reason))
            else:
                yield from _parsed(formats, line, report)
            yield None


def _parsed(formats: dict[type[Format], Format], line: Line, report: Report) -> Iterator[Parsed]:
    count = 0
    try:
        format_ = formats[registry.of(line.data)]
        report.formats[format_.name] = report.formats.get(format_.name, 0) + 1
        for record in format_.records(line):
            count += 1
            try:
                parts = list(format_.facts(record))
            except Exception as error:
                report.problems.append(record.problem(reason_of(error)))
                continue
            yield Parsed(record, parts)
    except Exception as error:
        report.problems.append(line.problem(reason_of(error)))
    else:
        report.ignored += not count


def _count(parts: list[Part], report: Report) -> None:
    report.same_fact += parts.count(Left.SAME_FACT)
    report.ignored += parts.count(Left.NO_ANSWER) or not parts
    report.choices += parts.count(Left.OTHER_CHOICE)
    report.broken += parts.count(Left.BROKEN)
    report.unrecorded += parts.count(Left.UNRECORDED)
    report.by_machine += parts.count(Left.BY_MACHINE)
    report.unclear += parts.count(Left.UNCLEAR)


def _names(parts: list[Part]) -> dict[str, Names]:
    """The other names of the examples of a record."""
    known_as = {part.example_id: part.known_as for part in parts if isinstance(part, Alias)}
    own = {part.example_id: part.own_id for part in parts if isinstance(part, Own)}
    repeated = {part.example_id for part in parts if isinstance(part, Repeated)}
    return {
        example_id: Names(known_as.get(example_id, ""), own.get(example_id, ""), example_id in repeated)
        for example_id in {*known_as, *own, *repeated}
    }


async def _publish(log: Log, facts: list[Spooled], report: Report, preview: Preview | None) -> None:
    if preview:
        published = await preview.publish(log, facts)
    else:
        published = await log.publish_encoded(LogRecord(fact.subject, fact.data) for fact in facts)
    report.new += len(published.new)
    report.existing += len(published.existing)
    refused, existing = dict(published.refused), set(published.existing)
    known = await log.last([fact.subject for fact in facts if _event_id(fact) in existing])
    changes, lines = Changes(log), list[Spooled]()
    for fact in facts:
        event_id = _event_id(fact)
        if reason := refused.get(event_id):
            report.refused += 1
            report.problems.append(Problem(fact.file, fact.number, reason))
        elif event_id in existing and not fact.names.is_repeated:
            try:
                is_changed = await changes.of(known.get(fact.subject), decode(fact.data))
            except InvalidFact as error:
                report.problems.append(Problem(fact.file, fact.number, str(error)))
                is_changed = True
            report.existing -= is_changed
            report.changed += is_changed
            lines += [fact] * (len(changes.facts) - len(lines))
    if not preview:
        published = await log.publish(changes.facts.values())
        said_by = dict(zip(changes.facts, lines, strict=True))
        report.problems += [Problem(said_by[new].file, said_by[new].number, why) for new, why in published.refused]


def _event_id(fact: Spooled) -> str:
    return fact.subject.rpartition(".")[2]
