"""The exporter service as a process: it follows the projector, takes commands, and no kill leaves half of anything."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from events.facts import PolicyAdopted
from events.log.log import Log
from projections.policy.policy import default, from_document
from services.exporter.client import ask
from services.exporter.manifest import ROOT_FILE, SFT_TRAIN
from services.runtime.nats_server import EmbeddedServer
from services.settings import Settings
from services.state.client import open_state
from tests.deadlines import FAR_SECONDS

from ..conftest import NOW, SEEDS, Cli
from ..forked import Forked
from ..projector.test_service import until_running
from ..volume.modal.standin import StandIn
from .test_exporter import liked
from .test_training import check_root, outcomes, said

Start = Callable[..., Forked]

HASTY = (
    "import sys; from services.exporter import service, training; training.SETTLE_SECONDS = 0.5; "
    "service.CHECK_SECONDS = 0.05; service.FOLLOW_SECONDS = 0.2; service.FIRST_PAUSE_SECONDS = 0.1; "
    "service.LONGEST_PAUSE_SECONDS = 1.0; from services.cli import main; main(['exporter'])"
)
"""The exporter with short pauses."""

IMPATIENT = "service.PROJECTOR_SECONDS = 0.0"
"""It never waits for a projector."""


def adopted(training: dict[str, int] | None = None, **export: Any) -> PolicyAdopted:
    plain = default().document()
    policy = from_document(
        plain
        | {"export": plain["export"] | {"min_examples": 1} | export, "training": plain["training"] | (training or {})}
    )
    return PolicyAdopted(
        event_id=f"p-{policy.digest[:8]}", occurred_at=NOW, actor="op", policy=policy.document(), digest=policy.digest
    )


@pytest.fixture
def hasty(cli: Cli) -> Iterator[Callable[[], Forked]]:
    """Start the exporter with short pauses, as often as wanted; it ends with the test."""
    started: list[Forked] = []

    def run() -> Forked:
        started.append(cli.python("exporter.err", "-c", HASTY))
        return started[-1]

    yield run
    for process in started:
        process.terminate()
    for process in started:
        process.wait(FAR_SECONDS)


async def until(log: Log, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The exporter's status as soon as it is as wanted."""
    status: dict[str, Any] | None = None
    async with asyncio.timeout(FAR_SECONDS):
        while True:
            status = await ask(log, "status")
            if status is not None and condition(status):
                return status
            await asyncio.sleep(0.05)


async def test_it_exports_when_enough_has_changed(cli: Cli, log: Log, start: Start, hasty: Any) -> None:
    await log.publish([adopted(changed_examples=10)])
    await liked(log, 5)
    start("projector")
    hasty()
    first = (await until(log, lambda s: s["last_export"]))["last_export"]
    check_root(cli.data_dir / "volume")
    await liked(log, 9, start=5)
    waiting = await until(log, lambda s: s["changed_rows"] == 9)
    assert (waiting["state"], waiting["last_export"]) == ("waiting", first)
    assert waiting["due_at"]
    await liked(log, 1, start=14)
    second = await until(log, lambda s: s["last_export"] != first and s["changed_rows"] == 0)
    last = await log.last_sequence()
    await until(log, lambda s: s["checked_seq"] >= last)
    said = [message.parts async for batch in log.read(0) for message in batch]
    assert [parts.about for parts in said if parts.kind == "training_set.exported"] == [first, second["last_export"]]


async def test_it_waits_for_a_projector_without_a_warning(cli: Cli, log: Log, start: Start, hasty: Any) -> None:
    await log.publish([adopted(changed_examples=1)])
    await liked(log, 2)
    hasty()
    told = cli.data_dir / "exporter.err"
    async with asyncio.timeout(FAR_SECONDS):
        while "INFO waiting for the projector" not in told.read_text():
            await asyncio.sleep(0.05)
    await until(log, lambda s: s["state"] == "starting" and not s["error"])
    start("projector")
    await until(log, lambda s: s["last_export"])
    assert "WARNING" not in told.read_text()
    assert told.read_text().count("waiting for the projector") == 1


