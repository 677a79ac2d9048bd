"""The registry of import formats: each one keeps the contract, and help and errors name all of them."""

from __future__ import annotations

from typing import Any, ClassVar

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


TEXTS = {"prompt": "Which slope?", "response": "1/4 in per foot."}
PAIR = {"prompt": "Which slope?", "chosen": "1/4 in per foot.", "rejected": "None."}
TURNS = {"conversations": [{"from": "human", "value": "Which slope?"}, {"from": "gpt", "value": "1/4 in."}]}


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ({"fields": TEXTS, "responses": {}}, "argilla"),
        (TEXTS | {"quality.responses": [5], "status": "completed"}, "argilla"),
        (PAIR | {"quality.responses": [5]}, "argilla"),
        (TURNS | {"quality.suggestion": 5}, "argilla"),
        ({"messages": [], "contents": []} | {"quality.responses": []}, "argilla"),
        (TEXTS | {"external_id": None, "quality-suggestion": 5}, "argilla"),
        ({"data": TEXTS, "annotations": []}, "label_studio"),
        (TEXTS | {"annotation_id": 1, "lead_time": 2.0, "verdict": "Good"}, "label_studio"),
        (PAIR | {"annotation_id": 1, "lead_time": 2.0, "verdict": "Good"}, "label_studio"),
        (TEXTS, "completions"),
        ({"fields": TEXTS} | TEXTS, "completions"),
        (PAIR, "preferences"),
    ],
)
def test_a_form_is_known_by_what_else_it_holds(data: dict[str, Any], name: str) -> None:
    assert registry.of(data).name == name


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
