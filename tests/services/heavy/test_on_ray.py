"""Heavy work on Ray: a real cluster of two nodes on this machine. `make test-ray` installs Ray and runs this."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event

import pytest

from events.log.log import Log
from projections.fold.content_digest import content_digest
from projections.policy.policy import default
from projections.store import database
from projections.texts import analysis, near_links
from projections.work.jobs import Driver, Run, on
from services.heavy import opened
from services.heavy.failure import EngineError
from services.projector.rebuild import Plan, Rebuild
from services.settings import Settings
from tests.bench.texts import Texts
from tests.projections.work.contract import DriverContract
from tests.projections.work.jobs import absolute, pid_after

from ..projector.test_rebuild import owned, say
from ..projector.test_service import rebuilt_digest
from .cluster import Nodes, cluster

pytest.importorskip("ray", reason="Ray is not installed; `make test-ray` does it")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # Ray's own are none of ours

PROMPTS = int(os.environ.get("ROOFLOG_RAY_PROMPTS", "5000"))


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    with cluster() as nodes:
        yield nodes


@contextmanager
def driver_of(settings: Settings) -> Iterator[Driver]:
    from services.heavy.on_ray import opened

    with opened(settings, Event()) as driver:
        yield driver


class TestRay(DriverContract):
    """Two nodes."""

    under_way = 4

    @pytest.fixture
    def driver(self, nodes: Nodes) -> Iterator[Driver]:
        with driver_of(nodes.settings) as driver:
            yield driver


def test_a_killed_node_loses_and_doubles_nothing(nodes: Nodes) -> None:
    third = nodes.add()
    with driver_of(nodes.settings) as driver:
        results = on(driver)(pid_after, [0.5] * 12)
        pids = [next(results)]
        nodes.kill(third)
        pids += results
    assert len(pids) == 12


async def test_a_rebuild_on_ray_is_that_of_this_machine(log: Log, tmp_path: Path, nodes: Nodes) -> None:
    await say(log, 300)
    owner = await owned(log, tmp_path)
    result = await Rebuild(
        log, owner.files, owner, asyncio.Lock(), Plan(from_log=True, verify=True), nodes.settings
    ).run()
    assert result["status"] == "rebuilt"
    assert content_digest(owner.projector.con) == await rebuilt_digest(log)
    owner.close()


def linked(run: Run | None) -> tuple[list[tuple[object, ...]], ...]:
    """What analyses of varied texts say, and how their prompts are linked."""
    varied = Texts("ray")
    rows = [(seq, varied.question(), varied.answer()) for seq in range(1, PROMPTS + 1)]
    with closing(database.connect(None)) as con:
        for table in (analysis.ANALYSIS, near_links.NEAR_TEXTS, near_links.NEAR_BUCKETS):
            table.create(con)
        con.execute(
            """CREATE TABLE examples (seq BIGINT, prompt VARCHAR, response VARCHAR, original_response VARCHAR,
                                      analysis_key UUID)"""
        )
        database.with_rows(
            con,
            {"seq": "BIGINT", "prompt": "VARCHAR", "response": "VARCHAR"},
            rows,
            "INSERT INTO examples SELECT *, NULL, md5(prompt || response)::UUID FROM incoming",
        )
        by = analysis.analyser(default())
        analysis.analyse(con, "examples", by, run)
        near_links.link(con, "examples", run=run)
        return tuple(
            con.execute(f"FROM {name} ORDER BY ALL").fetchall() for name in ("analysis", "near_texts", "near_buckets")
        )


def test_two_nodes_link_as_one_process(nodes: Nodes) -> None:
    with opened(nodes.settings) as run:
        assert linked(run) == linked(map)


def test_a_cluster_that_is_away_is_told_first() -> None:
    with pytest.raises(EngineError, match="set ROOFLOG_RAY_ADDRESS"), opened(Settings(engine="ray")):
        pass
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with (
        pytest.raises(EngineError, match=f"no Ray cluster answers at {address}"),
        opened(Settings(ray_address=address), "ray"),
    ):
        pass


def test_an_engine_can_be_opened_again(nodes: Nodes) -> None:
    for _ in range(2):
        with opened(nodes.settings) as run:
            assert run is not None
            assert list(run(absolute, [-1])) == [1]
