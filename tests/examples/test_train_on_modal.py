"""The example trainer reads a real export; training itself needs a GPU and is not run here."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import modal
import pytest

from services.settings import Settings

from ..services.conftest import Cli

EXAMPLE = Path(__file__).parents[2] / "examples" / "train_on_modal.py"


@pytest.fixture(scope="module")
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("train_on_modal", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def volume(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("data")
    Cli(data).run("demo")
    return data / "volume"


def test_it_has_the_names_that_rooflog_asks_for(example: ModuleType) -> None:
    chosen = Settings()
    assert example.app.name == chosen.modal_app
    assert isinstance(getattr(example, chosen.modal_function), modal.Function)
    assert example.data.name == chosen.modal_volume


def test_the_trainer_sees_prompt_response_and_system(
    example: ModuleType, volume: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    rows, digest = example.load(volume)
    lines = [json.loads(line) for line in (volume / "training_conversations.jsonl").read_bytes().splitlines()]
    assert rows.column_names == ["prompt", "response", "system"]
    assert rows.to_list() == lines
    assert (volume / "exports" / digest / "manifest.json").exists()
    talk = rows.map(example.conversation, remove_columns=rows.column_names)
    assert talk[0] == {
        "prompt": [
            {"role": "system", "content": lines[0]["system"]},
            {"role": "user", "content": lines[0]["prompt"]},
        ],
        "completion": [{"role": "assistant", "content": lines[0]["response"]}],
    }


def test_a_file_that_somebody_changed_is_not_trained_on(example: ModuleType, volume: Path, tmp_path: Path) -> None:
    for name in ("latest.json", "training_conversations.jsonl"):
        (tmp_path / name).write_bytes((volume / name).read_bytes())
    with (tmp_path / "training_conversations.jsonl").open("a") as file:
        file.write('{"prompt": "p", "response": "r", "system": "s"}\n')
    with pytest.raises(ValueError, match="is not the file of export"):
        example.load(tmp_path)
