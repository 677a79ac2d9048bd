"""docs/guide/first-day.md: its commands lead from an answer to a row of training data."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.docs import DOCS
from tests.docs.pages import read

from ..conftest import Cli

PAGE = read(DOCS / "guide" / "first-day.md")


def test_commands_of_the_first_day_make_a_training_row(cli: Cli, tmp_path: Path) -> None:
    path = f"{Path(sys.executable).parent}:{cli.environment['PATH']}"
    script = "\n".join(["set -eu -o pipefail", *PAGE.scripts])
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path,
        env=cli.environment | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    files = (tmp_path / "volume").glob("exports/*/data/sft/*.jsonl")
    rows = [json.loads(line) for file in files for line in file.read_text("utf-8").splitlines()]
    assert [row["response"] for row in rows] == [(tmp_path / "better.txt").read_text("utf-8")]
