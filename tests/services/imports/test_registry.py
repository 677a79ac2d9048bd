"""The registry of import formats: each one keeps the contract, and help and errors name all of them."""

from __future__ import annotations

from typing import ClassVar

import pytest
from click.testing import CliRunner

from services.cli import main
from services.imports import FORMATS, registry
from services.imports.chats import Chats
from services.imports.format import Format

from . import contract


class TestFormats(contract.ImportContract):
    """Every format of the registry."""

    @pytest.fixture(params=FORMATS, ids=lambda format_: format_.name)
    def format_(self, request: pytest.FixtureRequest) -> type[Format]:
        format_: type[Format] = request.param
        return format_


class Unsampled(Chats):
    """A format that somebody has just begun."""

    name: ClassVar[str] = "unsampled"


def test_a_format_without_a_sample_fails_with_a_sentence() -> None:
    with pytest.raises(pytest.fail.Exception, match="the import format 'unsampled' has no sample: put lines of it"):
        contract.sample(Unsampled)


def test_names_are_distinct() -> None:
    assert len({format_.name for format_ in FORMATS}) == len(FORMATS)


def test_an_unknown_object_names_the_known_formats() -> None:
    with pytest.raises(ValueError, match="the keys a, b is of no known format") as caught:
        registry.of({"a": 1, "b": 2})
    assert all(format_.name in str(caught.value) for format_ in FORMATS)
    with pytest.raises(ValueError, match="an object with no keys"):
        registry.of({})


def test_an_unknown_object_is_told_shortly() -> None:
    with pytest.raises(ValueError, match=" and more is of no known format") as caught:
        registry.of({f"{n}{'x' * 1000}": n for n in range(1000)})
    assert len(str(caught.value)) < 1_000


def test_the_help_describes_every_format() -> None:
    shown = " ".join(CliRunner().invoke(main, ["import", "--help"]).stdout.split())
    for format_ in FORMATS:
        assert f"{format_.name}: {format_.description}" in shown
