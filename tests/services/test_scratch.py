"""Scratch: what a process writes for a while is gone after it, however it ended."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from services.scratch import OLDER, PREFIX, forget_abandoned, scratch

HOLD = """
import sys, time
from pathlib import Path
from services.scratch import scratch
with scratch(Path(sys.argv[1])) as folder:
    (folder / "text").write_text("a text")
    print(folder, flush=True)
    time.sleep(600)
"""


def test_a_folder_is_gone_after_its_use_or_an_error(tmp_path: Path) -> None:
    with scratch(tmp_path / "data") as first, scratch(tmp_path / "data") as second:
        (first / "text").write_text("a text")
        assert first != second
        assert first.stat().st_mode & 0o077 == 0
    with pytest.raises(FileNotFoundError), scratch(tmp_path / "data") as third:
        (third / "none" / "text").write_text("a text")
    assert not list((tmp_path / "data").iterdir())


def test_only_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLD, tmp_path], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout
        folder = Path(holder.stdout.readline().strip())
        forget_abandoned(tmp_path)
        with scratch(tmp_path) as own:
            forget_abandoned(tmp_path)
            assert own.exists()
            assert (folder / "text").exists()
    finally:
        holder.kill()
        holder.communicate()
    forget_abandoned(tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", [*OLDER, f"{PREFIX}{1}"])
def test_what_older_versions_left_is_removed(tmp_path: Path, name: str) -> None:
    (tmp_path / name / "data").mkdir(parents=True)
    with scratch(tmp_path):
        assert not (tmp_path / name).exists()
    assert not list(tmp_path.iterdir())


def test_without_a_data_directory_nothing_is_to_be_forgotten(tmp_path: Path) -> None:
    forget_abandoned(tmp_path / "none")
    assert not (tmp_path / "none").exists()
