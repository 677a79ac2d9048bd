"""What every import format promises, whatever its lines look like.

A format brings a sample: `NAME.jsonl`, or a folder `NAME` of such files, beside this module.
"""

from __future__ import annotations

import csv
import gzip
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import msgspec
import pytest
from hypothesis import strategies as st

from events.facts import AnyFact
from events.log.log import Log
from services.imports import FORMATS, import_files
from services.imports.argilla import Argilla
from services.imports.format import Format
from services.imports.importer import read_into
from services.imports.label_studio import LabelStudio
from services.imports.lines import read
from services.imports.report import Report
from services.imports.sources import Source, listed
from services.imports.spool import Spool

WRONG: list[Any] = [None, True, -1, 1e300, "", "\0", "x.y *", [], [[]], [3], {}, {"": {}}]
"""Values that a key of a line may have and should not."""

FORMS = (Argilla, LabelStudio)
"""Formats whose lines have keys of any name, those of other formats too."""

_SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
ANYTHING = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=8
)
"""Any JSON value."""

JUNK = [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 5000, b'{"no": "format"}', b"{}"]


def sample(format_: type[Format]) -> list[Path]:
    """The files of a format's sample."""
    home = Path(__file__).parent
    found = [path for path in (home / f"{format_.name}.jsonl", home / format_.name) if path.exists()]
    if not found:
        pytest.fail(
            f"the import format {format_.name!r} has no sample: put lines of it into {home / format_.name}.jsonl, "
            "good ones and what it leaves out"
        )
    with listed(found, Report()) as sources:
        return [source.path for source in sources]


def lines_of(format_: type[Format]) -> list[dict[str, Any]]:
    """The lines of a format's sample that are JSON objects."""
    return [line.data for line in read([Source(path, str(path)) for path in sample(format_)], Report())]


def written(path: Path, lines: list[Any]) -> Path:
    """A file with these lines: objects as JSON, bytes as they are."""
    path.write_bytes(b"".join((x if isinstance(x, bytes) else msgspec.json.encode(x)) + b"\n" for x in lines))
    return path


def facts_of(*paths: Path) -> tuple[list[tuple[int, bytes]], Report]:
    """The facts that files say together, each with the number of its line, and the report."""
    report = Report()
    sources = [Source(path, str(path)) for path in paths]
    with Spool(sources) as spool:
        for _ in read_into(spool, sources, report):
            pass
        return [(fact.number, fact.data) for fact in spool.in_order()], report


def is_accounted(report: Report) -> bool:
    """Whether a report tells what became of a line that says no fact."""
    left = (report.same_fact, report.ignored, report.unrecorded, report.by_machine, report.unclear)
    return any(left) or bool(report.problems)


def ids(facts: Iterable[bytes]) -> set[str]:
    """The ids of facts."""
    return {msgspec.json.decode(fact)["event_id"] for fact in facts}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of everything inside a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield (*path, key)
        yield from places(each, (*path, key))


def replaced(value: Any, path: tuple[Any, ...], other: Any) -> Any:
    """A JSON value with another value at a path."""
    if not path:
        return other
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(copy[path[0]], path[1:], other)
    return copy


async def told(log: Log) -> list[AnyFact]:
    """Every fact on the log."""
    return [message.fact() async for messages in log.read(0) for message in messages]


