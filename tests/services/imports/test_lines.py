"""Lines: every object of a file with its place, in whatever container it is, and no other harmed by a bad one."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from services.imports import lines
from services.imports.report import Report
from services.imports.sources import Source

OBJECTS: list[dict[str, Any]] = [{"prompt": "a", "more": "1"}, {"prompt": "b\nc", "more": "2"}]


def read(path: Path) -> tuple[list[tuple[int, int, dict[str, Any]]], Report]:
    report = Report()
    objects = [(line.number, line.place, line.data) for line in lines.read([Source(path, path.name)], report)]
    return objects, report


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x.jsonl", '\ufeff{"prompt": "a", "more": "1"}\r\n\r\n{"prompt": "b\\nc", "more": "2"}'),
        ("x.json", '[\n{"prompt": "a", "more": "1"},\n\n {\n"prompt": "b\\nc", "more": "2"}]'),
        ("x.JSON", '{"prompt": "a", "more": "1"}\n\n{"prompt": "b\\nc", "more": "2"}\n'),
        ("x.json", '{\n"prompt": "a", "more": "1"}\n{\n"prompt": "b\\nc", "more": "2"}\n'),
        ("x.csv", 'prompt,more\r\na,1\r\n\r\n"b\nc",2\r\n'),
        ("x.tsv", 'prompt\tmore\na\t1\n"b\nc"\t2\n'),
    ],
)
def test_the_same_objects_come_from_any_text(tmp_path: Path, name: str, text: str) -> None:
    for packed in (text.encode(), gzip.compress(text.encode("utf-16"))):
        (tmp_path / name).write_bytes(packed)
        objects, report = read(tmp_path / name)
        assert [data for _, _, data in objects] == OBJECTS
        assert (report.files, report.lines, report.problems) == (1, 2, [])


def test_a_packed_table_is_read(tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(OBJECTS), tmp_path / "x.parquet")
    (tmp_path / "x.parquet.gz").write_bytes(gzip.compress((tmp_path / "x.parquet").read_bytes()))
    for name in ("x.parquet", "x.parquet.gz"):
        assert read(tmp_path / name)[0] == [(1, 1, OBJECTS[0]), (2, 2, OBJECTS[1])]


@pytest.mark.parametrize(
    ("name", "text", "bad"),
    [
        ("x.jsonl", '{"prompt": 1}\n{"prompt": tru}\n{"prompt": 3}\n', 2),
        ("x.json", '[{"prompt": 1}, {"prompt": tru},\n{"prompt": 3}]', 1),
        ("x.csv", 'prompt\n"1"\n"2"x\n"3"\n', 3),
    ],
)
def test_a_bad_object_harms_no_other(tmp_path: Path, name: str, text: str, bad: int) -> None:
    (tmp_path / name).write_text(text)
    objects, report = read(tmp_path / name)
    assert [(place, int(data["prompt"])) for _, place, data in objects] == [(1, 1), (3, 3)]
    assert [problem.line for problem in report.problems] == [bad]
    assert report.lines == 3


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.parquet", b"PAR1 no more"),
        ("x.jsonl", gzip.compress(b"{}\n" * 9, mtime=0)[:-9]),
        ("x.csv", b"a,a\n"),
        ("x.json", b"[{}"),
    ],
)
def test_a_file_that_breaks_off_is_a_problem(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    assert len(read(tmp_path / name)[1].problems) == 1


def test_an_array_may_be_longer_than_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LONGEST", 100)
    path = tmp_path / "x.json"
    path.write_text("[" + ",".join(['{"prompt": "a"}'] * 50) + "]")
    assert len(read(path)[0]) == 50
