"""Commands that say facts: what an import tells, and how it ends."""

from __future__ import annotations

from pathlib import Path

from ..conftest import Cli

IMPORTS = Path(__file__).parents[1] / "imports"


def test_a_dry_run_tells_what_an_import_would_do(cli: Cli) -> None:
    foreseen = cli.json("import", "--dry-run", IMPORTS / "spans.jsonl")
    assert (foreseen["status"], foreseen["new"]) == ("previewed", 3)
    assert foreseen["kinds"]["example.captured.v1"]["count"] == 3
    assert "nothing was imported" in cli.run("import", "--dry-run", IMPORTS / "spans.jsonl").stdout
    assert cli.json("import", IMPORTS / "spans.jsonl")["new"] == 3
    assert cli.json("import", IMPORTS / "spans.jsonl")["existing"] == 3


def test_an_import_of_nothing_names_the_known_formats(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    assert "known formats are store" in cli.run("import", tmp_path / "folder", code=1).stdout
    assert cli.json("import", "-", stdin="\n", code=1)["status"] == "nothing_imported"
    assert "is no regular file" in cli.run("import", "/dev/zero", code=2).stderr
