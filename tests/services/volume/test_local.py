"""A directory as the volume: whole files, on disk before they count."""

from __future__ import annotations

import os
import resource
import tempfile
import time
from pathlib import Path

import pytest

from services.volume import VolumeError
from services.volume.local import LEFTOVER_SECONDS, LocalVolume


@pytest.fixture
def volume(tmp_path: Path) -> LocalVolume:
    return LocalVolume(tmp_path / "volume")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "finished.jsonl"
    path.write_text("new\n")
    return path


async def test_a_directory_is_no_file(volume: LocalVolume, source: Path) -> None:
    await volume.write({"exports/a/sft.jsonl": source})
    assert await volume.read("exports/a") is None
    assert await volume.read("exports/a/sft.jsonl/below") is None


async def test_files_of_one_source_are_files_apart(volume: LocalVolume, source: Path) -> None:
    await volume.write({"exports/a/sft.jsonl": source, "training_conversations.jsonl": source})
    with (volume.root / "training_conversations.jsonl").open("a") as file:
        file.write("somebody's own line\n")
    assert await volume.read("exports/a/sft.jsonl") == b"new\n"


async def test_a_file_that_may_be_moved_is_renamed(volume: LocalVolume, source: Path) -> None:
    inode = source.stat().st_ino
    await volume.write({"exports/a/sft.jsonl": source}, move=True)
    assert not source.exists()
    assert (volume.root / "exports/a/sft.jsonl").stat().st_ino == inode
    assert await volume.listing() == {"exports/a/sft.jsonl": 4}


async def test_a_file_of_another_file_system_is_copied(volume: LocalVolume) -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as elsewhere:
        source = Path(elsewhere, "finished.jsonl")
        source.write_text("new\n")
        assert source.stat().st_dev != volume.root.parent.stat().st_dev
        await volume.write({"latest.json": source}, move=True)
    assert await volume.read("latest.json") == b"new\n"


async def test_an_unfinished_file_leaves_the_old_file(volume: LocalVolume, source: Path) -> None:
    await volume.write({"training_conversations.jsonl": source})
    directory = source.parent / "directory"
    directory.mkdir()
    with pytest.raises(VolumeError, match=r"cannot write training_conversations.jsonl in .*untouched") as caught:
        await volume.write({"training_conversations.jsonl": directory})
    assert not caught.value.retryable
    assert await volume.read("training_conversations.jsonl") == b"new\n"
    assert [path.name for path in volume.root.iterdir()] == ["training_conversations.jsonl"]


async def test_a_write_that_breaks_off_leaves_the_old_file(volume: LocalVolume, source: Path) -> None:
    await volume.write({"latest.json": source})
    source.write_bytes(b"x" * 100_000)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        with pytest.raises(VolumeError, match=r"cannot write latest.json .*File too large"):
            await volume.write({"latest.json": source})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert await volume.read("latest.json") == b"new\n"
    assert await volume.listing() == {"latest.json": 4}


async def test_leftovers_of_a_killed_process_vanish(volume: LocalVolume, source: Path) -> None:
    volume.root.mkdir()
    fresh, old = (volume.root / f".latest.json.{pid}.part" for pid in (1, 2))
    for path in (fresh, old):
        path.write_text("half")
    long_ago = time.time() - LEFTOVER_SECONDS - 1
    os.utime(old, (long_ago, long_ago))
    assert await volume.listing() == {}
    await volume.write({"latest.json": source})
    assert (fresh.exists(), old.exists()) == (True, False)


async def test_tidying_removes_leftovers_however_fresh(volume: LocalVolume, source: Path) -> None:
    await volume.write({"exports/a/sft.jsonl": source})
    leftover = volume.root / "exports/a/.sft.jsonl.1.part"
    leftover.write_text("half")
    await volume.tidy()
    assert not leftover.exists()
