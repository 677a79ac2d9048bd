"""Describing an example, listing tags, renaming one everywhere, and deciding on everything that carries one."""

from __future__ import annotations

import json
from pathlib import Path

from ..conftest import ANSWER, Cli


def test_an_example_is_described_by_whoever_looks_at_it(cli: Cli) -> None:
    example = cli.json("capture", "--prompt", "Minimum slope?", "--response", ANSWER, "--tag", "TPO", "--tag", " tpo ")
    example_id = example["example_id"]
    cli.json("approve", example_id)
    shown = cli.json("show", example_id)
    assert (shown["tags"].count("tpo"), shown["include_in_training"]) == (1, True)
    described = cli.json(
        *("describe", example_id, "--tag", "Lap  Seam", "--untag", "TPO", "--project", "Depot", "--exclude"),
        *("--reason", "another job"),
    )
    assert "lap seam" in described["tags"]
    assert "tpo" not in described["tags"]
    shown = cli.json("show", example_id)
    assert (shown["project_context"], shown["verdict"]["reasons"]) == ("Depot", ["excluded_by_author"])
    cli.json("describe", example_id, "--include")
    assert cli.json("show", example_id)["verdict"] == {"in_training": True, "reasons": []}
    assert "described as it was" in cli.json("describe", example_id, "--include", code=2)["error"]
    assert "it has no tag" in cli.json("describe", example_id, "--untag", "pvc", code=2)["error"]
    assert "has no words" in cli.json("describe", example_id, "--tag", " ", code=2)["error"]
    stale = cli.json("describe", example_id, "--tag", "x", "--revision", "2", code=1)["error"]
    assert "Depot" in stale
    assert "described by" in cli.run("history", example_id).stdout
    assert "has no words" in cli.json("capture", "--prompt", "a", "--response", "b", "--tag", "", code=2)["error"]


def test_a_tag_is_renamed_everywhere_and_nothing_is_done_twice(cli: Cli, tmp_path: Path) -> None:
    cli.json("import", str(store(tmp_path, count=1_100)))
    assert cli.json("tags", "rename", "Pitch Pan", "pocket", "--dry-run")["total"] == 1_100
    assert "no example has the tag" in cli.json("tags", "rename", "pocket", "x", code=2)["error"]
    renamed = cli.json("tags", "rename", "Pitch  Pan", "Pocket")
    assert (renamed["old"], renamed["new"], renamed["described"]) == ("pitch pan", "pocket", 1_100)
    totals = {item["tag"]: item["total"] for item in cli.json("tags", "list")["items"]}
    assert totals["pocket"] == 1_100
    assert "pitch pan" not in totals
    assert "one tag" in cli.json("tags", "rename", "pocket", "POCKET", code=2)["error"]
    assert cli.json("import", str(store(tmp_path, count=1_100)))["changed"] == 0


def test_everything_that_carries_a_tag_is_decided_on(cli: Cli, tmp_path: Path) -> None:
    cli.json("import", str(store(tmp_path, count=1_100)))
    assert len(cli.json("approve", "--tag", "Pitch Pan")["approved"]) == 1_100
    assert cli.json("approve", "--tag", "Pitch Pan")["approved"] == []


def test_everything_that_carries_a_tag_is_rejected(cli: Cli, tmp_path: Path) -> None:
    cli.json("import", str(store(tmp_path, count=1_100)))
    assert len(cli.json("reject", "--tag", "pitch pan", "--reason", "old code")["rejected"]) == 1_100


def store(folder: Path, count: int) -> Path:
    """A file of the old store whose examples carry one tag."""
    path = folder / "examples.jsonl"
    lines = (
        {
            "id": f"train_{n}", "timestamp": "2025-03-18T14:00:00", "source": "chat_interaction",
            "prompt": f"How deep is pitch pan number {n} on a TPO roof?", "response": f"{ANSWER} That is {n} of them.",
            "tags": ["pitch pan"],
        }
        for n in range(count)
    )  # fmt: skip
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path
