"""Exports: the same bytes for the same facts and policy, whole files or none, nothing written where nothing changed."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq
import pytest

from events.facts import CorrectionRecorded, ExampleErased, FeedbackGiven, PolicyAdopted
from events.log.log import Log
from events.subjects import new_event_id
from projections.policy.policy import Policy, default, from_document
from services.exporter import writer
from services.exporter.formats import FORMATS
from services.exporter.manifest import LATEST, MANIFEST, ROOT_FILE
from services.exporter.workflow import opened
from services.settings import Settings
from services.state.client import State, open_state
from services.state.owner import Owner
from services.volume import VolumeError
from services.volume.local import LocalVolume
from tests.deadlines import FAR_SECONDS

from ..conftest import ANSWER, NOW, address, capture

PHONE = " Call 312-555-0142 for it."
SECRETS = (PHONE, "bo@example.com", "a-marker-of-what-was-erased", "a-marker-of-what-its-author-excluded")


async def liked(log: Log, count: int, start: int = 0) -> None:
    said: list[Any] = []
    for n in range(start, start + count):
        said.append(capture(f"How do we flash roof curb {n} with TPO?", f"{n}: {ANSWER}", example_id=f"e{n}"))
        said.append(feedback(f"e{n}"))
    await log.publish(said)


def feedback(example_id: str, rating: Any = "positive") -> FeedbackGiven:
    return FeedbackGiven(
        event_id=f"{rating}-{example_id}", occurred_at=NOW, actor="u", example_id=example_id, feedback=rating
    )


def corrected(example_id: str | None, prompt: str, wrong: str, right: str = f"Better. {ANSWER}") -> CorrectionRecorded:
    return CorrectionRecorded(
        event_id=f"fix-{example_id or new_event_id()}",
        occurred_at=NOW,
        actor="pm",
        example_id=example_id,
        original_prompt=prompt,
        original_response=wrong,
        corrected_response=right,
    )


def adopted(policy: Policy) -> PolicyAdopted:
    return PolicyAdopted(
        event_id=f"p-{policy.digest[:8]}", occurred_at=NOW, actor="op", policy=policy.document(), digest=policy.digest
    )


async def export(log: Log, data_dir: Path, **args: Any) -> dict[str, Any]:
    settings = Settings(data_dir=data_dir)
    async with open_state(settings, log) as state, opened(settings, log, state, "tester") as steps:
        return await steps.export({"min_examples": 1} | args, None)


def files(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


async def test_the_root_file_has_the_keys_the_trainer_reads(log: Log, tmp_path: Path) -> None:
    await liked(log, 30)
    answer = await export(log, tmp_path)
    lines = [json.loads(line) for line in Path(answer["output_path"]).read_text("utf-8").splitlines()]
    assert {tuple(line) for line in lines} == {("prompt", "response", "system")}
    numbers = [int(line["response"].split(":")[0]) for line in lines]
    assert numbers == sorted(numbers)
    split = answer["counts"]["sft"]
    assert len(lines) == split["train"] == 30 - split["eval"] < 30
    assert (answer["status"], answer["total_raw"], answer["corrections"], answer["after_filtering"]) == (
        "exported", 30, 0, 30,
    )  # fmt: skip


async def test_the_manifest_describes_every_file_and_names_the_export(log: Log, tmp_path: Path) -> None:
    await liked(log, 12)
    await log.publish(
        [corrected("e3", "How do we flash roof curb 3 with TPO?", f"3: {ANSWER}"), feedback("e4", "negative")]
    )
    answer = await export(log, tmp_path)
    home = Path(answer["export_path"])
    told = (home / MANIFEST).read_bytes()
    assert home.name == answer["export_digest"] == hashlib.sha256(told).hexdigest()
    manifest = json.loads(told)
    found = {name: data for name, data in files(home).items() if name != MANIFEST}
    assert {name: (hashlib.sha256(data).hexdigest(), len(data)) for name, data in found.items()} == {
        name: (file["sha256"], file["bytes"]) for name, file in manifest["files"].items()
    }
    for name, file in manifest["files"].items():
        if name.endswith(".jsonl"):
            assert len(found[name].splitlines()) == file["rows"] == manifest["files"][f"{name[:-5]}parquet"]["rows"]
        elif name.endswith(".parquet"):
            assert pq.read_metadata(home / name).num_rows == file["rows"]
    assert hashlib.sha256(found["policy.json"]).hexdigest() == manifest["policy_digest"]
    assert (manifest["first_seq"], manifest["last_seq"]) == (1, 26)
    latest = json.loads((tmp_path / "volume" / LATEST).read_bytes())
    assert latest["digest"] == answer["export_digest"]
    assert latest["root_sha256"] == hashlib.sha256((tmp_path / "volume" / ROOT_FILE).read_bytes()).hexdigest()


async def test_the_same_facts_give_the_same_bytes_on_any_machine(log: Log, server: Any, tmp_path: Path) -> None:
    """Other batches, pages, time zone, locale and hash seed: identical directories."""
    await liked(log, 90)
    await log.publish(
        [corrected(f"e{n}", f"How do we flash roof curb {n} with TPO?", f"{n}: {ANSWER}") for n in range(9)]
    )
    await log.publish([feedback(f"e{n}", "negative") for n in range(20, 40)])
    until = await log.last_sequence()
    roots = []
    for batch, page, zone, seed in [(7, 5, "Asia/Kolkata", "1"), (1000, 20_000, "America/Los_Angeles", "77")]:
        home = tmp_path / zone.replace("/", "-")
        args = [address(server), str(home), str(batch), str(page), str(until)]
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "tests.services.exporter.exporter_elsewhere", *args],
            env=os.environ | {"TZ": zone, "PYTHONHASHSEED": seed, "LC_ALL": "C"},
            capture_output=True, text=True, timeout=FAR_SECONDS, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        roots.append(home / "volume")
    assert len(files(roots[0])) > 15
    assert files(roots[0]) == files(roots[1])


async def test_parquet_bytes_do_not_depend_on_pages(log: Log, tmp_path: Path, monkeypatch: Any) -> None:
    """Row groups are counted from the first row, so that pages and groups end where they end."""
    monkeypatch.setattr("services.exporter.files.ROW_GROUP", 16)
    await liked(log, 70)
    owner = Owner(tmp_path / "x.duckdb")
    state = State(log, owner, None)
    digests = set()
    for size in (1, 3, 16, 50, 100):
        monkeypatch.setattr("projections.queries.training_set.PAGE", size)
        async with state.training_set() as (head, batches):
            digests.add((await writer.write(tmp_path / f"s{size}", head, batches))[0])
    assert len(digests) == 1
    assert pq.ParquetFile(tmp_path / "s1" / "lineage.parquet").num_row_groups == 5
    owner.close()


async def test_withheld_texts_are_in_no_file(log: Log, tmp_path: Path) -> None:
    q = "How high must the TPO base flashing of a roof be at location {}?"
    hidden = [SECRETS[0], f" Write to {SECRETS[1]}.", f" {SECRETS[2]}", f" {SECRETS[3]}"]
    for n, secret in enumerate(hidden):
        keep = {"include_in_training": False} if n == 3 else {}
        for kind in ("good", "bad", "wrong") if n == 2 else ("good", "bad", "wrong", "twice"):
            example_id = f"{kind}{n}"
            prompt, response = q.format(example_id), ANSWER + secret
            await log.publish([capture(prompt, response, example_id=example_id, **keep)])
            rating = "positive" if kind == "good" else "negative"
            await log.publish([feedback(example_id, rating)])
            if kind in ("wrong", "twice"):
                await log.publish([corrected(example_id if kind == "wrong" else None, prompt, response)])
    said: dict[str, Any] = {"occurred_at": NOW, "actor": "operator", "reason": "asked"}
    erased = [f"{kind}2" for kind in ("good", "bad", "wrong")]
    await log.publish([ExampleErased(event_id=f"erase-{name}", example_id=name, **said) for name in erased])
    await liked(log, 3)
    answer = await export(log, tmp_path)
    found = {
        name: data for name, data in files(tmp_path / "volume").items() if name.endswith(("l", "t", ".md", ".json"))
    }
    assert answer["counts"]["sft"]["train"] + answer["counts"]["sft"]["eval"] >= 3
    for name, data in found.items():
        text = (
            repr(pq.read_table(tmp_path / "volume" / name).to_pylist()) if name.endswith("parquet") else data.decode()
        )
        for secret in SECRETS:
            assert secret not in text, (name, secret)


async def test_an_unchanged_training_set_uploads_nothing(log: Log, tmp_path: Path) -> None:
    await liked(log, 5)
    first = await export(log, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "volume").rglob("*")}
    await log.publish([capture("Is this about a TPO roof curb?", ANSWER)])  # not approved, so it is in no file
    second = await export(log, tmp_path)
    assert (first["unchanged"], second["unchanged"]) == (False, True)
    assert second["export_digest"] == first["export_digest"]
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "volume").rglob("*")} == before
    assert [m.parts.verb async for batch in log.read(0) for m in batch].count("exported") == 1


async def test_another_set_of_formats_is_another_export(
    log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await liked(log, 5)
    await export(log, tmp_path)
    assert (await export(log, tmp_path))["unchanged"]
    monkeypatch.setattr("services.exporter.formats.FORMATS", FORMATS[:-1])
    assert not (await export(log, tmp_path))["unchanged"]


@pytest.mark.parametrize("lost", [ROOT_FILE, LATEST, "data/dpo/train.jsonl", MANIFEST])
async def test_a_removed_file_is_put_back(log: Log, tmp_path: Path, lost: str) -> None:
    await liked(log, 5)
    home = Path((await export(log, tmp_path))["export_path"])
    path = tmp_path / "volume" / lost if lost in (ROOT_FILE, LATEST) else home / lost
    path.unlink()
    answer = await export(log, tmp_path)
    assert not answer["unchanged"]
    assert (Path(answer["export_path"]) / "data/sft/train.jsonl").read_bytes() == Path(
        answer["output_path"]
    ).read_bytes()


async def test_a_new_policy_makes_a_new_export(log: Log, tmp_path: Path) -> None:
    await liked(log, 5)
    first = await export(log, tmp_path)
    plain = default().document()
    other = from_document(plain | {"training": plain["training"] | {"goal": 7}})
    await log.publish([adopted(other)])
    second = await export(log, tmp_path)
    assert not second["unchanged"]
    assert (second["policy_digest"], second["counts"]) == (other.digest, first["counts"])


async def test_too_few_examples_leave_the_volume_unchanged(log: Log, tmp_path: Path) -> None:
    await liked(log, 3)
    assert await export(log, tmp_path, min_examples=None) | {"funnel": ...} == {
        "status": "insufficient_data",
        "count": 3,
        "required": 100,
        "funnel": ...,
    }
    assert not (tmp_path / "volume").exists()


async def test_another_quality_makes_an_export_of_its_own(log: Log, tmp_path: Path) -> None:
    await liked(log, 2)
    weak = capture("How do I keep the membrane clean?", "Sweep it with a soft broom and rinse it with a hose. " * 2)
    await log.publish([weak, feedback(weak.example_id)])
    answers = [await export(log, tmp_path, min_quality=quality) for quality in ("high", "low", None)]
    assert [answer["after_filtering"] for answer in answers] == [2, 3, 2]
    manifests = [json.loads((Path(answer["export_path"]) / MANIFEST).read_bytes()) for answer in answers]
    assert [manifest["min_relevance"] for manifest in manifests] == ["high", "low", "medium"]


async def test_the_policy_says_how_many_exports_stay(log: Log, tmp_path: Path) -> None:
    plain = default().document()
    keeping = from_document(plain | {"export": plain["export"] | {"keep_versions": 2}})
    await log.publish([adopted(keeping)])
    digests = []
    for n in range(4):
        await liked(log, 2, start=2 * n)
        digests.append((await export(log, tmp_path))["export_digest"])
    broken_off = tmp_path / "volume" / "exports" / ("0" * 64)
    assert {path.name for path in broken_off.parent.iterdir()} == set(digests[-2:])
    broken_off.mkdir()
    (broken_off / "README.md").write_text("half an export")
    await liked(log, 2, start=8)
    digests.append((await export(log, tmp_path))["export_digest"])
    assert {path.name for path in broken_off.parent.iterdir() if any(path.iterdir())} == set(digests[-2:])


class Breaking(LocalVolume):
    """A volume that fails at the n-th change."""

    def __init__(self, root: Path, at: int) -> None:
        super().__init__(root)
        self.left = at

    async def write(self, files: Any, *, report: Any = None, move: bool = False) -> None:
        for path, source in files.items():
            self.left -= 1
            if self.left < 0:
                raise VolumeError("the disk is full", retryable=True)
            await super().write({path: source}, report=report, move=move)


async def test_a_broken_upload_leaves_the_old_export_whole(
    log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await liked(log, 5)
    await export(log, tmp_path)
    volume = tmp_path / "volume"
    root = (volume / ROOT_FILE).read_bytes()
    await liked(log, 5, start=5)
    at = 0
    while True:
        monkeypatch.setattr(
            "services.exporter.workflow.open_volume", lambda settings, at=at: Breaking(settings.volume, at)
        )
        try:
            answer = await export(log, tmp_path)
        except VolumeError:
            at += 1
            assert (volume / ROOT_FILE).read_bytes() == root
            latest = json.loads((volume / LATEST).read_bytes())
            manifest = json.loads((volume / latest["manifest"]).read_bytes())
            for name, file in manifest["files"].items():
                assert (
                    hashlib.sha256((volume / "exports" / latest["digest"] / name).read_bytes()).hexdigest()
                    == file["sha256"]
                )
            assert not list(tmp_path.glob("past.*"))
        else:
            break
    assert at > 2, "files that are there are not sent again, but the last ones are"
    assert answer["after_filtering"] == 10
    assert (volume / ROOT_FILE).read_bytes() != root


async def test_a_damaged_latest_file_is_replaced(log: Log, tmp_path: Path) -> None:
    await liked(log, 3)
    first = await export(log, tmp_path)
    (tmp_path / "volume" / LATEST).write_bytes(b"{")
    second = await export(log, tmp_path)
    assert not second["unchanged"]
    assert msgspec.json.decode((tmp_path / "volume" / LATEST).read_bytes())["digest"] == second["export_digest"]
    assert first["after_filtering"] == second["after_filtering"]
