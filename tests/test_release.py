"""A release: wheels whose bytes follow from the commit, the changes of its version, and checksums."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from .release import ROOT, SUMS, changes, checksums, version, wheels

CHANGELOG = "# Changelog\n\n## 0.3.0 - unreleased\n\n- new\n\n## 0.2.0 - 2026-01-01\n\n- old\n"


@pytest.mark.slow
def test_wheels_are_the_same_bytes_again(tmp_path: Path) -> None:
    made = [wheels(tmp_path / name) for name in ("first", "second")]
    assert [path.name.partition("-")[0] for path in made[0]] == ["rooflog_client", "rooflog_server"]
    assert [path.read_bytes() for path in made[0]] == [path.read_bytes() for path in made[1]]


def test_the_changes_are_those_of_the_version() -> None:
    assert changes(CHANGELOG, "0.2.0") == "## 0.2.0 - 2026-01-01\n\n- old\n"
    assert changes(CHANGELOG, "0.3.0") == "## 0.3.0 - unreleased\n\n- new\n"
    with pytest.raises(SystemExit, match=r"no section 0\.4\.0"):
        changes(CHANGELOG, "0.4.0")
    assert "### Added" in changes((ROOT / "CHANGELOG.md").read_text("utf-8"), version())


def test_the_checksums_are_those_of_the_tool(tmp_path: Path) -> None:
    (tmp_path / "CHANGES.md").write_text("changes\n")
    (tmp_path / SUMS).write_text(checksums(tmp_path))
    subprocess.run(["sha256sum", "--check", "--strict", SUMS], cwd=tmp_path, check=True, capture_output=True)
