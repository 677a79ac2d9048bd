"""The registry of export formats: each one keeps the contract, and files, lineage and help know all of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from services.cli import main
from services.exporter import formats
from services.exporter.formats import FORMATS, LINES, ROOT, Format
from services.exporter.lineage import LINEAGE

from . import contract


class TestFormats(contract.ExportContract):
    """Every format of the registry."""

    @pytest.fixture(params=FORMATS, ids=lambda format_: format_.name)
    def format_(self, request: pytest.FixtureRequest) -> Format:
        format_: Format = request.param
        return format_

    def test_an_export_holds_no_other_data(self, exported: contract.Exported) -> None:
        folders = {path.name for path in (exported.home / "data").iterdir()}
        assert folders == {format_.name for format_ in FORMATS}


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
    assert set(LINES) <= set(LINEAGE.names)


def test_every_module_of_a_format_is_registered() -> None:
    """Given a module beside the registry, then it is what all formats share, or one of them."""
    modules = {path.stem for path in Path(formats.__file__).parent.glob("*.py")}
    assert modules == {"__init__", "format", *(format_.name for format_ in FORMATS)}


def test_the_help_describes_every_format() -> None:
    shown = " ".join(CliRunner().invoke(main, ["export", "--help"]).stdout.split())
    for line in formats.described():
        assert line in shown
