"""Engines: where heavy work is done, and what becomes of a rebuild there; on a server in Modal's place."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from events.errors import InputError, RooflogError
from events.facts import ExampleErased
from events.log.log import Log
from events.subjects import new_event_id
from projections.fold.content_digest import content_digest
from projections.work import jobs
from services import settings
from services.heavy import ENGINES
from services.heavy.failure import EngineError
from services.projector.rebuild import Plan, Rebuild, Rebuilds
from services.settings import Settings
from services.volume.sinks import SINKS

from ..conftest import NOW, capture
from ..projector.test_rebuild import beside, owned, say
from ..projector.test_service import rebuilt_digest
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
