"""The import as a whole: any mixture of lines, whatever a format raises, in the order of their times."""

from __future__ import annotations

import gzip
import tracemalloc
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest

from events.errors import InputError
from events.facts import Fact
from events.log.log import Log
from services.imports import FORMATS, import_files, registry
from services.imports.format import Format, Left, Record
from services.imports.importer import read_into
from services.imports.lines import Line
from services.imports.report import Report
from services.imports.sources import Source
from services.imports.spool import Spool

from ..conftest import capture
from .contract import lines_of, told, written


class Broken(Exception):
    """An exception that nobody expects."""


class Moody(Format):
    """A format that says what its lines order it to say, or raises."""

    name: ClassVar[str] = "moody"
    description: ClassVar[str] = '{"moody": …}'
    ERRORS: ClassVar[dict[str, Exception]] = {
        "key": KeyError("answer"),
        "index": IndexError(),
        "type": TypeError("not that"),
        "deep": RecursionError("too deep"),
        "own": Broken("oops"),
        "assert": AssertionError("never"),
        "unicode": UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
    }

    @staticmethod
    def recognises(data: dict[str, Any]) -> bool:
        return "moody" in data

    def _raise(self, data: dict[str, Any], step: str) -> None:
        if data.get("at") == step:
            raise self.ERRORS[data["moody"]]

    def survey(self, line: Line) -> None:
        self._raise(line.data, "survey")

    def records(self, line: Line) -> Iterable[Record]:
        self._raise(line.data, "records")
        return [Record(line, part, f"part {n}") for n, part in enumerate(line.data.get("parts", [line.data]), 1)]

    def facts(self, record: Record) -> Iterable[Fact | Left]:
        for example_id in record.data.get("says", []):
            yield capture(
                example_id=example_id, occurred_at=datetime.fromisoformat(record.data.get("time", "2025-01-01T00:00Z"))
            )
        self._raise(record.data, "facts")


@pytest.fixture(autouse=True)
def moody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "FORMATS", (*FORMATS, Moody))


async def ids(log: Log) -> list[str]:
    return [fact.event_id for fact in await told(log)]


@pytest.mark.parametrize("step", ["survey", "records", "facts"])
@pytest.mark.parametrize("error", Moody.ERRORS)
async def test_whatever_a_format_raises_refuses_that_line(log: Log, tmp_path: Path, step: str, error: str) -> None:
    bad = {"moody": error, "at": step, "says": ["lost"]}
    path = written(tmp_path / "x.jsonl", [{"moody": 1, "says": ["a"]}, bad, {"moody": 1, "says": ["b"]}])
    report = await import_files(log, [path])
    [problem] = report.problems
    assert (problem.file, problem.line) == (str(path), 2)
    assert type(Moody.ERRORS[error]).__name__ in problem.reason or str(Moody.ERRORS[error]) in problem.reason
    assert await ids(log) == ["a", "b"]


async def test_parts_of_a_line_stand_or_fall_alone(log: Log, tmp_path: Path) -> None:
    parts = [
        {"says": ["a"]},
        {"moody": "own", "at": "facts", "says": ["lost"]},
        {"says": ["b", "no id *"]},
        {"says": []},
    ]
    report = await import_files(log, [written(tmp_path / "x.jsonl", [{"moody": 1, "parts": parts}])])
    assert await ids(log) == ["a"]
    assert [problem.reason.split(":")[0] for problem in report.problems] == ["part 2", "part 3"]
    assert report.ignored == 1


async def test_a_line_without_parts_is_counted(log: Log, tmp_path: Path) -> None:
    report = await import_files(log, [written(tmp_path / "x.jsonl", [{"moody": 1, "parts": []}])])
    assert (report.lines, report.ignored, report.problems) == (1, 1, [])


async def test_facts_are_published_in_order_of_time(log: Log, tmp_path: Path) -> None:
    late = {"moody": 1, "says": ["late1", "late2"], "time": "2025-03-01T00:00:00.000002Z"}
    middle = {"moody": 1, "says": ["middle"], "time": "2025-03-01T02:00:00.000001+02:00"}
    early = {"moody": 1, "says": ["early"], "time": "1971-03-01T00:00:00Z"}
    paths = [written(tmp_path / "a.jsonl", [late, middle]), written(tmp_path / "b.jsonl", [early])]
    await import_files(log, paths)
    assert await ids(log) == ["early", "middle", "late1", "late2"]


async def test_formats_may_be_mixed_in_a_file(log: Log, tmp_path: Path) -> None:
    lines = [line for format_ in FORMATS for line in lines_of(format_)]
    apart = [
        await import_files(log, [written(tmp_path / f"{format_.name}.jsonl", lines_of(format_))]) for format_ in FORMATS
    ]
    mixed = await import_files(log, [written(tmp_path / "mixed.jsonl", lines)])
    assert mixed.new == 0
    assert mixed.existing + mixed.changed == sum(report.new + report.changed for report in apart)
    assert mixed.same_fact == sum(report.same_fact for report in apart)
    assert mixed.ignored == sum(report.ignored for report in apart)
    assert len(mixed.problems) == sum(len(report.problems) for report in apart)


