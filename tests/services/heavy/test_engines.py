"""Engines: where heavy work is done, and what becomes of a rebuild or a policy there; on a server in Modal's place."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from events.errors import InputError, RooflogError
from events.facts import ExampleErased
from events.log.log import Log
from events.subjects import new_event_id
from projections.fold.content_digest import content_digest
from projections.policy.policy import default
from projections.work import jobs
from services import settings
from services.heavy import ENGINES
from services.heavy.failure import EngineError
from services.projector.preparation import Preparations
from services.projector.rebuild import Plan, Rebuild, Rebuilds
from services.settings import Settings
from services.state.owner import Owner
from services.volume.sinks import SINKS

from ..conftest import NOW, Cli, capture
from ..projector.test_rebuild import beside, owned, say
from ..projector.test_service import rebuilt_digest, until_running
from .standin import MapStandIn

ON_MODAL = Plan(from_log=True, on="modal")


def test_an_engine_that_needs_a_package_names_it() -> None:
    assert ENGINES["modal"].needs == SINKS["modal"].needs
    assert ENGINES["local"].needs is None


@pytest.mark.parametrize(
    ("name", "value"), [("ENGINE", "spark"), ("RAY_ADDRESS", "6379"), ("RAY_ADDRESS", "ray://a:1")]
)
def test_a_wrong_setting_is_refused(name: str, value: str) -> None:
    with pytest.raises(InputError, match="give "):
        settings.load({}, {f"ROOFLOG_{name}": value})


async def test_an_unknown_engine_is_refused(log: Log, tmp_path: Path) -> None:
    owner = await owned(log, tmp_path)
    with pytest.raises(InputError, match="'spark' is no engine: give local"):
        Rebuild(log, owner.files, owner, asyncio.Lock(), Plan(on="spark"))
    owner.close()


async def test_a_rebuild_on_an_engine_is_that_of_this_machine(log: Log, tmp_path: Path, standin: MapStandIn) -> None:
    await say(log, 300)
    owner = await owned(log, tmp_path / "data")
    result = await Rebuild(log, owner.files, owner, asyncio.Lock(), ON_MODAL).run()
    assert (result["status"], result["checkpoint"]) == ("rebuilt", 303)
    assert content_digest(owner.projector.con) == await rebuilt_digest(log)
    assert standin.steps.count("FunctionMap") >= 4
    assert standin.held == {}
    owner.close()


async def test_what_is_taken_over_goes_to_no_engine(log: Log, tmp_path: Path, standin: MapStandIn) -> None:
    await say(log, 60)
    owner = await owned(log, tmp_path / "data")
    await Rebuild(log, owner.files, owner, asyncio.Lock(), Plan(on="modal")).run()
    assert standin.steps == []
    owner.close()


async def test_an_engine_that_is_away_leaves_the_live_tables(log: Log, tmp_path: Path, standin: MapStandIn) -> None:
    standin.functions = ()
    await say(log, 60)
    owner = await owned(log, tmp_path / "data")
    before = content_digest(owner.projector.con)
    with pytest.raises(EngineError, match="modal deploy"):
        await Rebuild(log, owner.files, owner, asyncio.Lock(), ON_MODAL).run()
    assert content_digest(owner.projector.con) == before
    assert beside(owner.files) == set()
    owner.close()


async def test_workers_that_change_their_code_end_a_rebuild(
    log: Log, tmp_path: Path, standin: MapStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Containers are exchanged while it is under way: none of their results is taken."""
    await say(log, 60)
    owner = await owned(log, tmp_path / "data")
    before = content_digest(owner.projector.con)
    codes = iter([jobs.code()])
    monkeypatch.setattr(jobs, "code", lambda: next(codes, "0" * 64))
    with pytest.raises(
        RooflogError, match=r"page 1 of the job 'analysis' \(\w{12}\) was refused: the code of a worker"
    ):
        await Rebuild(log, owner.files, owner, asyncio.Lock(), ON_MODAL).run()
    assert content_digest(owner.projector.con) == before
    assert beside(owner.files) == set()
    owner.close()


async def test_an_erasure_waits_for_no_engine(log: Log, tmp_path: Path, standin: MapStandIn) -> None:
    """The page with the text is at a container that never ends; the rebuild begins again without it."""
    marker = "Kowalczyk77"
    await say(log, 60)
    await log.publish([capture(f"How high is the roof of {marker}?", example_id="a")])
    last = await log.last_sequence()
    owner = await owned(log, tmp_path / "data")
    rebuilds = Rebuilds(log, owner, asyncio.Lock(), Settings())
    standin.is_held = True
    rebuilds.start(ON_MODAL)
    while not (standin.under_way and standin.steps.count("FunctionMap") > 1):
        assert rebuilds.is_running
        await asyncio.sleep(0.01)
    async with rebuilds.held_off():
        assert standin.under_way
        gone = ExampleErased(event_id=new_event_id(), example_id="a", reason="asked to", occurred_at=NOW, actor="ann")
        await log.publish([gone])
        await log.erase(last)
        await owner.catch_up(log)
    standin.is_held = False
    while not (rebuilds.condition and rebuilds.condition.is_over):
        await asyncio.sleep(0.01)
    assert rebuilds.condition.error is None
    assert content_digest(owner.projector.con) == await rebuilt_digest(log)
    holding = [f for f in tmp_path.rglob("*") if f.is_file() and marker.encode() in f.read_bytes()]
    assert holding == []
    owner.close()


