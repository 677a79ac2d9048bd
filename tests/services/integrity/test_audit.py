"""Audit: an export is proven by the log alone, and what is not what the log gives is named."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from events.facts import Fact, FeedbackGiven
from events.log.log import Log

from ..conftest import ANSWER, NOW, Cli, capture


def liked(count: int, start: int = 0) -> list[Fact]:
    facts: list[Fact] = []
    for n in range(start, start + count):
        facts.append(
            capture(f"Which TPO seam overlap is right on roof number {n}?", f"{n}: {ANSWER}", example_id=f"e{n}")
        )
        facts.append(
            FeedbackGiven(event_id=f"f{n}", occurred_at=NOW, actor="u", example_id=f"e{n}", feedback="positive")
        )
    return facts


async def exported(cli: Cli, log: Log) -> Path:
    await log.publish(liked(30))
    folder = cli.json("export", "--min-examples", "1")["export_path"]
    await log.publish(liked(5, 30))
    return Path(folder)


async def test_another_machine_needs_nothing_but_the_log_and_the_export(cli: Cli, log: Log, tmp_path: Path) -> None:
    folder = await exported(cli, log)
    cli.run("backup", tmp_path / "backup")
    other = Cli(tmp_path / "other")
    other.run("restore", tmp_path / "backup")
    shutil.copytree(folder, tmp_path / "received")
    told = other.json("audit", tmp_path / "received")
    assert (told["status"], told["last_seq"], told["export_digest"]) == ("same", 60, folder.name)
    assert set(told["files"].values()) == {"same"}
    assert not list(other.data_dir.glob("past.*")) + list(other.data_dir.glob("export.*"))


async def test_an_export_is_found_by_the_start_of_its_digest(cli: Cli, log: Log) -> None:
    folder = await exported(cli, log)
    cli.run("export", "--min-examples", "1")
    assert cli.json("audit", folder.name[:8])["export_digest"] == folder.name
    assert "no export is called 'ffff'" in cli.run("audit", "ffff", code=2).stderr


async def test_an_added_row_is_found_even_where_the_manifest_agrees(cli: Cli, log: Log) -> None:
    folder = await exported(cli, log)
    file = folder / "data" / "sft" / "train.jsonl"
    file.write_bytes(file.read_bytes() + b'{"prompt":"p","response":"r","system":"s"}\n')
    told = cli.json("audit", folder, code=1)
    assert {name for name, fate in told["files"].items() if fate != "same"} == {"data/sft/train.jsonl"}
    assert told["files"]["data/sft/train.jsonl"] == "damaged"
    manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["data/sft/train.jsonl"]["sha256"] = "0" * 64
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert cli.json("audit", folder, code=1)["files"]["data/sft/train.jsonl"] == "different"


async def test_names_that_lead_out_of_the_export_are_not_followed(cli: Cli, log: Log, tmp_path: Path) -> None:
    folder = await exported(cli, log)
    secret = tmp_path / "secret"
    secret.write_text("not of the export")
    manifest = json.loads((folder / "manifest.json").read_text())
    strange = ["../../../secret", str(secret), "data/link"]
    (folder / "data" / "link").symlink_to(secret)
    manifest["files"] |= dict.fromkeys(strange, manifest["files"]["data/sft/train.jsonl"])
    (folder / "manifest.json").write_text(json.dumps(manifest))
    told = cli.json("audit", folder, code=1)
    assert {name for name, fate in told["files"].items() if fate == "outside"} == set(strange)


async def test_an_export_of_another_log_says_so(cli: Cli, log: Log) -> None:
    folder = await exported(cli, log)
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"log_digest": "0" * 64}))
    told = cli.run("audit", folder, code=1).stdout
    assert "it was made from another log" in told


async def test_an_export_whose_texts_were_erased_since_says_which(cli: Cli, log: Log, tmp_path: Path) -> None:
    folder = await exported(cli, log)
    shutil.copytree(folder, tmp_path / "kept")
    cli.run("erase", "e3", "--reason", "asked")
    told = cli.json("audit", tmp_path / "kept", code=1)
    assert (told["is_same_log"], told["erased"]) == (True, [7])
    assert "texts of its range were erased since (sequence 7)" in cli.run("audit", tmp_path / "kept", code=1).stdout


async def test_what_is_no_export_is_refused_in_words(cli: Cli, log: Log, tmp_path: Path) -> None:
    assert "is no export of this version" in cli.run("audit", tmp_path, code=2).stderr