async def test_problems_are_in_the_order_of_the_files(log: Log, tmp_path: Path) -> None:
    bad = {"moody": "own", "at": "survey"}
    paths = [written(tmp_path / f"{name}.jsonl", [{"?": 1}, bad, b"{", {"?": 2}]) for name in "ba"]
    report = await import_files(log, paths)
    assert [(Path(problem.file).stem, problem.line) for problem in report.problems] == [
        (name, line) for name in "ab" for line in (1, 2, 3, 4)
    ]
    assert (report.files, report.lines) == (2, 8)


async def test_progress_is_told_in_facts(log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.imports.importer.SLICE", 2)
    seen: list[tuple[int, int]] = []
    path = written(tmp_path / "x.jsonl", [{"moody": 1, "says": [f"e{n}"]} for n in range(5)])
    await import_files(log, [path], lambda done, total: seen.append((done, total)))
    assert seen == [(2, 5), (4, 5), (5, 5)]


async def test_a_line_that_is_too_long_is_refused_alone(
    log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.imports.lines.LONGEST", 100)
    lines = [{"moody": 1, "says": ["a"]}, {"moody": "x" * 450}, {"moody": 1, "says": ["b"]}, {"moody": "x" * 100}]
    report = await import_files(log, [written(tmp_path / "x.jsonl", lines)])
    assert [(problem.line, problem.reason) for problem in report.problems] == [
        (2, "longer than 100 bytes"), (4, "longer than 100 bytes"),
    ]  # fmt: skip
    assert await ids(log) == ["a", "b"]


async def test_a_fact_that_the_server_cannot_take_is_a_problem(log: Log, tmp_path: Path) -> None:
    text = "x" * (log.client.max_payload + 1)
    chats = [{"messages": [{"role": "user", "content": words}, {"role": "assistant", "content": "No."}]}
             for words in ("Is it flat?", text)]  # fmt: skip
    report = await import_files(log, [written(tmp_path / "x.jsonl", chats)])
    assert (report.new, [problem.line for problem in report.problems]) == (1, [2])


async def test_a_text_above_the_limit_refuses_its_line(log: Log, tmp_path: Path) -> None:
    chats = [{"messages": [{"role": "user", "content": words}, {"role": "assistant", "content": "No."}]}
             for words in ("x" * (2**20 + 1), "Is it flat?")]  # fmt: skip
    report = await import_files(log, [written(tmp_path / "x.jsonl", chats)])
    assert report.new == 1
    (problem,) = report.problems
    assert problem.line == 1
    assert problem.reason.endswith("prompt has 1,048,577 bytes, at most 1,048,576 are taken; shorten it")


async def test_a_line_of_too_many_lists_is_refused_alone(
    log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.imports.lines.CONTAINERS", 100)
    lines = [{"moody": 1, "says": ["a"], "more": [[]] * 200}, {"moody": 1, "says": ["b"]}]
    report = await import_files(log, [written(tmp_path / "x.jsonl", lines)])
    assert [problem.line for problem in report.problems] == [1]
    assert "203 lists and objects, at most 100" in report.problems[0].reason
    assert await ids(log) == ["b"]


@pytest.mark.parametrize("name", ["x.jsonl", "x.json", "x.csv", "x.jsonl.gz"])
def test_memory_does_not_grow_with_the_texts(tmp_path: Path, name: str) -> None:
    """Given a file of 20 MB, when it is read, then its texts are on disk and not in memory."""
    said = {"role": "user", "content": "x" * 20_000}
    lines = [{"messages": [said, {"role": "assistant", "content": str(n)}]} for n in range(1_000)]
    path, size = tmp_path / name, 20_000 * len(lines)
    texts = [msgspec.json.encode(line["messages"]).decode() for line in lines]
    match name:
        case "x.json":
            path.write_bytes(msgspec.json.encode(lines))
        case "x.csv":
            path.write_text("messages\n" + "".join('"' + text.replace('"', '""') + '"\n' for text in texts))
        case _:
            whole = written(path, lines).read_bytes()
            path.write_bytes(gzip.compress(whole) if name.endswith(".gz") else whole)
            del whole
    del lines, texts
    tracemalloc.start()
    try:
        sources = [Source(path, str(path))]
        with Spool(sources) as spool:
            for _ in read_into(spool, sources, Report()):
                pass
            assert len(list(map(len, (fact.data for fact in spool.in_order())))) == 1_000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < size / 4


async def test_an_import_that_recognises_nothing_says_so(log: Log, tmp_path: Path) -> None:
    assert not (await import_files(log, [tmp_path])).is_recognised
    assert not (await import_files(log, [written(tmp_path / "x.jsonl", [{"moody": 1, "parts": []}])])).is_recognised
    assert (await import_files(log, [written(tmp_path / "x.jsonl", [{"moody": 1, "says": ["a"]}])])).is_recognised


async def test_a_path_that_is_not_there_is_refused(log: Log, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not there"):
        await import_files(log, [tmp_path / "nowhere"])


async def test_folders_are_searched_for_files_of_lines(log: Log, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "deep").mkdir(parents=True)
    written(folder / "deep" / "a.NDJSON", [{"moody": 1, "says": ["a"]}])
    written(folder / "b.jsonl", [{"moody": 1, "says": ["b"]}])
    written(folder / "c.txt", [{"moody": 1, "says": ["c"]}])
    report = await import_files(log, [folder, folder / "b.jsonl"])
    assert (report.files, sorted(await ids(log))) == (2, ["a", "b"])
