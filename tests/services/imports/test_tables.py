"""Tables: a row is an object of its header's keys, and one that is none harms no other."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from services.imports import tables
from services.imports.sources import Source


def rows(text: bytes, *, tabs: bool = False) -> list[tuple[int, Any]]:
    file = io.BufferedReader(io.BytesIO(text))
    return [
        (number, str(row) if isinstance(row, ValueError) else row)
        for number, row in tables.separated(file, 10_000, 100, tabs=tabs)
    ]


@pytest.mark.parametrize(
    "text", [b"id,prompt\r\na,b\r\n", b"id;prompt\na;b\n", b"id\tprompt\na\tb", b'"id","prompt"\na,"b"\n']
)
def test_a_header_says_its_separator(text: bytes) -> None:
    assert rows(text) == [(2, {"id": "a", "prompt": "b"})]


def test_a_cell_may_hold_lines_json_and_flags() -> None:
    text = b'prompt,tags,include_in_training,more\n"[a]\nb","[""x""]",False,\n{},{},{,true\n'
    assert rows(text) == [
        (2, {"prompt": "[a]\nb", "tags": ["x"], "include_in_training": False}),
        (4, {"prompt": "{}", "tags": {}, "include_in_training": "{", "more": True}),
    ]


def test_a_prompt_may_be_a_list_of_messages() -> None:
    text = b'prompt,completion\n"[{""role"": ""user""}]","[1]"\n'
    assert rows(text) == [(2, {"prompt": [{"role": "user"}], "completion": "[1]"})]
    assert "nested more than" in rows(b"tags\n" + b"[" * 200 + b"\n")[0][1]


def test_a_row_that_is_none_is_named() -> None:
    [short, fine, quoted] = rows(b'id,prompt\na\nb,c\nd,"e"f\n')
    assert short == (2, "it has 1 cells, and the header has 2")
    assert fine == (3, {"id": "b", "prompt": "c"})
    assert (quoted[0], quoted[1][:8]) == (4, "not CSV:")
    assert rows(b"id,prompt\n\xff,b\nc,d\n")[1] == (3, {"id": "c", "prompt": "d"})
    assert "unexpected end" in rows(b'id,prompt\na,"b\nc,d\n')[0][1]


@pytest.mark.parametrize("text", [b"id,id\na,b\n", b"id,\na,b\n"])
def test_a_header_that_names_nothing_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match="must name every column"):
        rows(text)


def test_rows_of_parquet_are_objects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.parquet"
    given = [{"prompt": "a", "n": 1, "more": [{"role": "user"}]}, {"prompt": None, "n": 2, "more": None}]
    pq.write_table(pa.Table.from_pylist(given), path)
    source = Source(path, "x")
    assert list(tables.parquet(source)) == [(1, given[0]), (2, {"n": 2})]
    monkeypatch.setattr(tables, "ROW_GROUP", 10)
    with pytest.raises(ValueError, match="a row group has"):
        list(tables.parquet(source))


def test_a_cell_of_bytes_refuses_its_row(tmp_path: Path) -> None:
    pq.write_table(pa.table({"prompt": ["a", "b"], "photo": [b"x", None]}), tmp_path / "x.parquet")
    (first, refused), second = tables.parquet(Source(tmp_path / "x.parquet", "x"))
    assert (first, "bytes" in str(refused), second) == (1, True, (2, {"prompt": "b"}))