async def test_a_projector_that_stays_away_is_a_failure(cli: Cli, log: Log) -> None:
    process = cli.python("exporter.err", "-c", f"from services.exporter import service; {IMPATIENT}; {HASTY}")
    try:
        failing = await until(log, lambda s: s["error"])
        assert failing["error"].startswith("no projector answers")
        assert failing["state"] == "failing"
    finally:
        process.terminate()
        process.wait(FAR_SECONDS)


async def test_a_change_is_exported_at_the_policys_age(cli: Cli, log: Log, start: Start, hasty: Any) -> None:
    await log.publish([adopted(changed_examples=1_000, max_age_minutes=0)])
    await liked(log, 2)
    start("projector")
    hasty()
    first = (await until(log, lambda s: s["last_export"]))["last_export"]
    await liked(log, 1, start=2)
    await until(log, lambda s: s["last_export"] != first)


async def test_a_running_exporter_does_the_commands(cli: Cli, log: Log, start: Start) -> None:
    await log.publish([adopted(changed_examples=1_000)])
    await liked(log, 3)
    start("projector")
    start("exporter")
    first = (await until(log, lambda s: s["last_export"] and s["state"] == "idle"))["last_export"]
    await liked(log, 2, start=3)
    answer = await asyncio.to_thread(cli.json, "export", "--wait")
    assert (answer["status"], answer["after_filtering"], answer["unchanged"]) == ("exported", 5, False)
    assert answer["export_digest"] != first
    assert (await asyncio.to_thread(cli.json, "export"))["unchanged"]
    assert (await asyncio.to_thread(cli.json, "export", "--no-wait"))["status"] == "accepted"
    refused = await asyncio.to_thread(cli.run, "export", "--min-examples", "9", code=1)
    assert "9 are required" in refused.stdout
    assert "nobody trains on this volume" in (await asyncio.to_thread(cli.run, "train", code=1)).stderr
    status = await asyncio.to_thread(cli.json, "status")
    assert (status["exporter"]["state"], status["exporter"]["last_export"]) == ("idle", answer["export_digest"])
    assert "another exporter already runs" in (await asyncio.to_thread(cli.run, "exporter", code=1)).stderr


async def test_a_failing_sink_is_shown_and_tried_again(cli: Cli, log: Log, start: Start, hasty: Any) -> None:
    await log.publish([adopted()])
    await liked(log, 3)
    blocked = cli.data_dir / "volume"
    blocked.write_text("a file where the directory should be")
    start("projector")
    hasty()
    failing = await until(log, lambda s: s["failures"] >= 2 and str(blocked) in s["error"])
    assert failing["state"] == "failing"
    assert failing["retry_at"]
    assert (await asyncio.to_thread(cli.json, "status"))["status"] == "attention"
    blocked.unlink()
    mended = await until(log, lambda s: s["last_export"] and not s["failures"])
    assert mended["error"] is None
    check_root(blocked)


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
async def test_killed_at_any_moment_the_volume_catches_up(
    cli: Cli, log: Log, start: Start, hasty: Any, seed: int
) -> None:
    rng = random.Random(seed)
    await log.publish([adopted(changed_examples=3)])
    start("projector")
    await until_running(log)
    process = hasty()
    for number in range(12):
        await liked(log, rng.randint(1, 6), start=10 * number)
        await asyncio.sleep(rng.uniform(0.0, 1.5))
        check_root(cli.data_dir / "volume")
        if rng.random() < 0.7:
            process.kill()
            process.wait()
            check_root(cli.data_dir / "volume")
            process = hasty()
    answer = await asyncio.to_thread(cli.json, "export")
    async with open_state(Settings(data_dir=cli.data_dir), log) as state:
        assert answer["after_filtering"] == (await state.ask("stats"))["funnel"]["unique"]
    check_root(cli.data_dir / "volume")


