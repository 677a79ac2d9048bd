"""Training: exactly one per export whatever is killed when, at the policy's numbers, and followed to its end."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from events.facts import PolicyAdopted, TrainingTriggered
from events.log.log import Log
from projections.policy.policy import default, from_document
from services.exporter import training
from services.exporter.manifest import LATEST, MANIFEST, ROOT_FILE, SFT_TRAIN
from services.exporter.workflow import Steps, opened
from services.runtime.nats_server import EmbeddedServer
from services.settings import Settings
from services.state.client import open_state
from services.volume import LostAnswer, VolumeError
from tests.deadlines import FAR_SECONDS

from ..conftest import SEEDS, Cli, address
from .killed_exporter import FileTrainer
from .test_exporter import adopted, liked


def eager(at: int = 1, new: int = 1, keep: int = 1_000) -> PolicyAdopted:
    """A policy under which a training is wanted at once, and the sink keeps many versions."""
    plain = default().document()
    wanted = {
        "training": {"at": at, "new_examples": new, "goal": 10},
        "export": plain["export"] | {"keep_versions": keep},
    }
    return adopted(from_document(plain | wanted))


async def said(log: Log) -> list[TrainingTriggered]:
    facts = [message.fact() async for batch in log.read(0) for message in batch]
    return [fact for fact in facts if isinstance(fact, TrainingTriggered)]


def outcomes(facts: list[TrainingTriggered]) -> dict[str, list[str]]:
    told: dict[str, list[str]] = {}
    for fact in facts:
        told.setdefault(fact.export_digest, []).append(fact.outcome)
    return told


def check_root(volume: Path) -> None:
    """The root file is the training rows of an export that is complete on the volume."""
    if not (volume / ROOT_FILE).exists():
        return
    root = hashlib.sha256((volume / ROOT_FILE).read_bytes()).hexdigest()
    whole: dict[str, str] = {}
    for manifest in volume.glob(f"exports/*/{MANIFEST}"):
        files = json.loads(manifest.read_bytes())["files"]
        if not all((manifest.parent / name).exists() for name in files):  # too old to keep, apart from its lineage
            continue
        read = {name: hashlib.sha256((manifest.parent / name).read_bytes()).hexdigest() for name in files}
        assert read == {name: file["sha256"] for name, file in files.items()}, manifest
        whole[str(manifest.relative_to(volume))] = files[SFT_TRAIN]["sha256"]
    assert root in whole.values()
    latest = json.loads((volume / LATEST).read_bytes())
    assert latest["manifest"] in whole


async def run(server: EmbeddedServer, data_dir: Path, at: int) -> int:
    """One turn of an exporter that is killed at step `at`, 0 for never; its exit code."""
    errors = data_dir / "exporter.err"
    process = Cli(data_dir).python(
        errors.name, "-m", "tests.services.exporter.killed_exporter", address(server), str(data_dir), str(at)
    )
    code = await asyncio.to_thread(process.wait, FAR_SECONDS)
    assert code in (0, -9), errors.read_text()
    return code


@pytest.mark.slow
async def test_killed_at_any_step_an_export_is_trained_on_once(
    server: EmbeddedServer, log: Log, tmp_path: Path
) -> None:
    await log.publish([eager()])
    await first_training(server, log, tmp_path)
    killed_at = 0
    while True:
        killed_at += 1
        await liked(log, 2, start=2 * killed_at)
        code = await run(server, tmp_path, killed_at)
        check_root(tmp_path / "volume")
        if code == 0:
            break
        assert await run(server, tmp_path, 0) == 0
        check_root(tmp_path / "volume")
    assert killed_at > 15
    await check_once(log, tmp_path, killed_at)


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
async def test_killed_again_and_again_each_export_is_trained_on_once(
    server: EmbeddedServer, log: Log, tmp_path: Path, seed: int
) -> None:
    """Kills at random steps, several in a row, with facts arriving in between."""
    rng = random.Random(seed)
    await log.publish([eager(keep=2)])
    await first_training(server, log, tmp_path)
    for number in range(8):
        await liked(log, rng.randint(1, 3), start=10 * number)
        for _ in range(rng.randint(1, 3)):
            await run(server, tmp_path, rng.randint(1, 70))
            check_root(tmp_path / "volume")
    assert await run(server, tmp_path, 0) == 0
    check_root(tmp_path / "volume")
    await check_once(log, tmp_path, 1)


async def first_training(server: EmbeddedServer, log: Log, data_dir: Path) -> None:
    """A training from which on it is known that the trainer's list tells the truth."""
    await liked(log, 3, start=1_000)
    assert await run(server, data_dir, 0) == 0
    assert len(FileTrainer(data_dir / "calls").made()) == 1


