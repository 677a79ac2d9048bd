"""The desk: reviewers who work at once on one queue do not look at the same example."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from events.log import stream
from events.log.log import Log
from services.runtime.nats_server import EmbeddedServer
from services.web.desk import Desk
from tests.deadlines import FAR_SECONDS

from .browser import capture
from .conftest import Site, until

PEOPLE = ("ann", "bob", "eve")
WAITING = 90


@pytest.fixture
async def desks(tmp_path: Path) -> AsyncIterator[tuple[Desk, Desk]]:
    """The desks of two gateways on one log."""
    with EmbeddedServer(tmp_path) as server:
        logs = [await Log.connect(server.access("gateway"), create=False) for _ in range(2)]
        yield Desk(logs[0]), Desk(logs[1])
        for log in logs:
            await log.close()


async def test_an_example_is_taken_by_one_until_they_leave_it(desks: tuple[Desk, Desk]) -> None:
    here, there = desks
    assert await here.take("a", "ann") == "ann"
    assert await there.take("a", "bob") == "ann"
    assert await there.take("a", "ann") == "ann"
    assert await here.take("b", "bob") == "bob"
    assert await there.taken() == {"a": "ann", "b": "bob"}
    await there.leave("a", "bob")
    assert (await here.taken())["a"] == "ann"
    await there.leave("a", "ann")
    assert await here.taken() == {"b": "bob"}
    assert await there.take("a", "bob") == "bob"


async def test_of_many_who_take_at_once_one_has_it(desks: tuple[Desk, Desk]) -> None:
    for example in "abcdefgh":
        names = [f"{name}{n}" for name in PEOPLE for n in range(4)]
        holders = await asyncio.gather(*(desks[n % 2].take(example, name) for n, name in enumerate(names)))
        assert len({holder for holder in holders if holder}) == 1


async def test_what_nobody_is_heard_of_is_free_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "DESK_SECONDS", 1.0)
    with EmbeddedServer(tmp_path) as server:
        log = await Log.connect(server.access("gateway"), create=False)
        desk = Desk(log)
        assert await desk.take("a", "ann") == "ann"
        async with asyncio.timeout(FAR_SECONDS):
            while (holder := await desk.take("a", "bob")) == "ann":
                await asyncio.sleep(0.05)
        assert holder == "bob"
        await log.close()


async def test_without_a_bucket_nothing_is_taken(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with EmbeddedServer(tmp_path) as server:
        admin = await Log.connect(server.access("admin"))
        await admin.jetstream().delete_key_value(stream.DESK)
        desk = Desk(admin)
        assert await desk.take("a", "ann") is None
        assert await desk.taken() == {}
        await desk.leave("a", "ann")
        assert caplog.text.count("which examples are open is not known") == 1
        await admin.close()


def test_three_reviewers_at_once_decide_each_example_once(site: Site) -> None:
    """As the page does: open what nobody else has open, decide, and go on to the next."""
    capture(site, "shared", *(f"How wide is lap {n} of a roof membrane at the seam?" for n in range(WAITING)))
    decided: list[tuple[str, str]] = []
    refused: list[Any] = []

    def work(name: str) -> None:
        with site.reviewer(name) as client:
            opened = left = None
            deadline = time.monotonic() + FAR_SECONDS
            while time.monotonic() < deadline:
                params = {"project": "shared", "opened": opened, "left": left}
                page = get(client, {key: value for key, value in params.items() if value})
                if opened and page["opened_by"] == name:
                    answer = client.post(f"/api/v1/examples/{opened}/reject", json=rejection(client, opened))
                    (decided if answer.is_success else refused).append((name, opened))
                    left = opened = None  # it stays taken, as others may have read before that it waits
                    continue
                free = [item for item in page["items"] if item["taken_by"] is None and item["example_id"] != opened]
                if not page["items"]:
                    return
                left, opened = opened, free[0]["example_id"] if free else None

    people = [threading.Thread(target=work, args=(name,)) for name in PEOPLE]
    for person in people:
        person.start()
    for person in people:
        person.join()
    assert refused == []
    assert len(decided) == len({example for _, example in decided}) == WAITING
    assert set(Counter(name for name, _ in decided)) == set(PEOPLE)


def get(client: httpx.Client, params: dict[str, Any]) -> Any:
    answer = client.get("/api/v1/review", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def rejection(client: httpx.Client, example_id: str) -> dict[str, Any]:
    return {"revision": client.get(f"/api/v1/examples/{example_id}").json()["revision"], "reason": "not ours"}


def test_whoever_only_looks_takes_nothing(site: Site) -> None:
    [example_id] = capture(site, "looked at", "How wide is the lap of a TPO roof?")
    auditor, reviewer = site.client("auditor"), site.client("reviewer")
    params = {"project": "looked at", "opened": example_id}
    assert get(auditor, params)["opened_by"] is None
    assert get(reviewer, params)["opened_by"] == "reviewer"
    assert get(reviewer, params)["items"][0]["taken_by"] is None
    assert get(auditor, params)["items"][0]["taken_by"] == "reviewer"
    get(reviewer, {"project": "looked at", "left": example_id})
    until(lambda: get(auditor, params)["items"][0]["taken_by"] is None)
    assert reviewer.get("/api/v1/review", params={"opened": "no such id, but dots."}).status_code == 422
