"""Rules about the files themselves; the direction of imports is checked by import-linter."""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LISTING = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
TRACKED = subprocess.run(LISTING, cwd=ROOT, capture_output=True, text=True, check=False).stdout.splitlines()
FILES = [name for name in TRACKED if (ROOT / name).exists()]
MODULES = [name for name in FILES if name.endswith(".py")]
SCRIPTS = [name for name in FILES if name.endswith(".js")]
PAGES = [*SCRIPTS, *(name for name in FILES if name.endswith((".css", ".d.ts")))]


@pytest.mark.skipif(not TRACKED, reason="this copy of the files is no git repository")
def test_no_file_names_anything_beside_the_repository() -> None:
    beside = b"../" + b"shared"
    assert [name for name in TRACKED if (ROOT / name).is_file() and beside in (ROOT / name).read_bytes()] == []


@pytest.mark.parametrize("name", MODULES)
def test_every_module_says_what_it_is_for(name: str) -> None:
    source = (ROOT / name).read_text("utf-8")
    assert not source.strip() or ast.get_docstring(ast.parse(source)), f"{name} begins with no docstring"


@pytest.mark.parametrize("name", PAGES)
def test_no_line_of_the_pages_is_too_long(name: str) -> None:
    lines = (ROOT / name).read_text("utf-8").splitlines()
    assert [line for line in lines if len(line) > 120] == [], f"{name}: the formatter cannot break comments and strings"


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_script_of_the_pages_says_what_it_is_for(name: str) -> None:
    assert (ROOT / name).read_text("utf-8").startswith(("/**", "//")), f"{name} begins with no comment"