@pytest.fixture
async def standin(cli: Cli, tmp_path: Path) -> AsyncIterator[StandIn]:
    standin = StandIn(tmp_path / "modal")
    async with standin.running():
        cli.environment |= standin.environment | {"ROOFLOG_SINK": "modal", "ROOFLOG_MODAL_SECONDS": str(FAR_SECONDS)}
        yield standin
        assert standin.unexpected == []


def check_modal_root(standin: StandIn) -> None:
    """The trainer's file on the stand-in's volume is the training rows of an export that is there."""
    files = standin.files()
    if ROOT_FILE in files:
        assert files[ROOT_FILE] in [data for path, data in files.items() if path.endswith(SFT_TRAIN)]
        assert json.loads(files["latest.json"])["manifest"] in files


@pytest.mark.slow
async def test_on_modal_an_export_is_uploaded_trained_on_and_followed(
    cli: Cli, log: Log, start: Start, hasty: Any, standin: StandIn
) -> None:
    await log.publish([adopted({"at": 3, "new_examples": 2})])
    await liked(log, 5)
    start("projector")
    hasty()
    await until(log, lambda s: (s["training"] or "").startswith("started"))
    check_modal_root(standin)
    [call] = standin.calls
    assert (call["function"], list(call["args"]), call["kwargs"]) == (
        "roofing-training/fine_tune_roofing_model",
        [],
        {},
    )
    standin.finish(call["call_id"], {"loss": 0.2})
    status = await until(log, lambda s: (s["training"] or "").startswith("succeeded"))
    exports = (await asyncio.to_thread(cli.json, "exports"))["exports"]
    assert [t["outcome"] for t in exports[0]["trainings"]] == ["succeeded"]
    row = await asyncio.to_thread(cli.json, "lineage", f"{ROOT_FILE}:1")
    assert row["exports"][0]["trainings"][0]["call_id"] == call["call_id"]
    assert row["export"]["export_digest"] == status["last_export"]
    assert (await asyncio.to_thread(cli.json, "train", code=1))["status"] == "already_trained"
    forced = await asyncio.to_thread(cli.json, "train", "--force")
    assert forced["number"] == len(standin.calls) == 2


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
async def test_on_modal_an_export_is_trained_on_once(
    cli: Cli, log: Log, server: EmbeddedServer, start: Start, hasty: Any, standin: StandIn, seed: int
) -> None:
    """The exporter is killed again and again, and any step with Modal may fail, also after it was carried out."""
    rng = random.Random(seed)
    await log.publish([adopted({"at": 1, "new_examples": 1}, changed_examples=1)])
    start("projector")
    await until_running(log)
    process = hasty()
    await liked(log, 3, start=1_000)  # a first call, from which on the list of calls proves something
    await until(log, lambda s: (s["training"] or "").startswith("started"))
    for number in range(8):
        for _ in range(rng.randint(0, 2)):
            step = rng.choice(["FunctionMap", "FunctionMap", "MountPutFile", "VolumePutFiles", "FunctionCallList"])
            standin.fail(step, rng.choice(["lost", "cut", "status"]), times=1)
        await liked(log, rng.randint(1, 4), start=10 * number)
        await asyncio.sleep(rng.uniform(0.2, 1.5))
        check_modal_root(standin)
        for call in list(standin.calls):
            standin.finish(call["call_id"])
        if rng.random() < 0.7:
            process.kill()
            process.wait()
            process = hasty()
    standin.faults.clear()
    await asyncio.to_thread(cli.json, "export")
    async with asyncio.timeout(FAR_SECONDS):
        while {told[-1] for told in outcomes(await said(log)).values()} != {"succeeded"}:
            for call in list(standin.calls):
                standin.finish(call["call_id"])
            await asyncio.sleep(0.1)
    check_modal_root(standin)
    facts = await said(log)
    assert set(map(tuple, outcomes(facts).values())) == {("intended", "started", "succeeded")}
    calls = [call["call_id"] for call in standin.calls]
    assert sorted(fact.call_id or "" for fact in facts if fact.outcome == "started") == sorted(calls)
    assert len(calls) == len(outcomes(facts))