OTHER_RULES = default().document() | {"texts": {"rules": 1}}
"""A policy under which every text is analysed anew."""


def analysed(owner: Owner) -> list[tuple[Any, ...]]:
    return owner.projector.con.execute("FROM analysis ORDER BY ALL").fetchall()


async def prepare(preparations: Preparations, on: str | None) -> None:
    while (await preparations.prepare(policy=OTHER_RULES, on=on))["left"]:
        pass


async def test_a_policy_prepared_on_an_engine_is_that_of_here(log: Log, tmp_path: Path, standin: MapStandIn) -> None:
    await say(log, 200)
    tables = []
    for on in ("local", "modal"):
        owner = await owned(log, tmp_path / on)
        await prepare(Preparations(owner, asyncio.Lock(), Settings()), on)
        tables.append(analysed(owner))
        owner.close()
    assert tables[0] == tables[1]
    assert len({row[1] for row in tables[0]}) == 2
    assert "FunctionMap" in standin.steps


async def test_others_fold_and_erase_while_an_engine_prepares(
    log: Log, tmp_path: Path, standin: MapStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.projector.preparation.WAIT_SECONDS", 0.1)
    await say(log, 60)
    await log.publish([capture("How high is the roof of Kowalczyk77?", example_id="a")])
    owner, folding = await owned(log, tmp_path / "data"), asyncio.Lock()
    preparations = Preparations(owner, folding, Settings(engine="modal"))
    standin.is_held = True
    while not (standin.under_way and standin.steps.count("FunctionMap") > 1):
        assert (await preparations.prepare(policy=OTHER_RULES))["left"]
    gone = ExampleErased(event_id=new_event_id(), example_id="a", reason="asked to", occurred_at=NOW, actor="ann")
    await log.publish([gone, capture("Which seam is this?", example_id="b")])
    async with folding:
        await owner.catch_up(log)
    standin.is_held = False
    await prepare(preparations, None)
    con = owner.projector.con
    assert con.execute("SELECT count(*) FROM analysis ANTI JOIN examples USING (analysis_key)").fetchall() == [(0,)]
    assert con.execute("SELECT count(DISTINCT analyser) FROM analysis WHERE analysis_key = (SELECT analysis_key "
                       "FROM examples WHERE example_id = 'b')").fetchall() == [(2,)]  # fmt: skip
    owner.close()


async def test_a_preparation_that_is_stopped_waits_for_no_engine(
    log: Log, tmp_path: Path, standin: MapStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.projector.preparation.WAIT_SECONDS", 0.1)
    await say(log, 60)
    owner = await owned(log, tmp_path / "data")
    preparations = Preparations(owner, asyncio.Lock(), Settings(engine="modal"))
    standin.is_held = True
    while not (standin.under_way and standin.steps.count("FunctionMap") > 1):
        assert (await preparations.prepare(policy=OTHER_RULES))["left"]
    await preparations.stop()
    assert standin.under_way
    standin.is_held = False
    owner.close()


async def test_an_engine_that_is_away_fails_a_preparation_alone(log: Log, tmp_path: Path, standin: MapStandIn) -> None:
    standin.functions = ()
    await say(log, 60)
    owner = await owned(log, tmp_path / "data")
    preparations = Preparations(owner, asyncio.Lock(), Settings())
    with pytest.raises(EngineError, match="modal deploy"):
        await prepare(preparations, "modal")
    with pytest.raises(InputError, match="'spark' is no engine"):
        await prepare(preparations, "spark")
    await prepare(preparations, None)
    owner.close()


@pytest.mark.slow
@pytest.mark.parametrize("served", [False, True])
async def test_a_policy_is_adopted_on_an_engine(
    log: Log, standin: MapStandIn, tmp_path: Path, served: bool, request: pytest.FixtureRequest
) -> None:
    cli: Cli = request.getfixturevalue("cli")  # after the stand-in: processes inherit where it is
    await say(log, 60)
    (tmp_path / "policy.toml").write_text(tomli_w.dumps(OTHER_RULES))
    if served:
        request.getfixturevalue("start")("projector")
        await until_running(log)
    adopted = await asyncio.to_thread(cli.json, "policy", "adopt", tmp_path / "policy.toml", "--on", "modal")
    assert adopted["status"] == "adopted"
    assert "FunctionMap" in standin.steps
