"""Sources: the same text from any container, and nothing that is no regular file or unpacks without end."""

from __future__ import annotations

import gzip
import io
import os
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest

from events.errors import InputError
from services.imports import sources
from services.imports.report import Report
from services.imports.sources import Source, listed, text_of

TEXT = '{"prompt": "Überlappung 🏠?"}\r\n{"prompt": "b"}\r\n'


def zstandard(data: bytes) -> bytes:
    out = pa.BufferOutputStream()
    with pa.CompressedOutputStream(out, "zstd") as file:
        file.write(data)
    packed: bytes = out.getvalue().to_pybytes()
    return packed


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_a_text_is_the_same_in_any_container(tmp_path: Path, pack: object, encoding: str) -> None:
    assert callable(pack)
    path = tmp_path / "x.jsonl"
    path.write_bytes(pack(TEXT.encode(encoding)))
    assert text_of(Source(path, "x")) == TEXT.replace("\r", "")


def test_half_a_character_spoils_its_line_alone(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes("one\ntwo\ud800\nthree".encode("utf-16", "surrogatepass")[:-1])
    with Source(path, "x").text() as file:
        first, second, third = file.readlines()
    assert first == b"one\n"
    for line in (second, third):
        with pytest.raises(UnicodeDecodeError):
            line.decode()


@pytest.mark.parametrize("pack", [gzip.compress, zstandard])
def test_what_unpacks_without_end_is_refused(tmp_path: Path, pack: object, monkeypatch: pytest.MonkeyPatch) -> None:
    assert callable(pack)
    monkeypatch.setattr(sources, "UNPACKED_FREE", 1000)
    path = tmp_path / "x.jsonl"
    path.write_bytes(pack(b" " * 10**6))
    with pytest.raises(InputError, match="unpacks to more than"):
        text_of(Source(path, "x"))


@pytest.mark.parametrize("pack", [gzip.compress, zstandard])
def test_a_packed_file_that_is_cut_is_refused(tmp_path: Path, pack: object) -> None:
    assert callable(pack)
    path = tmp_path / "x.jsonl"
    path.write_bytes(pack(os.urandom(1000))[:-20])
    with pytest.raises(InputError, match="x cannot be read"):
        text_of(Source(path, "x"))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.JSONL", "lines"),
        ("a.Csv.GZ", "csv"),
        ("a.json.zst", "document"),
        ("a.parquet", "parquet"),
        ("a.log", "lines"),
    ],
)
def test_an_ending_says_what_a_file_holds(tmp_path: Path, name: str, kind: str) -> None:
    (tmp_path / name).touch()
    assert Source(tmp_path / name, name).kind() == kind


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('{"a": 1}', "document"),
        ("\ufeff[1]", "document"),
        ("id,prompt\n", "csv"),
        ("id\tprompt", "tsv"),
        ("x", "lines"),
    ],
)
def test_standard_input_says_itself_what_it_holds(text: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(text.encode())))
    with listed([Path("-")], Report()) as (source,):
        assert (source.name, source.kind()) == ("standard input", kind)
    assert not source.path.exists()


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jsonl")
    for path in (tmp_path / "pipe.jsonl", Path("/dev/zero")):
        with pytest.raises(InputError, match="no regular file"), listed([path], Report()):
            pass


def test_a_folder_gives_its_own_files_alone(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "beside.jsonl").touch()
    for name in ("a.jsonl", "b.CSV.gz", "c.txt", "d"):
        (folder / name).touch()
    (folder / "out.jsonl").symlink_to(tmp_path / "beside.jsonl")
    (folder / "same.jsonl").symlink_to("a.jsonl")
    (folder / "loop").symlink_to(folder)
    os.mkfifo(folder / "pipe.jsonl")
    report = Report()
    with listed([folder, folder / "a.jsonl"], report) as found:
        assert [Path(source.name).name for source in found] == ["a.jsonl", "b.CSV.gz", "same.jsonl"]
    assert [Path(problem.file).name for problem in report.problems] == ["out.jsonl", "pipe.jsonl"]
