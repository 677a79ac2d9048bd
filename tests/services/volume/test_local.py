"""The volume that settings name, and a directory as the volume."""

from __future__ import annotations

import os
import resource
import tempfile
import time
from pathlib import Path

import pytest

from services import settings
from services.volume import VolumeError, open_trainer, open_volume
from services.volume.local import LEFTOVER_SECONDS, LocalVolume


@pytest.fixture
def volume(tmp_path: Path) -> LocalVolume:
    return LocalVolume(tmp_path / "volume")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "finished.jsonl"
    path.write_text("new\n")
    return path


def test_a_directory_is_the_default_and_nothing_trains_on_it(tmp_path: Path) -> None:
    chosen = settings.load({"data_dir": tmp_path}, {})
    volume = open_volume(chosen)
    assert isinstance(volume, LocalVolume)
    assert volume.name == str(tmp_path / "volume")
    assert open_trainer(chosen) is None


@pytest.mark.parametrize(
    ("variable", "value"),
    [("ROOFLOG_SINK", "s3"), ("ROOFLOG_MODAL_SECONDS", "soon"), ("ROOFLOG_MODAL_SECONDS", "0")],
)
def test_a_wrong_setting_is_refused_with_its_name(variable: str, value: str) -> None:
    with pytest.raises(settings.SettingsError, match=f"{variable} = '{value}': give"):
        settings.load({}, {variable: value})


async def test_what_was_written_is_listed_and_read(volume: LocalVolume, source: Path) -> None:
    progress: list[tuple[int, int]] = []
    files = {"exports/a/sft.jsonl": source, "training_conversations.jsonl": source}
    await volume.write(files, report=lambda done, total: progress.append((done, total)))
    assert progress == [(4, 8), (8, 8)]
    assert await volume.listing() == {"exports/a/sft.jsonl": 4, "training_conversations.jsonl": 4}
    assert await volume.listing("exports/a") == {"exports/a/sft.jsonl": 4}
    assert await volume.read("exports/a/sft.jsonl") == b"new\n"


async def test_what_is_not_there_is_nothing(volume: LocalVolume, source: Path) -> None:
    assert await volume.listing() == {}
    assert await volume.listing("exports") == {}
    assert await volume.read("latest.json") is None
    await volume.write({"exports/a/sft.jsonl": source})
    assert await volume.read("exports/a") is None
    assert await volume.read("exports/a/sft.jsonl/below") is None


async def test_removing_is_idempotent(volume: LocalVolume, source: Path) -> None:
    await volume.write({"exports/a/sft.jsonl": source, "exports/b/sft.jsonl": source, "latest.json": source})
    for _ in range(2):
        await volume.remove("exports/a", recursive=True)
        await volume.remove("latest.json")
        assert await volume.listing() == {"exports/b/sft.jsonl": 4}


async def test_the_files_written_have_names_of_their_own(volume: LocalVolume, source: Path) -> None:
    await volume.write({"exports/a/sft.jsonl": source, "training_conversations.jsonl": source})
    with (volume.root / "training_conversations.jsonl").open("a") as file:
        file.write("somebody's own line\n")
    source.write_text("later\n")
    assert await volume.read("exports/a/sft.jsonl") == b"new\n"


async def test_a_file_that_may_be_moved_is_not_copied(volume: LocalVolume, source: Path) -> None:
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


async def test_a_file_that_cannot_be_finished_leaves_the_old_one(volume: LocalVolume, source: Path) -> None:
    await volume.write({"training_conversations.jsonl": source})
    directory = source.parent / "directory"
    directory.mkdir()
    with pytest.raises(VolumeError, match=r"cannot write training_conversations.jsonl in .*untouched") as caught:
        await volume.write({"training_conversations.jsonl": directory})
    assert not caught.value.retryable
    assert await volume.read("training_conversations.jsonl") == b"new\n"
    assert [path.name for path in volume.root.iterdir()] == ["training_conversations.jsonl"]


async def test_a_write_that_breaks_off_in_the_middle_leaves_the_old_file(volume: LocalVolume, source: Path) -> None:
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


async def test_a_source_that_is_missing_is_named(volume: LocalVolume, tmp_path: Path) -> None:
    with pytest.raises(VolumeError, match=r"No such file or directory \(.*gone.jsonl\)"):
        await volume.write({"latest.json": tmp_path / "gone.jsonl"})


@pytest.mark.parametrize("path", ["", "/etc/passwd", "../outside", "exports/../../outside"])
async def test_nothing_outside_the_volume_is_touched(volume: LocalVolume, source: Path, path: str) -> None:
    for step in (volume.write({path: source}), volume.read(path), volume.remove(path, recursive=True)):
        with pytest.raises(VolumeError, match="is no path on a volume"):
            await step


async def test_leftovers_of_a_killed_process_are_not_listed_and_vanish(volume: LocalVolume, source: Path) -> None:
    volume.root.mkdir()
    fresh, old = (volume.root / f".latest.json.{pid}.part" for pid in (1, 2))
    for path in (fresh, old):
        path.write_text("half")
    long_ago = time.time() - LEFTOVER_SECONDS - 1
    os.utime(old, (long_ago, long_ago))
    assert await volume.listing() == {}
    await volume.write({"latest.json": source})
    assert (fresh.exists(), old.exists()) == (True, False)
