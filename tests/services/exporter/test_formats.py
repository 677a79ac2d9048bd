"""The registry of export formats: each one keeps the contract, and files, lineage and help know all of them."""

from __future__ import annotations

import contextlib
import gc
import io
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec import structs

from events.log.log import Log
from services.cli import main
from services.exporter import formats, writer
from services.exporter.formats import FORMATS, LINES, ROOT, Format
from services.exporter.formats.dpo import DPO
from services.exporter.formats.format import WrongColumns
from services.exporter.formats.sft import SFT
from services.exporter.lineage import schema
from services.state.client import State
from services.state.owner import Owner

from . import contract
from .test_exporter import liked


class TestFormats(contract.ExportContract):
    """Every format of the registry."""

    @pytest.fixture(params=FORMATS, ids=lambda format_: format_.name)
    def format_(self, request: pytest.FixtureRequest) -> Format:
        format_: Format = request.param
        return format_

    def test_an_export_holds_no_other_data(self, exported: contract.Exported) -> None:
        folders = {path.name for path in (exported.home / "data").iterdir()}
        assert folders == {format_.name for format_ in FORMATS}


def test_a_missing_column_is_told_in_a_sentence() -> None:
    plain = structs.replace(SFT, name="plain", made=lambda rows: SFT.made(rows).drop_columns(["json", "system"]))
    with pytest.raises(
        WrongColumns,
        match=r"^export format plain: made gives the columns prompt, response; wanted prompt, response, system, json$",
    ):
        plain.table(contract.some_rows())


async def test_a_format_that_raises_leaves_no_file_open(
    log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a format with a fault, when it is exported, then its own error is told and nothing else."""
    await liked(log, 2)
    owner = Owner(tmp_path / "rooflog.duckdb")
    broken = structs.replace(DPO, made=lambda rows: rows["nothing"])
    monkeypatch.setattr(formats, "FORMATS", (SFT, broken))
    with contextlib.closing(owner):
        async with State(log, owner, None).training_set() as (head, batches):
            with pytest.raises(KeyError, match="nothing") as caught:
                await writer.write(tmp_path / "export", head, batches)
    files = [thing for thing in gc.get_objects() if isinstance(thing, io.BufferedWriter) and not thing.closed]
    assert [file.name for file in files if str(file.name).startswith(str(tmp_path / "export"))] == []
    assert caught.traceback  # its frames hold what was written


def test_names_are_distinct() -> None:
    assert len({format_.name for format_ in FORMATS}) == len(FORMATS)


def test_the_trainer_reads_one_of_them() -> None:
    assert ROOT in FORMATS
    assert len(ROOT.lines) == 1


def test_a_column_of_lines_means_one_thing() -> None:
    """Formats share either all columns of the lineage or none: a line number counts the lines of one file."""
    groups = {tuple(format_.lines.items()) for format_ in FORMATS}
    columns = [column for group in groups for column, _ in group]
    assert sorted(columns) == sorted(set(columns)) == sorted(LINES)


def test_lineage_numbers_the_lines_of_every_format() -> None:
    assert set(LINES) <= set(schema(in_context=True).names)


def test_every_module_of_a_format_is_registered() -> None:
    """Given a module beside the registry, then it is what all formats share, or one of them."""
    modules = {path.stem for path in Path(formats.__file__).parent.glob("*.py")}
    assert modules == {"__init__", "format", *(format_.name for format_ in FORMATS)}


def test_the_help_describes_every_format() -> None:
    shown = " ".join(CliRunner().invoke(main, ["export", "--help"]).stdout.split())
    for line in formats.described():
        assert line in shown
