"""Backup and restore: the same log elsewhere, proven, or nothing at all."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

from events.log.log import Log, Message
from services.integrity import backup as backups
from services.runtime.nats_server import EmbeddedServer

from ..conftest import Cli, capture


async def read(log: Log) -> list[Message]:
    return [message async for batch in log.read(0) for message in batch]


async def restored(folder: Path, data_dir: Path) -> list[Message]:
    Cli(data_dir).run("restore", folder)
    with EmbeddedServer(data_dir) as server:
        log = await Log.connect(server.url)
        messages = await read(log)
        await log.close()
    return messages


async def test_a_restored_log_keeps_sequences_subjects_times_and_gaps(cli: Cli, log: Log, tmp_path: Path) -> None:
    await log.publish([capture(response=f"{n} TPO roof " * 500, example_id=f"e{n}") for n in range(300)])
    cli.run("erase", "e7", "--reason", "asked")
    told = cli.json("backup", tmp_path / "backup")
    assert (told["last_seq"], told["messages"]) == (301, 300)
    assert await restored(tmp_path / "backup", tmp_path / "new") == await read(log)
    digests = [Cli(folder).json("status", "--digest")["content_digest"] for folder in (cli.data_dir, tmp_path / "new")]
    assert digests[0] == digests[1]
    assert Cli(tmp_path / "new").json("verify")["log_digest"] == told["log_digest"]


async def test_a_log_under_writes_is_backed_up_to_one_moment(log: Log, tmp_path: Path) -> None:
    done = False

    async def load() -> None:
        while not done:
            await log.publish([capture() for _ in range(50)])

    loading = asyncio.create_task(load())
    while await log.last_sequence() < 500:
        await asyncio.sleep(0)
    made = await backups.backup(log, tmp_path / "backup")
    done = True
    await loading
    messages = await restored(tmp_path / "backup", tmp_path / "new")
    assert len(messages) == made.last_seq
    assert messages == (await read(log))[: made.last_seq]


async def test_a_changed_backup_is_refused_and_leaves_no_log(cli: Cli, log: Log, tmp_path: Path) -> None:
    await log.publish([capture() for _ in range(20)])
    folder = tmp_path / "backup"
    cli.run("backup", folder)
    snapshot, manifest = folder / "stream.snapshot", folder / "backup.json"
    whole = snapshot.read_bytes()
    new = Cli(tmp_path / "new")
    snapshot.write_bytes(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])
    assert "was changed after the backup" in new.run("restore", folder, code=1).stderr
    snapshot.write_bytes(whole)
    said = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(said | {"log_digest": "0" * 64}))
    assert "nothing was kept" in new.run("restore", folder, code=1).stderr
    manifest.write_text("{")
    assert "is damaged" in new.run("restore", folder, code=1).stderr
    manifest.write_text(json.dumps(said))
    assert new.json("status")["last_seq"] == 0
    assert new.json("restore", folder)["last_seq"] == 20


async def test_nothing_is_overwritten(cli: Cli, log: Log, tmp_path: Path) -> None:
    await log.publish([capture()])
    cli.run("backup", tmp_path / "backup")
    assert "give every backup a folder of its own" in cli.run("backup", tmp_path / "backup", code=2).stderr
    assert "already holds a log up to sequence 1" in cli.run("restore", tmp_path / "backup", code=1).stderr
    assert await log.last_sequence() == 1


def test_a_folder_without_a_whole_backup_is_refused(cli: Cli, tmp_path: Path) -> None:
    assert "backup.json is missing" in cli.run("restore", tmp_path / "nowhere", code=2).stderr


async def test_a_log_with_a_gap_is_backed_up_and_reported(cli: Cli, log: Log, tmp_path: Path) -> None:
    await log.publish([capture() for _ in range(3)])
    await log.erase(2)
    told = cli.run("backup", tmp_path / "backup").stdout
    assert "missing: 1 message;" in told
    assert backups.load(tmp_path / "backup").missing == [2]
    assert [message.is_missing for message in await restored(tmp_path / "backup", tmp_path / "new")] == [
        False,
        True,
        False,
    ]


async def test_a_changed_byte_in_a_backup_is_named_by_sequence(cli: Cli, log: Log, tmp_path: Path) -> None:
    """Whoever alters a backup with its manifest gets it restored; the projector's record tells what they did."""
    await log.publish([capture(f"Which TPO seam overlap is number {n}?") for n in range(40)])
    cli.run("verify")
    with EmbeddedServer(tmp_path / "forger") as server:
        forged = await Log.connect(server.url)
        for message in await read(log):
            data = message.data.replace(b"overlap", b"overlaq") if message.seq == 23 else message.data
            await forged.client.jetstream().publish(message.subject, data)
        await forged.close()
    Cli(tmp_path / "forger").run("backup", tmp_path / "backup")
    victim = Cli(tmp_path / "victim")
    victim.run("restore", tmp_path / "backup")
    shutil.copy(cli.data_dir / "rooflog.duckdb", victim.data_dir)
    problems = victim.json("verify", code=1)["problems"]
    assert [(p["seq"], p["kind"]) for p in problems] == [(23, "changed")]
