"""Going back: a past state is folded beside the live pages, answers as they do, and is given up or ended at will."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.bench.processes import users_of
from tests.faults.installation import command_of

from ...conftest import ANSWER
from ..conftest import Site, until


@pytest.fixture(scope="module")
def told(site: Site) -> list[str]:
    """Three examples, of which the first is approved and the second corrected; their ids."""
    client = site.client("operator")
    ids = []
    for n in range(3):
        body = {"prompt": f"How high must base flashing at curb type {n} be?", "response": f"{ANSWER} Type {n}."}
        ids.append(client.post("/api/v1/examples", json=body).json()["example_id"])
    assert client.post(f"/api/v1/examples/{ids[0]}/approve", json={"revision": 1}).status_code == 201
    better = {"example_id": ids[1], "corrected_response": f"{ANSWER} Twice as high.", "reason": "too low"}
    assert client.post("/api/v1/corrections", json=better).status_code == 201
    until(lambda: client.get("/api/v1/stats").json()["checkpoint"] == 5)
    return ids


@pytest.fixture
def reviewer(site: Site, told: list[str]) -> Iterator[httpx.Client]:
    client = site.client("reviewer")
    yield client
    for moment in client.get("/api/v1/past").json()["items"]:
        client.delete(f"/api/v1/past/{moment['seq']}")


def go_back(client: httpx.Client, seq: int) -> dict[str, Any]:
    assert client.post("/api/v1/past", json={"seq": seq}).status_code == 202
    until(lambda: phase(client, seq) == "ready")
    moment: dict[str, Any] = client.get(f"/api/v1/past/{seq}").json()
    return moment


def phase(client: httpx.Client, seq: int) -> str:
    moment = client.get(f"/api/v1/past/{seq}").json()
    assert moment.get("phase") != "failed", moment
    return str(moment["phase"])


def folders(site: Site) -> list[Path]:
    return list(site.cli.data_dir.glob("past.*"))


def process_of(site: Site) -> int:
    """The process of the only past state that is open."""
    (pid,) = (pid for pid in users_of(site.cli.data_dir) if "past_process" in command_of(pid))
    return pid


def test_every_page_answers_as_it_stood_at_a_moment(reviewer: httpx.Client, told: list[str]) -> None:
    assert go_back(reviewer, 3)["by"] == "reviewer"
    then: dict[str, int] = {"as_of": 3}
    now: dict[str, int] = {}
    earlier, later = (reviewer.get("/api/v1/stats", params=at).json() for at in (then, now))
    assert earlier["total"] == 3 < later["total"]
    assert earlier["funnel"]["unique"] == 0 < later["funnel"]["unique"]
    assert reviewer.get("/api/v1/dashboard", params=then).json()["checkpoint"] == 3
    assert reviewer.get("/api/v1/examples", params=then | {"stage": "training"}).json()["items"] == []
    waiting = reviewer.get("/api/v1/examples", params=then | {"stage": "waiting"}).json()["items"]
    assert [item["example_id"] for item in waiting] == told[::-1]
    for path in (f"/api/v1/examples/{told[1]}", f"/api/v1/review/{told[1]}"):
        assert reviewer.get(path, params=then).json()["superseded_by"] is None
        assert reviewer.get(path).json()["superseded_by"] is not None
    assert reviewer.get(f"/api/v1/examples/{told[1]}/related", params=then).json()["corrections"] == []
    assert len(reviewer.get(f"/api/v1/examples/{told[1]}/history", params=then).json()["facts"]) == 1
    assert len(reviewer.get(f"/api/v1/examples/{told[1]}/history").json()["facts"]) == 2
    assert reviewer.get("/api/v1/review/facets", params=then).json()["projects"] == [{"name": "general", "waiting": 3}]


def test_a_moment_is_shared_and_a_third_one_waits(reviewer: httpx.Client, site: Site) -> None:
    go_back(reviewer, 2)
    assert go_back(site.client("reviewer"), 2)["by"] == "reviewer"
    go_back(reviewer, 4)
    refused = reviewer.post("/api/v1/past", json={"seq": 1})
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "too_many_moments")
    assert "2 by reviewer" in refused.json()["error"]["message"]
    assert reviewer.delete("/api/v1/past/2").json() == {"ended": True}
    assert reviewer.delete("/api/v1/past/2").json() == {"ended": False}
    go_back(reviewer, 1)
    assert [moment["seq"] for moment in reviewer.get("/api/v1/past").json()["items"]] == [1, 4]


def test_a_moment_that_is_not_there_is_refused(reviewer: httpx.Client) -> None:
    for path in ("/api/v1/stats", "/api/v1/dashboard", "/api/v1/examples", "/api/v1/examples/none"):
        answer = reviewer.get(path, params={"as_of": 2})
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "no_past_state")
    refused = reviewer.post("/api/v1/past", json={"seq": 4711})
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "no_such_moment")


def test_leaving_ends_the_process_and_leaves_nothing_behind(reviewer: httpx.Client, site: Site) -> None:
    go_back(reviewer, 3)
    pid = process_of(site)
    os.kill(pid, 0)
    reviewer.delete("/api/v1/past/3")
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert folders(site) == []


def test_a_way_back_can_be_given_up_at_once(reviewer: httpx.Client, site: Site) -> None:
    for _ in range(3):
        assert reviewer.post("/api/v1/past", json={"seq": 3}).status_code == 202
        assert reviewer.delete("/api/v1/past/3").json() == {"ended": True}
    assert reviewer.get("/api/v1/past").json()["items"] == []
    until(lambda: folders(site) == [])


def test_a_killed_past_process_can_be_started_again(reviewer: httpx.Client, site: Site) -> None:
    go_back(reviewer, 3)
    os.kill(process_of(site), 9)
    until(lambda: reviewer.get("/api/v1/past/3").json()["phase"] == "failed")
    assert reviewer.get("/api/v1/stats", params={"as_of": 3}).status_code == 404
    go_back(reviewer, 3)
    assert reviewer.get("/api/v1/stats", params={"as_of": 3}).json()["total"] == 3


def test_an_erasure_ends_every_past_state(reviewer: httpx.Client, site: Site) -> None:
    body = {"prompt": "Whom did the owner of the north roof name?", "response": ANSWER}
    captured = site.client("operator").post("/api/v1/examples", json=body).json()
    example_id, seq = captured["example_id"], captured["seq"]
    go_back(reviewer, seq)
    answer = reviewer.get(f"/api/v1/examples/{example_id}", params={"as_of": seq}).json()
    assert answer.get("prompt") == body["prompt"], answer
    site.cli.run("erase", example_id, "--reason", "asked to")
    until(lambda: reviewer.get("/api/v1/past").json()["items"] == [])
    until(lambda: folders(site) == [])
    go_back(reviewer, seq)
    answer = reviewer.get(f"/api/v1/examples/{example_id}", params={"as_of": seq}).json()
    assert answer.get("prompt") == "", answer


def test_the_service_takes_its_past_states_with_it(site: Site, told: list[str]) -> None:
    go_back(site.client("reviewer"), 3)
    site.stop("web")
    assert folders(site) == []
    site.start("web")
    site.until_answering()
