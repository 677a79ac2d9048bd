"""docs/guide/gateway.md: its commands work as they stand there, and it knows every call and every code."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from services.web.errors import CODES
from tests.docs import DOCS
from tests.docs.generated import openapi
from tests.docs.pages import read

from .conftest import Site, until

PAGE = read(DOCS / "guide" / "gateway.md")
GUIDE = PAGE.text


def test_the_commands_of_the_guide_work_as_they_stand_there(site: Site, tmp_path: Path) -> None:
    assert len(PAGE.scripts) >= 8
    token = site.tokens.add("assistant", "publisher", trusted=True)
    environment = {"ROOFLOG": site.url, "TOKEN": token, "REVIEWER": site.secrets["reviewer"]}
    client = site.client("auditor")
    for block in PAGE.scripts:
        script = f"set -eu -o pipefail\n{block}"
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=tmp_path,
            env=site.cli.environment | environment | {"no_proxy": "127.0.0.1"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
        until(lambda: client.get("/api/v1/status").json()["projector"]["behind"] == 0)
    assert "rooflog_behind_seconds 0.0" in done.stdout


@pytest.mark.parametrize("path", [p.removeprefix("/api/v1") for p in openapi()["paths"] if "/session" not in p])
def test_the_guide_or_the_reference_knows_every_call(path: str) -> None:
    word = path.rstrip("/").rsplit("/", 1)[1].replace("{example_id}", "examples").replace("{job}", "job")
    assert word in GUIDE


def test_the_guide_knows_every_code() -> None:
    assert [code for code in CODES.values() if code not in GUIDE and code not in ("conflict", "unavailable")] == []