class ImportContract:
    """The suite; a subclass says with a fixture `format_` whom it is played on."""

    def test_it_recognises_its_lines_first_and_forms_aside_alone(self, format_: type[Format]) -> None:
        for data in lines_of(format_):
            first, *others = [known for known in FORMATS if known.recognises(data)]
            assert first is format_
            assert not others or format_ in FORMS

    async def test_importing_again_adds_nothing(self, format_: type[Format], log: Log) -> None:
        first = await import_files(log, sample(format_))
        assert first.new > 0
        facts = await told(log)
        assert first.new == len(facts)
        again = await import_files(log, sample(format_))
        assert (again.new, again.existing) == (0, first.new)
        assert (again.same_fact, again.ignored, again.problems) == (first.same_fact, first.ignored, first.problems)
        assert await told(log) == facts

    async def test_other_files_with_the_same_lines_add_nothing(
        self, format_: type[Format], log: Log, tmp_path: Path
    ) -> None:
        lines = lines_of(format_)
        first = written(tmp_path / "a.jsonl", lines)
        report = await import_files(log, [first])
        others = [written(tmp_path / "b.jsonl", lines[::-1]), written(tmp_path / "c.jsonl", lines)]
        again = await import_files(log, others)
        assert (again.new, again.existing) == (0, 2 * report.new)

    def test_any_container_says_the_same_facts(self, format_: type[Format], tmp_path: Path) -> None:
        lines = lines_of(format_)
        alone, _ = facts_of(written(tmp_path / "alone.jsonl", lines))
        (tmp_path / "x.json").write_bytes(msgspec.json.format(msgspec.json.encode(lines), indent=1))
        (tmp_path / "y.jsonl").write_text((tmp_path / "alone.jsonl").read_text("utf-8"), "utf-16", newline="\r\n")
        (tmp_path / "y.jsonl.gz").write_bytes(gzip.compress((tmp_path / "y.jsonl").read_bytes()))
        for n, line in enumerate(lines):
            with (tmp_path / f"{n}.csv").open("w", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(line)
                writer.writerow(
                    value if isinstance(value, str) else "" if value is None else msgspec.json.encode(value).decode()
                    for value in line.values()
                )
        full = [n for n, line in enumerate(lines) if "" not in line.values()]  # an empty cell may be none
        rows = [fact for _, fact in facts_of(*(tmp_path / f"{n}.csv" for n in full))[0]]
        for name in ("x.json", "y.jsonl", "y.jsonl.gz"):
            facts, _ = facts_of(tmp_path / name)
            assert [fact for _, fact in facts] == [fact for _, fact in alone], name
        assert ids(rows) >= ids(fact for number, fact in alone if number - 1 in full)

    def test_a_line_says_the_same_facts_beside_bad_ones(self, format_: type[Format], tmp_path: Path) -> None:
        lines = lines_of(format_)
        alone, _ = facts_of(written(tmp_path / "alone.jsonl", lines))
        assert alone
        for number, data in enumerate(lines):
            bad = [*JUNK, *(data | {key: wrong} for key in data for wrong in WRONG if data[key] != wrong)]
            beside = written(tmp_path / "beside.jsonl", [*bad, *lines])
            facts, report = facts_of(beside)
            own = ids(fact for _, fact in alone)  # a good line may also say what a bad one has asked of it
            good = [(line - len(bad), fact) for line, fact in facts if line > len(bad) and ids([fact]) <= own]
            assert good == alone, f"the bad versions of line {number + 1} change what good lines say"
            named = {problem.line for problem in report.problems}
            assert named >= set(range(2, len(JUNK) + 1))

    def test_a_line_is_never_lost_without_a_word(self, format_: type[Format], tmp_path: Path) -> None:
        for data in lines_of(format_):
            lines = [data, *(data | {key: wrong} for key in data for wrong in WRONG)]
            facts, report = facts_of(written(tmp_path / "lines.jsonl", lines))
            accounted = {number for number, _ in facts} | {problem.line for problem in report.problems}
            for number, line in enumerate(lines, 1):
                if number not in accounted:
                    said, alone = facts_of(written(tmp_path / "line.jsonl", [line]))
                    assert said or is_accounted(alone), line

    @hypothesis.settings(
        deadline=None, max_examples=150, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
    )
    @hypothesis.given(data=st.data())
    def test_any_value_anywhere_harms_its_line_alone(self, format_: type[Format], data: st.DataObject) -> None:
        lines = lines_of(format_)
        line = data.draw(st.sampled_from(lines))
        line = replaced(line, data.draw(st.sampled_from(list(places(line)))), data.draw(ANYTHING))
        with tempfile.TemporaryDirectory() as folder:
            alone, _ = facts_of(written(Path(folder) / "alone.jsonl", lines))
            facts, report = facts_of(written(Path(folder) / "beside.jsonl", [line, *lines]))
            assert ids(fact for _, fact in facts) >= ids(fact for _, fact in alone)
            assert all(problem.line and problem.reason.strip() for problem in report.problems)
            accounted, report = facts_of(written(Path(folder) / "line.jsonl", [line]))
            assert accounted or is_accounted(report), line

    def test_problems_name_file_and_line(self, format_: type[Format], tmp_path: Path) -> None:
        for data in lines_of(format_):
            bad = [data | {key: wrong} for key in data for wrong in WRONG]
            path = written(tmp_path / "bad.jsonl", [b"", *bad])
            _, report = facts_of(path)
            assert report.problems
            for problem in report.problems:
                assert problem.file == str(path)
                assert 2 <= problem.line <= len(bad) + 1
                assert problem.reason.strip()

    def test_it_says_how_its_lines_look(self, format_: type[Format]) -> None:
        assert format_.name.isidentifier()
        assert 0 < len(format_.description) <= 120
