"""What runs on Modal, on a real export: it finds every byte that is not what the manifest says."""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from services import modal_app
from services.exporter.manifest import FORMAT, LINEAGE, MANIFEST
from services.modal_app import checked, listed

from .conftest import Cli
from .volume.modal.standin import StandIn

TRAIN = "data/sft/train.jsonl"


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("data")
    Cli(data).run("demo")
    return data / "volume"


@pytest.fixture
def volume(exported: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(exported, tmp_path / "volume"))


def home_of(volume: Path) -> Path:
    [home] = (volume / "exports").iterdir()
    return home


def test_an_intact_export_passes(volume: Path) -> None:
    report = checked(volume)
    assert (report["ok"], report["problems"], report["latest"]) == (True, [], True)
    manifest = json.loads((home_of(volume) / "manifest.json").read_bytes())
    assert report["export_digest"] == home_of(volume).name
    assert (report["counts"], report["last_seq"]) == (manifest["counts"], manifest["last_seq"])
    assert report["files"] == len(manifest["files"])
    assert checked(volume, home_of(volume).name) == report


def change(name: str, content: bytes | None) -> Callable[[Path], None]:
    def damage(volume: Path) -> None:
        path = volume / name if name in {"latest.json", "training_conversations.jsonl"} else home_of(volume) / name
        if content is None:
            path.unlink()
        else:
            path.write_bytes(path.read_bytes()[:-10] + content)

    return damage


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (change(TRAIN, None), f"{TRAIN}: it is not there"),
        (change(TRAIN, b""), f"{TRAIN}: it has "),
        (change(TRAIN, b'."}\n......'), f"{TRAIN}: its SHA-256 is "),
        (change(TRAIN, b"\n" * 10), f"{TRAIN}: it has "),
        (change("data/dpo/train.parquet", b"0123456789"), "data/dpo/train.parquet: its SHA-256 is "),
        (change("README.md", b"0123456789"), "README.md: its SHA-256 is "),
        (change("manifest.json", b"0123456789"), "manifest.json: its SHA-256 is "),
        (change("manifest.json", None), "manifest.json: it is not there"),
        (change("training_conversations.jsonl", None), "training_conversations.jsonl: it is not there (data/sft/train"),
        (change("training_conversations.jsonl", b"0123456789"), "training_conversations.jsonl: its SHA-256 is "),
        (change("latest.json", None), "latest.json names no export"),
        (lambda volume: (home_of(volume) / "more.jsonl").write_text("{}\n"), "more.jsonl: the manifest does not know"),
    ],
)
def test_every_damage_is_named(volume: Path, damage: Callable[[Path], None], problem: str) -> None:
    damage(volume)
    report = checked(volume)
    assert not report["ok"]
    assert any(found.startswith(problem) for found in report["problems"]), report["problems"]


def renamed(volume: Path, edit: Callable[[dict[str, object]], object]) -> str:
    """An export whose manifest was changed by somebody who knows how exports are named."""
    manifest = home_of(volume) / "manifest.json"
    document = json.loads(manifest.read_bytes())
    edit(document)
    manifest.write_text(json.dumps(document))
    digest = hashlib.sha256(manifest.read_bytes()).hexdigest()
    home_of(volume).rename(volume / "exports" / digest)
    return digest


def test_an_unknown_manifest_format_is_refused(volume: Path) -> None:
    digest = renamed(volume, lambda document: document.update(format=4))
    assert checked(volume, digest)["problems"] == ["manifest.json: its format is 4, this check knows 1, 2, 3"]


def test_a_manifest_that_points_outside_is_refused(volume: Path) -> None:
    said = {"sha256": "0" * 64, "bytes": 0, "rows": 0}
    digest = renamed(volume, lambda document: document.update(files={"../../latest.json": said}))
    assert checked(volume, digest)["problems"] == ["../../latest.json: it would lie outside the export"]


def test_the_check_knows_what_the_exporter_writes_now() -> None:
    assert FORMAT in modal_app.FORMATS
    assert MANIFEST == modal_app.MANIFEST
    assert LINEAGE in modal_app.LINEAGE


@pytest.mark.parametrize("digest", ["nonsense", "../" * 21 + "x"])
def test_an_impossible_digest_is_refused(volume: Path, digest: str) -> None:
    assert checked(volume, digest)["problems"] == [f"{digest!r} is no digest of an export"]


def test_exports_are_listed_with_their_state(volume: Path) -> None:
    home, broken = home_of(volume), volume / "exports" / ("b" * 64)
    assert [(line["export_digest"], line["state"], line["latest"]) for line in listed(volume)] == [
        (home.name, "whole", True)
    ]
    shutil.copytree(home, broken)
    (home / TRAIN).unlink()
    assert {line["export_digest"]: line["state"] for line in listed(volume)} == {
        home.name: "incomplete",
        broken.name: "no manifest",
    }
    shutil.rmtree(broken)
    for path in home.rglob("*"):
        if path.is_file() and path.name not in {"manifest.json", "lineage.parquet"}:
            path.unlink()
    assert [line["state"] for line in listed(volume)] == ["lineage only"]


def test_it_imports_neither_credentials_nor_rooflog(tmp_path: Path) -> None:
    """Modal ships this one file, as a module of its own."""
    shutil.copy(modal_app.__file__, tmp_path)
    code = (
        "import sys, modal_app\n"
        "ours = {'events', 'projections', 'services', 'msgspec', 'duckdb', 'pyarrow'} & set(sys.modules)\n"
        "print(modal_app.check_export, modal_app.list_exports, modal_app.volume.name, ours)"
    )
    variables = {"PYTHONPATH": str(tmp_path), "HOME": str(tmp_path), "ROOFLOG_MODAL_VOLUME": "other"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=variables, capture_output=True, text=True, check=False
    )
    expected = "Function(check_export) Function(list_exports) other set()\n"
    assert done.stdout == expected, done.stderr


@pytest.mark.parametrize("file", ["services/modal_app.py", "examples/train_on_modal.py"])
async def test_modal_deploy_takes_the_file(tmp_path: Path, file: str) -> None:
    """The real command finds the app in it and begins to deploy; the stand-in goes no further."""
    standin = StandIn(tmp_path)
    async with standin.running():
        deploy = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "modal", "deploy", file),
            env=standin.environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            cwd=Path(modal_app.__file__).parents[1],
        )
        output, _ = await deploy.communicate()
    assert standin.unexpected == ["AppGetByDeploymentName"], output
