"""The unit of systemd, as far as systemd can check it without starting it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[2] / "deploy" / "systemd" / "rooflog.service"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace("/opt/rooflog/bin/rooflog", "/bin/true"))
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", copy], capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.parametrize(
    "setting",
    [
        "DynamicUser=yes", "NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet=",
        "StateDirectory=rooflog", "Restart=on-failure", "TimeoutStopSec=90",
    ],
)  # fmt: skip
def test_the_unit_is_closed(setting: str) -> None:
    assert setting in UNIT.read_text().splitlines()
