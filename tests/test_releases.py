"""What every release has written is opened by today's version, and says what it said then."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from .fixtures.archive import unpack
from .fixtures.observed import observed
from .fixtures.served import delivered, served
from .services.conftest import Cli

RELEASES = sorted(path.parent for path in (Path(__file__).parent / "fixtures").glob("v*/recorded.json"))

BESIDE = ("content_digest", "outbox")
"""What is recorded beside the parts of `observed`."""

MADE_FROM = ("first_seq", "last_seq", "log_digest", "policy_digest", "min_relevance", "examples", "counts")
MADE_BY = ("format", "software", "libraries")
"""What a manifest says about the log and the policy, and about the version that wrote the files."""


class Opened(NamedTuple):
    """A data directory that today's version opens, and whether it had to be rebuilt for that."""

    cli: Cli
    is_rebuilt: bool


@pytest.fixture(scope="module", params=RELEASES, ids=lambda folder: folder.name)
def release(request: pytest.FixtureRequest) -> Path:
    folder: Path = request.param
    return folder


@pytest.fixture(scope="module")
def recorded(release: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((release / "recorded.json").read_text("utf-8"))
    return told


@pytest.fixture(scope="module")
def opened(release: Path, tmp_path_factory: pytest.TempPathFactory) -> Opened:
    cli = Cli(unpack(release / "data.tar.xz", tmp_path_factory.mktemp("opened")))
    first = cli.run("status", code=None)
    if first.returncode == 0:
        return Opened(cli, is_rebuilt=False)
    assert "was written by another version of rooflog" in first.stderr
    assert "`rooflog rebuild`" in first.stderr
    cli.run("rebuild")
    return Opened(cli, is_rebuilt=True)


@pytest.fixture(scope="module")
def restored(release: Path, tmp_path_factory: pytest.TempPathFactory) -> Cli:
    home = tmp_path_factory.mktemp("restored")
    cli = Cli(home / "data")
    cli.run("restore", unpack(release / "backup.tar.xz", home / "backup"))
    return cli


def content_digest(cli: Cli) -> str:
    digest: str = cli.json("status", "--digest")["content_digest"]
    return digest


def test_there_is_a_release_to_open() -> None:
    assert "v0.1.0" in [folder.name for folder in RELEASES]


def test_a_data_directory_says_what_it_said(opened: Opened, recorded: dict[str, Any]) -> None:
    then = {name: told for name, told in recorded.items() if name not in BESIDE}
    with served(opened.cli):
        assert observed(opened.cli, then) == then


def test_tables_are_the_written_ones_or_follow_the_log(opened: Opened, recorded: dict[str, Any]) -> None:
    digest = content_digest(opened.cli)
    assert opened.is_rebuilt or digest == recorded["content_digest"]
    assert opened.cli.json("rebuild", "--from-log", "--verify")["status"] == "rebuilt"
    assert content_digest(opened.cli) == digest


def test_an_outbox_is_published_exactly_once(release: Path, recorded: dict[str, Any], tmp_path: Path) -> None:
    then = dict(recorded["outbox"])
    count = then.pop("count")
    cli = Cli(tmp_path / "data")
    with served(cli) as access:
        first = delivered(access, unpack(release / "outbox.tar.xz", tmp_path / "outbox"), count)
        assert (first.published, first.existing, first.set_aside, first.damaged) == (count, 0, 0, 0)
        assert first.outbox_bytes == 0
        again = delivered(access, unpack(release / "outbox.tar.xz", tmp_path / "copy"), count)
        assert (again.published, again.existing, again.set_aside) == (0, count, 0)
        assert observed(cli, then) == then


def test_a_backup_is_restored_to_the_same_log(restored: Cli, opened: Opened, recorded: dict[str, Any]) -> None:
    assert observed(restored, ["log"]) == {"log": recorded["log"]}
    assert content_digest(restored) == content_digest(opened.cli)


def test_an_export_is_proven_by_the_log_alone(restored: Cli, release: Path, tmp_path: Path) -> None:
    assert_proven(restored, unpack(release / "export.tar.xz", tmp_path))


def test_exports_of_a_data_directory_are_proven_by_its_log(opened: Opened, recorded: dict[str, Any]) -> None:
    for export in recorded["exports"]:
        assert_proven(opened.cli, export["export_digest"])


def test_an_export_made_anew_differs_only_in_who_made_it(
    restored: Cli, release: Path, recorded: dict[str, Any], tmp_path: Path
) -> None:
    folder = unpack(release / "export.tar.xz", tmp_path / "then")
    then = manifest(folder)
    told = restored.json("export", "--as-of", str(then["last_seq"]), "--volume-dir", tmp_path / "volume")
    now = manifest(Path(told["export_path"]))
    assert {name: now[name] for name in MADE_FROM} == {name: then[name] for name in MADE_FROM}
    assert rows(tmp_path / "volume" / "training_conversations.jsonl") == rows(folder / "data" / "sft" / "train.jsonl")
    digest = recorded["exports"][0]["export_digest"]
    assert told["export_digest"] == digest or any(now[name] != then[name] for name in MADE_BY)
    if now["format"] == then["format"]:
        changed = {name for name, file in then["files"].items() if now["files"].get(name) != file}
        assert unexplained(changed, now["libraries"] != then["libraries"]) == set()


def assert_proven(cli: Cli, export: str | Path) -> None:
    """The export is made anew from the log byte for byte, but for Parquet where other libraries write it today."""
    told = cli.json("audit", export, code=None)
    assert (told["is_same_log"], told["is_same_policy"]) == (True, True)
    are_libraries_others = bool(set(told["versions"]) - {"software"})
    changed = {name for name, fate in told["files"].items() if fate != "same"}
    assert unexplained(changed, are_libraries_others) == set()
    assert told["status"] == "same" or are_libraries_others


def unexplained(changed: set[str], are_libraries_others: bool) -> set[str]:
    """The files whose bytes do not depend on the libraries: these write their versions into Parquet alone."""
    return {name for name in changed if not (are_libraries_others and name.endswith(".parquet"))}


def manifest(export: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((export / "manifest.json").read_text("utf-8"))
    return told


def rows(file: Path) -> list[tuple[str, str]]:
    """What the deployed trainer reads of a file."""
    lines = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    return [(line["prompt"], line["response"]) for line in lines]
