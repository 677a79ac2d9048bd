"""Heavy work on Modal: its real client, and a server that runs the function of the app in processes."""

from __future__ import annotations

import random
from collections.abc import Generator, Iterator
from pathlib import Path
from threading import Event

import pytest

from projections.work import jobs
from projections.work.jobs import Driver, Lost, Order, Reply, on
from services import settings
from services.heavy import opened
from services.heavy.failure import EngineError
from services.heavy.on_modal import TOGETHER, UNDER_WAY
from services.heavy.on_modal import opened as driver_opened
from tests.projections.work.contract import DriverContract, digests, here, pages
from tests.projections.work.jobs import absolute, echo

from .standin import MapStandIn


@pytest.fixture
def driver(standin: MapStandIn) -> Iterator[Driver]:
    with driver_opened(settings.load({}, {}), Event()) as driver:
        yield driver


@pytest.mark.slow
class TestModal(DriverContract):
    """Two containers."""

    under_way = TOGETHER * UNDER_WAY


def test_the_app_gives_the_bytes_of_one_process() -> None:
    from services.heavy import modal_app

    def local(orders: Iterator[Order]) -> Generator[Reply | Lost]:
        yield from map(modal_app.perform.local, orders)

    given = pages()
    assert digests(local, given) == digests(here, given)


def test_results_are_cleared_when_a_map_is_over(driver: Driver, standin: MapStandIn) -> None:
    pages = [b"small", random.Random(1).randbytes(5_000_000)]
    assert list(on(driver)(echo, pages)) == pages
    assert standin.steps.count("BlobPut") == standin.steps.count("BlobGet") == 1
    assert standin.held == {}


def test_an_app_that_is_not_deployed_is_told_first(standin: MapStandIn) -> None:
    standin.functions = ()
    with (
        pytest.raises(EngineError, match=r"cannot find rooflog-heavy/perform.*deploy services/heavy/modal_app.py"),
        opened(settings.load({}, {"ROOFLOG_ENGINE": "modal"})),
    ):
        pass


def test_containers_of_another_rooflog_are_told_first(standin: MapStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "code", lambda: "0" * 64)
    with (
        pytest.raises(EngineError, match=r"^Modal is not used: the code of a worker is \w+, and 000000000000 here; "),
        opened(settings.load({}, {}), "modal"),
    ):
        pass


def test_a_server_that_fails_once_loses_nothing(driver: Driver, standin: MapStandIn) -> None:
    standin.fail("FunctionPutInputs", "status", detail="NOT_FOUND", times=1)
    assert list(on(driver)(absolute, range(-5, 0))) == [5, 4, 3, 2, 1]


def test_an_image_holds_the_code_and_its_lock(tmp_path: Path) -> None:
    from services.heavy import modal_app

    assert (modal_app.ROOT / "requirements.lock").exists()
    for folder in jobs.DECIDING:
        assert (modal_app.ROOT / folder).is_dir()
    ignored = modal_app.ignored
    assert not ignored(Path("policy/lexicon.toml"))
    assert not ignored(Path("work/jobs.py"))
    assert ignored(Path("web/static/dom.js"))
