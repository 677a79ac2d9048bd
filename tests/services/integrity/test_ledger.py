"""The ledger: an older backup brings nothing back that was erased, and says so where it cannot know."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from events.log.log import Log
from services.integrity import backup as backups
from services.integrity import ledger
from services.runtime.nats_server import EmbeddedServer

from ..conftest import ANSWER, Cli, capture
from .test_erasure import ASKED, IMPORTED, MARKER, SECRET, assert_forgotten, files_holding, tell, tell_unasked


@pytest.fixture
async def older(cli: Cli, log: Log, tmp_path: Path) -> Path:
    """A backup of a log from which the example was erased since."""
    folder = tmp_path / "backups" / "monday"
    await tell(log)
    cli.run("backup", folder)
    await log.publish([capture(ASKED, f"{SECRET} again", example_id="later")])
    for example_id in ("a", "later"):
        told = cli.json("erase", example_id, "--reason", "asked")
        assert told["ledgers"] == [str(tmp_path / "backups" / "erased.jsonl")]
    return folder


async def test_a_restored_backup_lacks_what_was_erased_since(older: Path, tmp_path: Path) -> None:
    new = Cli(tmp_path / "new")
    again = new.json("restore", older)["erased_again"]
    assert (again["messages"], again["is_missing"]) == (9, False)
    await assert_elsewhere(new)
    assert new.json("verify")["status"] == "verified"
    assert new.json("show", "a")["verdict"]["reasons"][-2:] == ["erased", "rejected"]
    file = tmp_path / "chat.jsonl"
    file.write_text(json.dumps(IMPORTED | {"id": "other"}) + "\n" + json.dumps(IMPORTED | {"id": "later"}))
    assert len(new.json("import", file, code=1)["problems"]) == 2
    assert files_holding(new.data_dir, MARKER) == []


async def assert_elsewhere(cli: Cli) -> None:
    with EmbeddedServer(cli.data_dir) as server:
        log = await Log.connect(server.access())
        await assert_forgotten(cli, log)
        await log.close()


async def test_words_erased_since_are_refused_and_swept_after_a_restore(older: Path, tmp_path: Path) -> None:
    before = ledger.beside(older).read_bytes()
    new = Cli(tmp_path / "new")
    new.run("restore", older)
    elsewhere = capture(ASKED, f"{SECRET} again\r\n", example_id="elsewhere")
    with EmbeddedServer(new.data_dir) as server:
        log = await Log.connect(server.access())
        assert "its words were erased" in (await log.publish([elsewhere])).refused[0][1]
        await tell_unasked(log, [elsewhere])
        new.run("stats")
        await assert_forgotten(new, log)
        new.run("backup", older.parent / "tuesday")
        assert ledger.beside(older).read_bytes().startswith(before)
        await log.close()


async def test_an_interrupted_restore_goes_on_where_it_was(older: Path, tmp_path: Path) -> None:
    new = Cli(tmp_path / "new")
    with EmbeddedServer(new.data_dir) as server:
        log = await Log.connect(server.access("admin"), create=False)
        await backups.restore(log, older)
        await log.close()
    assert files_holding(new.data_dir, MARKER) != []
    assert new.json("restore", older)["erased_again"]["messages"] == 9
    await assert_elsewhere(new)
    assert "already holds a log" in new.run("restore", older, code=1).stderr


async def test_a_missing_or_damaged_ledger_is_told(older: Path, tmp_path: Path) -> None:
    path = ledger.beside(older)
    content = path.read_text()
    path.write_text(content.replace("tombstone", "stone", 1))
    damaged = Cli(tmp_path / "damaged")
    assert "erased.jsonl:1 is damaged" in damaged.run("restore", older, code=1).stderr
    assert damaged.json("status")["last_seq"] == 0
    path.unlink()
    new = Cli(tmp_path / "new")
    assert "is missing: what was erased after this backup is back" in new.run("restore", older).stdout
    assert files_holding(new.data_dir, MARKER) != []


async def test_ledgers_of_two_logs_lie_in_one_file(older: Path, tmp_path: Path) -> None:
    other = Cli(tmp_path / "other")
    other.run("capture", "--prompt", "Which slope?", "--response", ANSWER)
    other.run("backup", older.parent / "other")
    lines = ledger.beside(older).read_text().splitlines()
    assert len(lines) == 6
    assert Cli(tmp_path / "new").json("restore", older.parent / "other")["erased_again"]["tombstones"] == 0


async def test_a_ledger_that_cannot_be_written_is_told(cli: Cli, log: Log, tmp_path: Path) -> None:
    await tell(log)
    cli.run("backup", tmp_path / "backups" / "monday")
    (tmp_path / "backups").rename(tmp_path / "moved")
    told = cli.json("erase", "a", "--reason", "asked")
    assert (told["ledgers"], len(told["ledger_problems"])) == ([], 1)
