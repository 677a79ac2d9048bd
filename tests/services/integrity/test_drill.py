"""A restore drill: what a backup would give, and nothing of it left."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ..conftest import ANSWER, Cli


@pytest.fixture
def backup(cli: Cli, tmp_path: Path) -> Path:
    for prompt in ("How high must base flashing be?", "How wide is a TPO seam?"):
        cli.run("capture", "--prompt", prompt, "--response", ANSWER)
    cli.run("backup", tmp_path / "backups" / "one")
    return tmp_path / "backups" / "one"


@pytest.fixture(autouse=True)
def place(cli: Cli, tmp_path: Path) -> Path:
    place = tmp_path / "place"
    place.mkdir()
    cli.environment["TMPDIR"] = str(place)
    return place


def test_a_sound_backup_says_what_it_holds(cli: Cli, backup: Path, place: Path) -> None:
    answer = cli.json("backup", "verify", backup)
    assert (answer["status"], answer["stats"]["total"], answer["last_seq"]) == ("sound", 2, 2)
    status = cli.json("status", "--digest")
    assert answer["content_digest"] == status["content_digest"]
    assert answer["log_digest"] == status["log_digest"] == answer["backup"]["log_digest"]
    assert "it would hold 2 examples" in cli.run("backup", "verify", backup).stdout
    assert_nothing_is_left(place)


def test_what_was_erased_since_is_erased_again(cli: Cli, backup: Path, place: Path) -> None:
    first = cli.json("queue")["items"][0]["example_id"]
    cli.run("erase", first, "--reason", "asked")
    answer = cli.json("backup", "verify", backup)
    assert answer["erased_again"]["tombstones"] == 1
    assert answer["erased_again"]["messages"] == 1
    assert answer["stats"]["funnel"] == cli.json("stats")["funnel"]
    assert_nothing_is_left(place)


def test_a_damaged_backup_is_told(cli: Cli, backup: Path, place: Path) -> None:
    snapshot = backup / "stream.snapshot"
    snapshot.write_bytes(snapshot.read_bytes()[:-1])
    assert "was changed after the backup" in cli.run("backup", "verify", backup, code=1).stderr
    assert_nothing_is_left(place)


def test_a_place_without_room_is_told(cli: Cli, backup: Path, place: Path) -> None:
    manifest = backup / "backup.json"
    content = json.loads(manifest.read_text())
    content["state"]["bytes"] = 2**60
    manifest.write_text(json.dumps(content))
    assert f"bytes in {place}" in cli.run("backup", "verify", backup, code=1).stderr


def test_words_that_mean_nothing_are_told(cli: Cli, tmp_path: Path) -> None:
    for words in (["a", "b"], ["verify", "a", "--every", "24h"], ["verify", "a", "b"]):
        assert "give one folder" in cli.run("backup", *words, code=2).stderr


def assert_nothing_is_left(place: Path) -> None:
    assert list(place.iterdir()) == []
    commands = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not [command for command in commands if str(place).encode() in command]
