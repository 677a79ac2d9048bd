"""Health: told at once, with its age, and never better than what was seen."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
from nats.aio.msg import Msg

from events.log.log import Log
from events.requests import QUERY, Answer
from services.runtime.nats_server import EmbeddedServer
from services.standby import Standby
from services.state.client import State
from services.web.changes import Changes
from services.web.health import OLDEST_SECONDS, Health
from tests.deadlines import FAR_SECONDS

from .conftest import Site, until

STATUS = {"checkpoint": 0, "quarantined": {}}


class Answering:
    """A projector that answers `status` when it may, and counts what it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.may_answer = asyncio.Event()

    @asynccontextmanager
    async def running(self, server: EmbeddedServer) -> AsyncIterator[None]:
        log = await Log.connect(server.access())
        await log.client.subscribe(f"{QUERY}.status", cb=self._answer)
        await log.client.flush()
        yield
        await log.close()

    async def _answer(self, question: Msg) -> None:
        self.asked += 1
        await self.may_answer.wait()
        await question.respond(msgspec.json.encode(Answer(STATUS)))


async def _until(condition: object) -> None:
    async with asyncio.timeout(FAR_SECONDS):
        while not condition():  # type: ignore[operator]
            await asyncio.sleep(0.01)


async def test_who_has_not_asked_yet_is_not_well(log: Log) -> None:
    held = Health(log, State(log, None, None), Changes(), Standby("web")).held()
    assert (held["status"], held["age_seconds"]) == ("down", None)


async def test_many_who_ask_share_a_look(log: Log, server: EmbeddedServer) -> None:
    """Given a slow projector, when many ask, then it is asked once for the first and once for all who came later."""
    health, projector = Health(log, State(log, None, None), Changes(), Standby("web")), Answering()
    async with projector.running(server):
        looks = [asyncio.create_task(health.look()) for _ in range(50)]
        await _until(lambda: projector.asked)
        assert health.held()["status"] == "down", "nothing was seen so far"
        projector.may_answer.set()
        assert {look["status"] for look in await asyncio.gather(*looks)} == {"ok"}
    assert projector.asked <= 2


async def test_the_watch_asks_again_by_itself(log: Log, server: EmbeddedServer) -> None:
    health, projector = Health(log, State(log, None, None), Changes(), Standby("web")), Answering()
    projector.may_answer.set()
    async with projector.running(server), health.watched():
        await _until(lambda: projector.asked > 1 and health.held()["status"] == "ok")
    assert health.held()["age_seconds"] < FAR_SECONDS


def test_a_projector_that_says_nothing_is_told_by_age(site: Site) -> None:
    """Given a stopped process, then the last look is told with its age until it is too old, and then 503."""
    client, projector = site.client(), site.processes["projector"].pid
    os.kill(projector, signal.SIGSTOP)
    try:
        ages = []

        def is_down() -> bool:
            answer = client.get("/health")
            ages.append(answer.json()["age_seconds"])
            return answer.status_code == 503

        until(is_down)
        ready, figures = client.get("/health/ready"), site.client("auditor").get("/metrics").text
        assert (ready.status_code, ready.json()["status"]) == (503, "not ready")
        assert ready.json()["reasons"][0].startswith("the projector has not answered for ")
        assert 'rooflog_up{service="web"} 0.0' in figures
        assert "rooflog_checkpoint" not in figures
        assert client.get("/health/live").status_code == 200
    finally:
        os.kill(projector, signal.SIGCONT)
    assert all(age <= OLDEST_SECONDS for age in ages[:-1])
    assert ages[-1] > ages[0]
    until(lambda: client.get("/health").status_code == 200)
    assert client.get("/health/ready").json() == {"status": "ready", "reasons": [], "service": "web"}