async def check_once(log: Log, data_dir: Path, at_least: int) -> None:
    """Every training was intended, started and ended once, and the trainer has seen one call for each."""
    facts = await said(log)
    assert set(map(tuple, outcomes(facts).values())) == {("intended", "started", "succeeded")}
    calls = [call.call_id for call in FileTrainer(data_dir / "calls").made()]
    assert sorted(fact.call_id or "" for fact in facts if fact.outcome == "started") == sorted(calls)
    assert len(calls) == len(set(calls)) == len(outcomes(facts)) >= at_least
    exported = Counter([m.subject async for batch in log.read(0) for m in batch if ".training_set." in m.subject])
    assert set(exported.values()) == {1}


class Scripted(FileTrainer):
    """A trainer that does what the test says next."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.error: VolumeError | None = None
        self.is_carried_out = False
        self.ended: Any = ("running", "")
        self.can_list = True
        self.forgets = False

    async def spawn(self, **arguments: str | int) -> str:
        if self.error:
            if self.is_carried_out:
                await super().spawn(**arguments)
            raise self.error
        return await super().spawn(**arguments)

    async def calls(self) -> Any:
        return ([] if self.forgets else self.made()) if self.can_list else None

    async def outcome(self, call_id: str, timeout: float) -> Any:
        return self.ended


class Setting:
    """An exporter with a scripted trainer, and the log behind it."""

    def __init__(self, log: Log, data_dir: Path, steps: Steps, trainer: Scripted) -> None:
        self.log, self.data_dir, self.steps, self.trainer = log, data_dir, steps, trainer

    async def turn(self) -> bool:
        attempts = await self.steps.follow()
        return await self.steps.train_if_due(attempts or [])

    async def told(self) -> list[list[str]]:
        return list(outcomes(await said(self.log)).values())


@pytest.fixture
async def setting(log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    trainer = Scripted(tmp_path / "calls")
    monkeypatch.setattr("services.exporter.workflow.open_trainer", lambda _: trainer)
    settings = Settings(data_dir=tmp_path)
    async with open_state(settings, log) as state, opened(settings, log, state, "exporter") as steps:
        yield Setting(log, tmp_path, steps, trainer)


async def export(setting: Setting) -> str:
    digest: str = (await setting.steps.export({"min_examples": 1}, None))["export_digest"]
    return digest


async def test_a_training_needs_the_policys_number_of_examples(setting: Setting) -> None:
    setting.trainer.ended = ("succeeded", "loss 0.1")
    await setting.log.publish([eager(at=20, new=10)])
    await liked(setting.log, 19)
    await export(setting)
    assert not await setting.turn()
    assert (await setting.steps.train({}))["reason"] == "19 examples, a training needs 20"
    await liked(setting.log, 1, start=19)
    await export(setting)
    assert await setting.turn()
    assert not await setting.turn(), "one export is trained on once"
    assert await setting.told() == [["intended", "started", "succeeded"]]
    await liked(setting.log, 9, start=20)
    await export(setting)
    assert not await setting.turn()
    assert "that the last training has not seen" in (await setting.steps.train({}))["reason"]
    await liked(setting.log, 6, start=29)  # some of them are kept for evaluation
    await export(setting)
    assert await setting.turn()


async def test_only_one_training_runs_at_a_time(setting: Setting) -> None:
    await setting.log.publish([eager()])
    await liked(setting.log, 3)
    await export(setting)
    assert await setting.turn()
    await liked(setting.log, 3, start=3)
    await export(setting)
    assert not await setting.turn()
    assert (await setting.steps.train({"force": True}))["status"] == "running"
    setting.trainer.ended = ("failed", "out of memory")
    assert await setting.turn(), "the first has ended, so the next may start"
    assert await setting.told() == [["intended", "started", "failed"], ["intended", "started"]]


async def test_a_failed_training_is_repeated_only_by_force(setting: Setting) -> None:
    setting.trainer.ended = ("failed", "out of memory")
    await setting.log.publish([eager()])
    await liked(setting.log, 3)
    digest = await export(setting)
    assert await setting.turn()
    assert not await setting.turn()
    assert (await setting.steps.train({}))["status"] == "already_trained"
    again = await setting.steps.train({"force": True})
    assert (again["status"], again["number"], again["export_digest"]) == ("started", 2, digest)
    assert await setting.told() == [["intended", "started", "failed", "intended", "started"]]


async def test_a_trainer_that_refuses_is_asked_again(setting: Setting) -> None:
    setting.trainer.error = VolumeError("the function is missing", retryable=False)
    await setting.log.publish([eager()])
    await liked(setting.log, 3)
    await export(setting)
    for _ in range(3):
        with pytest.raises(VolumeError, match="missing"):
            await setting.turn()
    assert await setting.told() == [["intended"]]
    setting.trainer.error = None
    await setting.turn()
    assert await setting.told() == [["intended", "started"]]
    assert len(setting.trainer.made()) == 1


async def test_a_lost_start_is_shown_and_never_repeated(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "SETTLE_SECONDS", 0.0)
    setting.trainer.can_list = False
    setting.trainer.error = LostAnswer("the answer was lost")
    await setting.log.publish([eager()])
    await liked(setting.log, 3)
    digest = await export(setting)
    with pytest.raises(VolumeError, match="lost"):
        await setting.turn()
    setting.trainer.error = None
    for _ in range(3):
        assert not await setting.turn()
    assert list(setting.steps.uncertain) == [digest]
    assert "rooflog train --force" in setting.steps.uncertain[digest]
    assert (await setting.steps.train({"force": True}))["number"] == 2
    await setting.turn()
    assert setting.steps.uncertain == {}


async def test_a_start_under_way_is_waited_for(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "SETTLE_SECONDS", FAR_SECONDS)
    await FileTrainer(setting.data_dir / "calls").spawn()
    setting.trainer.error = LostAnswer("the answer was lost")
    await setting.log.publish([eager()])
    await liked(setting.log, 3)
    await export(setting)
    with pytest.raises(VolumeError, match="lost"):
        await setting.turn()
    setting.trainer.error = None
    await setting.turn()
    assert await setting.told() == [["intended"]], "too early to say that nothing was started"
    monkeypatch.setattr(training, "SETTLE_SECONDS", 0.0)
    await setting.turn()
    assert await setting.told() == [["intended", "started"]]


async def test_an_older_call_is_not_taken_for_ours(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "SETTLE_SECONDS", 0.0)
    await FileTrainer(setting.data_dir / "calls").spawn()
    setting.trainer.error = LostAnswer("the answer was lost")
    await setting.log.publish([eager()])
    await liked(setting.log, 3)
    await export(setting)
    with pytest.raises(VolumeError, match="lost"):
        await setting.turn()
    setting.trainer.error = None
    await setting.turn()
    (started,) = [fact for fact in await said(setting.log) if fact.outcome == "started"]
    assert started.call_id == "call-2"


async def lose_a_start(setting: Setting, *, is_carried_out: bool, count: int = 3) -> str:
    """An export whose training was asked for and not answered; its digest."""
    setting.trainer.error, setting.trainer.is_carried_out = LostAnswer("the answer was lost"), is_carried_out
    await setting.log.publish([eager()])
    await liked(setting.log, count)
    digest = await export(setting)
    with pytest.raises(VolumeError, match="lost"):
        await setting.turn()
    setting.trainer.error = None
    return digest


async def test_a_lost_first_start_is_found(setting: Setting) -> None:
    await lose_a_start(setting, is_carried_out=True)
    for _ in range(2):
        assert not await setting.turn()
    assert await setting.told() == [["intended", "started"]]
    assert len(setting.trainer.made()) == 1


async def test_an_empty_list_of_calls_proves_nothing(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    """The very first training: at most once, until somebody has looked."""
    monkeypatch.setattr(training, "SETTLE_SECONDS", 0.0)
    digest = await lose_a_start(setting, is_carried_out=False)
    for _ in range(3):
        assert not await setting.turn()
    assert list(setting.steps.uncertain) == [digest]
    assert await setting.told() == [["intended"]]
    assert (await setting.steps.train({"force": True}))["number"] == 2
    assert len(setting.trainer.made()) == 1


async def test_a_list_without_known_calls_is_not_believed(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "SETTLE_SECONDS", 0.0)
    await FileTrainer(setting.data_dir / "calls").spawn()
    digest = await lose_a_start(setting, is_carried_out=True)
    setting.trainer.forgets = True
    for _ in range(3):
        assert not await setting.turn()
    assert list(setting.steps.uncertain) == [digest]
    setting.trainer.forgets = False
    assert not await setting.turn()
    assert await setting.told() == [["intended", "started"]]
    assert (setting.steps.uncertain, len(setting.trainer.made())) == ({}, 2)


async def test_a_training_is_never_started_on_a_later_export(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    """The trainer reads the root file, which holds the next export by now; that one has a training of its own."""
    monkeypatch.setattr(training, "SETTLE_SECONDS", 0.0)
    await FileTrainer(setting.data_dir / "calls").spawn()
    first = await lose_a_start(setting, is_carried_out=False)
    await liked(setting.log, 3, start=3)
    second = await export(setting)
    assert await setting.turn()
    assert outcomes(await said(setting.log)) == {first: ["intended", "failed"], second: ["intended", "started"]}
    (failed,) = [fact for fact in await said(setting.log) if fact.outcome == "failed"]
    assert failed.detail == "it was not started before another export took its place"
    assert len(setting.trainer.made()) == 2


async def test_an_export_waits_for_an_open_intent(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    await FileTrainer(setting.data_dir / "calls").spawn()
    assert not await setting.steps.is_settling()
    await lose_a_start(setting, is_carried_out=False)
    assert await setting.steps.is_settling()
    monkeypatch.setattr(training, "HOLD_SECONDS", 0.0)
    assert not await setting.steps.is_settling(), "a trainer that never answers does not hold exports up for ever"
    monkeypatch.setattr(training, "HOLD_SECONDS", FAR_SECONDS)
    monkeypatch.setattr(training, "SETTLE_SECONDS", 0.0)
    await setting.turn()
    assert await setting.told() == [["intended", "started"]]
    assert not await setting.steps.is_settling()
