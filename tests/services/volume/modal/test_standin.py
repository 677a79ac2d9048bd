"""The stand-in as a process of its own, which outlives the process that is tested and remembers what it saw."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from services import settings
from services.volume import VolumeError, open_trainer, open_volume

from .standin import TOKEN

MODAL = settings.load({}, {"ROOFLOG_SINK": "modal"})


@pytest.fixture
def control(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    command = [
        sys.executable,
        "-m",
        "tests.services.volume.modal.standin",
        "--directory",
        str(tmp_path),
        "--version",
        "2",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        monkeypatch.setenv("MODAL_SERVER_URL", process.stdout.readline().strip())
        monkeypatch.setenv("MODAL_TOKEN_ID", TOKEN[0])
        monkeypatch.setenv("MODAL_TOKEN_SECRET", TOKEN[1])
        monkeypatch.setenv("MODAL_DISABLE_API_PROXY", "1")
        yield process.stdout.readline().strip()
        process.kill()


def post(url: str, document: object) -> None:
    with urllib.request.urlopen(urllib.request.Request(url, json.dumps(document).encode())) as answer:  # noqa: S310
        assert answer.status == 200


async def test_another_process_controls_it_and_finds_what_it_saw(control: str, tmp_path: Path) -> None:
    volume, trainer = open_volume(MODAL), open_trainer(MODAL)
    assert trainer is not None
    source = tmp_path / "source"
    source.write_text("new\n")
    post(f"{control}/faults", [{"step": "VolumePutFiles2", "kind": "status", "detail": "PERMISSION_DENIED"}])
    with pytest.raises(VolumeError, match="injected PERMISSION_DENIED"):
        await volume.write({"latest.json": source})
    post(f"{control}/faults", [])
    await volume.write({"latest.json": source})
    assert (tmp_path / "files" / "roofing-training-data" / "latest.json").read_text() == "new\n"
    call = await trainer.spawn(epochs=1)
    seen = [json.loads(line) for line in (tmp_path / "calls.jsonl").read_text().splitlines()]
    assert [(line["call_id"], line["kwargs"]) for line in seen] == [(call, {"epochs": 1})]
    post(f"{control}/outcomes", {"call_id": call, "error": "no GPU"})
    assert await trainer.outcome(call, 0) == ("failed", "RuntimeError: no GPU")
    await volume.close()
    await trainer.close()
