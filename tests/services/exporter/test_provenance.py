"""Provenance: every line of every file leads to its example and facts, and the example back to the line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from events.facts import ExampleCaptured, TrainingTriggered
from events.log.log import Log
from services.exporter import formats
from services.exporter.formats import FORMATS
from services.exporter.manifest import ROOT_FILE
from services.exporter.provenance import Provenance, UnknownRow
from services.settings import Settings
from services.state.client import open_state
from services.volume.local import LocalVolume

from ..conftest import ANSWER, NOW
from .test_exporter import corrected, export, feedback, liked


async def tell(log: Log, data_dir: Path, *asked: str, limit: int = 100) -> list[dict[str, Any]]:
    async with open_state(Settings(data_dir=data_dir), log) as state:
        provenance = await Provenance.of(state, LocalVolume(data_dir / "volume"))
        return [await provenance.of_anything(one, limit) for one in asked]


async def story(log: Log) -> None:
    """Liked answers, two that were corrected, one that was disliked."""
    await liked(log, 20)
    await log.publish(
        [corrected(f"e{n}", f"How do we flash roof curb {n} with TPO?", f"{n}: {ANSWER}") for n in (3, 4)]
    )
    await log.publish([feedback("e5", "negative")])


async def test_lines_lead_to_examples_and_back(log: Log, tmp_path: Path) -> None:
    await story(log)
    home = Path((await export(log, tmp_path))["export_path"])
    texts: dict[str, Any] = {}
    for path in (home / "data").rglob("*.jsonl"):
        lines = path.read_text("utf-8").split("\n")[:-1]
        texts |= {f"{path.relative_to(home)}:{n}": json.loads(line) for n, line in enumerate(lines, 1)}
    assert len(texts) > 60
    found = dict(zip(texts, await tell(log, tmp_path, *texts), strict=True))
    messages = {m.seq: m.fact() async for batch in log.read(0) for m in batch}
    for row, told in found.items():
        assert row in told["exports"][0]["lines"]
        facts = [messages[fact["seq"]] for fact in told["facts"]]
        assert [fact.actor for fact in facts] == [fact["actor"] for fact in told["facts"]]
        assert isinstance(facts[0], ExampleCaptured)
        question = facts[0].prompt
        asked = texts[row]["prompt"] if "prompt" in texts[row] else texts[row]["messages"][1]["content"]
        assert asked == question or asked[1]["content"] == question
        assert told["export"]["policy_digest"] == json.loads((home / "manifest.json").read_bytes())["policy_digest"]
    examples = {told["example_id"] for told in found.values()}
    back = {line for told in await tell(log, tmp_path, *examples) for line in told["in"][0]["lines"]}
    assert back == set(texts)


async def test_the_root_file_holds_the_training_rows(log: Log, tmp_path: Path) -> None:
    await story(log)
    volume = Path((await export(log, tmp_path))["output_path"]).parent
    line = json.loads((volume / ROOT_FILE).read_text("utf-8").splitlines()[6])
    (told,) = await tell(log, tmp_path, f"{ROOT_FILE}:7")
    (same,) = await tell(log, tmp_path, f"{volume / ROOT_FILE}:7")
    assert told == same
    assert told["reviewer"] == told["facts"][-1]["actor"]
    assert line["prompt"].removeprefix("How do we flash roof curb ").startswith(told["example_id"].strip("efix-"))


async def test_paths_and_digests_lead_to_their_export(log: Log, tmp_path: Path) -> None:
    await liked(log, 12)
    old = await export(log, tmp_path)
    await log.publish([feedback("e0", "negative")])
    new = await export(log, tmp_path)
    digest = old["export_digest"]
    asked = [f"{old['export_path']}/data/sft/train.jsonl:1", f"exports/{digest}/data/sft/train.parquet:1",
             f"{digest[:10]}:{ROOT_FILE}:1", f"{ROOT_FILE}:1"]  # fmt: skip
    told = await tell(log, tmp_path, *asked)
    assert [one["export"]["export_digest"] for one in told] == [digest, digest, digest, new["export_digest"]]
    assert told[0]["example_id"] == told[1]["example_id"] == told[2]["example_id"]
    (of_export,) = await tell(log, tmp_path, digest[:10], limit=3)
    assert [row["seq"] for row in of_export["rows"]] == sorted(row["seq"] for row in of_export["rows"])
    assert (of_export["export"]["export_digest"], len(of_export["rows"])) == (digest, 3)


async def test_trainings_are_told_with_rows_examples_and_exports(log: Log, tmp_path: Path) -> None:
    await liked(log, 8)
    digest = (await export(log, tmp_path))["export_digest"]
    said = {"occurred_at": NOW, "actor": "exporter", "export_digest": digest}
    await log.publish(
        [
            TrainingTriggered(event_id="t1", outcome="intended", **said),
            TrainingTriggered(event_id="t2", outcome="started", call_id="fc-1", **said),
            TrainingTriggered(event_id="t3", outcome="succeeded", call_id="fc-1", detail="loss 0.1", **said),
        ]
    )
    row, example, of_export = await tell(log, tmp_path, f"{ROOT_FILE}:2", "e1", digest)
    for trainings in (row["exports"][0]["trainings"], example["in"][0]["trainings"], of_export["export"]["trainings"]):
        assert [(t["outcome"], t["call_id"], t["detail"]) for t in trainings] == [("succeeded", "fc-1", "loss 0.1")]


async def test_an_older_export_has_lines_of_its_own_formats(
    log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given an export of a version that had no `messages`, then nothing points to such a file of it."""
    then = tuple(format_ for format_ in FORMATS if format_.name != "messages")
    monkeypatch.setattr(formats, "FORMATS", then)
    await liked(log, 4)
    await export(log, tmp_path)
    (row,) = await tell(log, tmp_path, "data/sft/train.jsonl:1")
    assert row["lines"] == [
        "data/sft/train.jsonl:1",
        *[line for line in row["lines"] if "/kto/" in line or "/prompt_" in line],
    ]
    with pytest.raises(UnknownRow, match="was made without messages"):
        await tell(log, tmp_path, "data/messages/train.jsonl:1")


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        (f"{ROOT_FILE}:9999", "has no line 9999"),
        ("other.jsonl:1", "other.jsonl is no file with rows"),
        ("deadbeef:data/sft/train.jsonl:1", "the log knows no export deadbeef"),
        (f"exports/{'0' * 64}/data/sft/train.jsonl:1", "the log knows no export 0000"),
    ],
)
async def test_unknown_rows_are_refused_with_reasons(log: Log, tmp_path: Path, asked: str, error: str) -> None:
    await liked(log, 4)
    await export(log, tmp_path)
    with pytest.raises(UnknownRow, match=error):
        await tell(log, tmp_path, asked)


async def test_the_examples_of_an_export_go_on_page_by_page(log: Log, tmp_path: Path) -> None:
    await story(log)
    digest = Path((await export(log, tmp_path))["export_path"]).name
    async with open_state(Settings(data_dir=tmp_path), log) as state:
        provenance = await Provenance.of(state, LocalVolume(tmp_path / "volume"))
        whole = await provenance.of_anything(digest, 200)
        walked, after = [], 0
        while after is not None:
            page = await provenance.of_anything(digest, 3, after)
            walked += page["rows"]
            after = page["after"]
    assert walked == whole["rows"]
    assert len(walked) > 3
